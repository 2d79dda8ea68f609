#include "shards/channel_access.h"

#include <algorithm>

#include <re2/re2.h>

#include "shards/keyed_address.h"

namespace tickcast::shards {

struct ChannelAccess::Pattern {
  const engine::Namespace* ns;
  std::unique_ptr<RE2> regex;
};

ChannelAccess::ChannelAccess(const engine::Config& config) : config_(config) {
  const auto add = [this](const engine::Namespace& ns) {
    if (ns.channel_regex.empty()) return;
    patterns_.push_back({&ns, std::make_unique<RE2>(ns.channel_regex, RE2::Quiet)});
  };
  add(config.channel.without_namespace);
  for (const engine::Namespace& ns : config.channel.namespaces) add(ns);
}

ChannelAccess::~ChannelAccess() = default;

// As in the original, of a private channel without a namespace the prefix belongs to the rest.
std::string_view ChannelAccess::BehindNamespace(std::string_view channel) const {
  const std::string_view boundary = config_.channel.namespace_boundary;
  if (boundary.empty()) return channel;
  const std::size_t at = channel.find(boundary);
  return at == std::string_view::npos ? channel : channel.substr(at + boundary.size());
}

bool ChannelAccess::IsValidName(const engine::Namespace& ns, std::string_view channel) const {
  // The slot of a key, which only who tracks the key may see.
  if (ns.is_keyed() && !SplitSlot(channel).key.empty()) return false;
  if (ns.channel_regex.empty()) {
    return std::all_of(channel.begin(), channel.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  }
  const auto pattern = std::find_if(patterns_.begin(), patterns_.end(),
                                    [&ns](const Pattern& known) { return known.ns == &ns; });
  if (pattern == patterns_.end()) return false;
  const std::string_view rest = BehindNamespace(channel);
  return RE2::PartialMatch(re2::StringPiece(rest.data(), rest.size()), *pattern->regex);
}

bool ChannelAccess::IsPrivate(std::string_view channel) const {
  const std::string_view prefix = config_.channel.private_prefix;
  return !prefix.empty() && channel.starts_with(prefix);
}

bool ChannelAccess::IsUserLimited(const engine::Namespace& ns, std::string_view channel) const {
  const std::string_view boundary = config_.channel.user_boundary;
  return ns.allow_user_limited_channels && !boundary.empty() &&
         channel.find(boundary) != std::string_view::npos;
}

bool ChannelAccess::NamesUser(std::string_view channel, std::string_view user) const {
  const std::string_view boundary = config_.channel.user_boundary;
  const std::size_t at = boundary.empty() ? std::string_view::npos : channel.rfind(boundary);
  if (at == std::string_view::npos) return true;
  std::string_view users = channel.substr(at + boundary.size());
  const std::string_view separator = config_.channel.user_separator;
  if (separator.empty()) return users == user;
  for (;;) {
    const std::size_t end = users.find(separator);
    if (users.substr(0, end) == user) return true;
    if (end == std::string_view::npos) return false;
    users.remove_prefix(end + separator.size());
  }
}

bool ChannelAccess::MaySubscribe(const engine::Namespace& ns, std::string_view channel,
                                 std::string_view user) const {
  if (IsPrivate(channel)) return false;
  const bool limited = IsUserLimited(ns, channel);
  if (limited && NamesUser(channel, user)) return true;
  if (!limited && ns.allow_subscribe_for_client &&
      (!user.empty() || ns.allow_subscribe_for_anonymous)) {
    return true;
  }
  return config_.client.insecure;
}

bool ChannelAccess::MayPublish(const engine::Namespace& ns, std::string_view user,
                               bool subscribed) const {
  if (config_.client.insecure) return true;
  return (!user.empty() || ns.allow_publish_for_anonymous) &&
         (ns.allow_publish_for_client || (ns.allow_publish_for_subscriber && subscribed));
}

bool ChannelAccess::MayWriteKey(const engine::Namespace& ns, bool remove, std::string_view user,
                                bool subscribed) const {
  if (config_.client.insecure) return true;
  const engine::MapConfig& map = ns.map;
  const bool anonymous = remove ? map.allow_remove_for_anonymous : map.allow_publish_for_anonymous;
  const bool client = remove ? map.allow_remove_for_client : map.allow_publish_for_client;
  return (!user.empty() || anonymous) &&
         (client || (map.lets_subscribers_write(remove) && subscribed));
}

bool ChannelAccess::MayReadHistory(const engine::Namespace& ns, std::string_view user,
                                   bool subscribed) const {
  if (config_.client.insecure) return true;
  return (!user.empty() || ns.allow_history_for_anonymous) &&
         (ns.allow_history_for_client || (ns.allow_history_for_subscriber && subscribed));
}

bool ChannelAccess::MayReadPresence(const engine::Namespace& ns, std::string_view user,
                                    bool subscribed) const {
  if (config_.client.insecure) return true;
  return (!user.empty() || ns.allow_presence_for_anonymous) &&
         (ns.allow_presence_for_client || (ns.allow_presence_for_subscriber && subscribed));
}

std::string ChannelAccess::PersonalChannel(std::string_view user) const {
  std::string name = config_.client.subscribe_to_user_personal_channel.personal_channel_namespace;
  if (!name.empty()) name += config_.channel.namespace_boundary;
  name += config_.channel.user_boundary;
  name += user;
  return name;
}

}  // namespace tickcast::shards
