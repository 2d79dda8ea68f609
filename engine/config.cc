#include "engine/config.h"

#include <algorithm>
#include <utility>

namespace tickcast::engine {

const Namespace* Config::FindNamespace(std::string_view channel_name) const {
  const std::string_view prefix = channel.private_prefix;
  if (!prefix.empty() && channel_name.starts_with(prefix))
    channel_name.remove_prefix(prefix.size());
  if (channel.namespace_boundary.empty()) return &channel.without_namespace;
  const std::size_t boundary = channel_name.find(channel.namespace_boundary);
  if (boundary == std::string_view::npos) return &channel.without_namespace;

  // A scan: an operator has a handful of namespaces, and the search is once per subscribe.
  const std::string_view name = channel_name.substr(0, boundary);
  const auto found = std::find_if(channel.namespaces.begin(), channel.namespaces.end(),
                                  [name](const Namespace& ns) { return ns.name == name; });
  return found == channel.namespaces.end() ? nullptr : &*found;
}

const RpcNamespace* RpcConfig::FindNamespace(std::string_view method) const {
  const std::size_t boundary =
      namespace_boundary.empty() ? std::string_view::npos : method.find(namespace_boundary);
  // `:method` has no namespace either.
  if (boundary == std::string_view::npos || boundary == 0) return &without_namespace;
  const std::string_view name = method.substr(0, boundary);
  const auto found = std::find_if(namespaces.begin(), namespaces.end(),
                                  [name](const RpcNamespace& ns) { return ns.name == name; });
  return found == namespaces.end() ? nullptr : &*found;
}

namespace {

void AddFeedNamespaces(std::vector<Namespace>& namespaces) {
  const auto add = [&namespaces](Namespace added) {
    const auto same = [&added](const Namespace& known) { return known.name == added.name; };
    if (std::any_of(namespaces.begin(), namespaces.end(), same)) return;
    added.allow_subscribe_for_client = true;
    added.allow_subscribe_for_anonymous = true;
    namespaces.push_back(std::move(added));
  };
  add({.name = "ticker", .kind = ChannelKind::kState});
  add({.name = "trade"});
  Namespace watch{.name = "watch", .allowed_delta_types = {"fossil"}};
  watch.subscription_type = SubscriptionType::kSharedPoll;
  watch.source = "feed:*";
  watch.shared_poll.allow_unsigned = true;
  add(std::move(watch));
  Namespace tickers{.name = "tickers", .allowed_delta_types = {"fossil"}};
  tickers.subscription_type = SubscriptionType::kMap;
  tickers.source = "feed:*";
  add(std::move(tickers));
}

}  // namespace

void CompleteNamespaces(Config& config) {
  if (config.feeds.sim.enabled || !config.feeds.replay.empty()) {
    AddFeedNamespaces(config.channel.namespaces);
  }
  for (Namespace& ns : config.channel.namespaces) {
    if (ns.subscription_type == SubscriptionType::kSharedPoll) ns.kind = ChannelKind::kState;
  }
}

}  // namespace tickcast::engine
