// ChannelAccess: which names of channels are valid, and what a user may do in a channel, by its
// name and its namespace alone. Tokens and proxies come on top.
//
// The checks and their order are those of Centrifugo: a private channel (`$…`) takes a token and
// nothing else, not even client.insecure; a user-limited one (`…#42,43`) takes its users.
// Source: internal/client/handler.go and internal/config/container.go of
// github.com/centrifugal/centrifugo. Threading: not changed after it is made; shared by a shard.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config.h"

namespace tickcast::shards {

class ChannelAccess {
 public:
  // `config` outlives it; its patterns were checked when it was loaded.
  explicit ChannelAccess(const engine::Config& config);
  ~ChannelAccess();

  // Whether `channel` of namespace `ns` has a name that clients may use: channel_regex of what
  // stands behind the namespace, or without one, ASCII.
  bool IsValidName(const engine::Namespace& ns, std::string_view channel) const;

  // Needs a subscription token.
  bool IsPrivate(std::string_view channel) const;
  // Only for the users that it names.
  bool IsUserLimited(const engine::Namespace& ns, std::string_view channel) const;
  bool NamesUser(std::string_view channel, std::string_view user) const;

  // Whether `user` (empty: anonymous) may subscribe without a token or a proxy.
  bool MaySubscribe(const engine::Namespace& ns, std::string_view channel,
                    std::string_view user) const;
  bool MayPublish(const engine::Namespace& ns, std::string_view user, bool subscribed) const;
  // Into a map: whether a key may be written, or with `remove` removed.
  bool MayWriteKey(const engine::Namespace& ns, bool remove, std::string_view user,
                   bool subscribed) const;
  bool MayReadHistory(const engine::Namespace& ns, std::string_view user, bool subscribed) const;
  bool MayReadPresence(const engine::Namespace& ns, std::string_view user, bool subscribed) const;

  // client.subscribe_to_user_personal_channel: `#42`, or `user:#42`.
  std::string PersonalChannel(std::string_view user) const;

 private:
  struct Pattern;
  std::string_view BehindNamespace(std::string_view channel) const;

  const engine::Config& config_;
  std::vector<Pattern> patterns_;  // Of the namespaces that have one.
};

}  // namespace tickcast::shards
