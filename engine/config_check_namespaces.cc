// CheckNamespaces(): what a namespace's options take from each other.
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "engine/config_checker.h"

namespace tickcast::engine {
namespace {

struct Option {
  std::string_view key;
  bool on;
};

// Options that are on and would do nothing, because of `why`.
void TellUseless(ConfigChecker& check, const std::string& name, std::span<const Option> options,
                 absl::string_view why) {
  for (const Option& option : options) {
    if (option.on) check.Useless(name + "." + std::string(option.key), why);
  }
}

void CheckIntervals(ConfigChecker& check, const std::string& name, const Namespace& ns) {
  if (ns.kind == ChannelKind::kStream && !ns.is_keyed()) {
    for (const char* key : {".min_interval", ".default_interval", ".value_fields"}) {
      if (!check.WasSet(name + key)) continue;
      check.Wrong(name + key, "has no effect on a stream, which sends every publication");
    }
    return;
  }
  if (ns.default_interval_ns >= ns.min_interval_ns) return;
  check.Wrong(
      name + (check.WasSet(name + ".default_interval") ? ".default_interval" : ".min_interval"),
      absl::StrCat("a subscriber that asks for no interval gets ",
                   FormatConfigDuration(ns.default_interval_ns),
                   " (default_interval), which must not be less than the min_interval of ",
                   FormatConfigDuration(ns.min_interval_ns)));
}

void CheckHistory(ConfigChecker& check, const std::string& name, const Namespace& ns) {
  const bool history = ns.history_size != 0 && ns.history_ttl_ns != 0;
  if (ns.history_size != 0 && !history) {
    check.Wrong(name + ".history_size", "has no effect without history_ttl");
  }
  if (ns.history_ttl_ns != 0 && !history) {
    check.Wrong(name + ".history_ttl", "has no effect without history_size");
  }
  const bool state = ns.kind == ChannelKind::kState;
  if (state && history) {
    check.Wrong(name + ".history_size", "a state channel keeps its newest value and no history");
  }
  if (state || !history) {
    const char* why =
        state ? "a state channel has no history to read" : "needs history_size and history_ttl";
    if (ns.force_recovery) check.Wrong(name + ".force_recovery", why);
    const Option needing_history[] = {
        {"allow_positioning", ns.allow_positioning},
        {"force_positioning", ns.force_positioning},
        {"allow_recovery", ns.allow_recovery},
        {"allow_history_for_client", ns.allow_history_for_client},
        {"allow_history_for_subscriber", ns.allow_history_for_subscriber},
        {"allow_history_for_anonymous", ns.allow_history_for_anonymous},
    };
    TellUseless(check, name, needing_history, why);
  }
  const std::uint64_t meta_ttl_ns = ns.history_meta_ttl_ns != 0
                                        ? ns.history_meta_ttl_ns
                                        : check.config().channel.history_meta_ttl_ns;
  if (ns.history_ttl_ns > meta_ttl_ns) {
    check.Wrong(name + ".history_ttl",
                absl::StrCat("publications are kept for ", FormatConfigDuration(ns.history_ttl_ns),
                             ", which must not be more than the history_meta_ttl of ",
                             FormatConfigDuration(meta_ttl_ns)));
  }
  const bool cache = ns.force_recovery && ns.force_recovery_mode == RecoveryMode::kCache;
  if (ns.auto_cache_recover && !cache) {
    check.Wrong(name + ".auto_cache_recover",
                "needs force_recovery and force_recovery_mode = \"cache\"");
  }
}

void CheckPresence(ConfigChecker& check, const std::string& name, const Namespace& ns) {
  const Option needing_presence[] = {
      {"allow_presence_for_client", ns.allow_presence_for_client},
      {"allow_presence_for_subscriber", ns.allow_presence_for_subscriber},
      {"allow_presence_for_anonymous", ns.allow_presence_for_anonymous},
  };
  if (!ns.presence) TellUseless(check, name, needing_presence, "has no effect without presence");
  const Option needing_joins[] = {{"force_push_join_leave", ns.force_push_join_leave}};
  if (!ns.join_leave) TellUseless(check, name, needing_joins, "has no effect without join_leave");
  const Option needing_either[] = {{"presence_grace", ns.presence_grace_ns != 0}};
  if (!ns.presence && !ns.join_leave) {
    TellUseless(check, name, needing_either, "has no effect without presence or join_leave");
  }
}

void CheckNamespace(ConfigChecker& check, const std::string& name, const Namespace& ns) {
  CheckIntervals(check, name, ns);
  CheckHistory(check, name, ns);
  CheckPresence(check, name, ns);
  const Option needing_delta[] = {{"delta_publish", ns.delta_publish}};
  if (ns.allowed_delta_types.empty()) {
    TellUseless(check, name, needing_delta, "has no effect without allowed_delta_types");
  }
}

// A name that no channel's could be taken for.
void CheckNamespaceName(ConfigChecker& check, const std::string& name, const std::string& ns) {
  const ChannelConfig& channel = check.config().channel;
  if (channel.namespace_boundary.empty()) {
    check.Useless(name + ".name", "no channel is in it with an empty channel.namespace_boundary");
  } else if (absl::StrContains(ns, channel.namespace_boundary)) {
    check.Wrong(name + ".name", absl::StrCat("\"", ns, "\" contains channel.namespace_boundary"));
  }
  if (!channel.private_prefix.empty() && absl::StartsWith(ns, channel.private_prefix)) {
    check.Wrong(name + ".name", absl::StrCat("\"", ns, "\" begins with channel.private_prefix"));
  }
}

}  // namespace

void CheckNamespaces(ConfigChecker& check) {
  CheckNamespace(check, "channel.without_namespace", check.config().channel.without_namespace);
  const auto& namespaces = check.config().channel.namespaces;
  for (std::size_t i = 0; i < namespaces.size(); ++i) {
    const std::string name = absl::StrCat("channel.namespaces[", i, "]");
    CheckNamespace(check, name, namespaces[i]);
    CheckNamespaceName(check, name, namespaces[i].name);
    const auto first =
        std::find_if(namespaces.begin(), namespaces.begin() + static_cast<std::ptrdiff_t>(i),
                     [&](const Namespace& earlier) { return earlier.name == namespaces[i].name; });
    if (first == namespaces.begin() + static_cast<std::ptrdiff_t>(i) || first->name.empty()) {
      continue;
    }
    const std::string first_name =
        absl::StrCat("channel.namespaces[", first - namespaces.begin(), "].name");
    check.Wrong(name + ".name", absl::StrCat("\"", first->name, "\" is already defined at ",
                                             check.PlaceOf(first_name).Text()));
  }
}

}  // namespace tickcast::engine
