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

void AddFeedNamespaces(Config& config) {
  if (!config.feeds.sim.enabled && config.feeds.replay.empty()) return;

  for (const auto& [name, kind] :
       {std::pair{"ticker", ChannelKind::kState}, std::pair{"trade", ChannelKind::kStream}}) {
    auto& namespaces = config.channel.namespaces;
    if (std::any_of(namespaces.begin(), namespaces.end(),
                    [name = name](const Namespace& ns) { return ns.name == name; })) {
      continue;
    }
    Namespace added;
    added.name = name;
    added.kind = kind;
    added.allow_subscribe_for_client = true;
    added.allow_subscribe_for_anonymous = true;
    namespaces.push_back(std::move(added));
  }
}

}  // namespace tickcast::engine
