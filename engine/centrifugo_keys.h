// The keys of Centrifugo 6 that are not ours: what becomes of each, and what to do instead.
//
// With the table of our own keys (engine/config_keys.h), most of which are Centrifugo's, these
// rules say of every key of Centrifugo whether it works here, and where it does not, why. The
// warnings at the start and docs/from-centrifugo.md are made from them. The names were read from
// the source of Centrifugo 6.9.1. Threading: constants.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tickcast::engine {

struct CentrifugoRule {
  // A key or a section, for itself and everything under it; of several the longest holds. An item
  // of a list is `[]`; of keys that stand in several places one stands for all (see
  // CentrifugoName()).
  std::string_view key;
  enum class Told {
    kWarning,  // It asks for something that is not here.
    kNever,    // It shapes something that another key turns on, or nothing is lost without it.
    kMistake,  // What it asks for would change what clients see, so nothing is started.
  } told;
  // Its default, with which it asks for nothing. So do false, 0, "" and empty lists.
  std::string_view quiet;
  std::string_view advice;  // What to do instead; a sentence without its full stop.
};

std::span<const CentrifugoRule> CentrifugoRules();

// The rule for `name`, a key as CentrifugoName() gives it; nullptr: there is none.
const CentrifugoRule* FindCentrifugoRule(std::string_view name);

// `name` with the place that stands for all others like it: "channel.namespaces[].map.mode" for
// "channel.namespaces[3].map.mode" and for "channel.without_namespace.map.mode",
// "proxies[].endpoint" for "rpc.proxy.endpoint".
std::string CentrifugoName(std::string_view name);

// Sections and what stands for them in a rule: {"rpc.proxy", "proxies[]"}.
struct CentrifugoAlias {
  std::string_view section;
  std::string_view stands_for;
};
std::span<const CentrifugoAlias> CentrifugoAliases();

// Whether a key of ours, named as CentrifugoName() does, is no key of Centrifugo.
bool IsOwnConfigKey(std::string_view name);

}  // namespace tickcast::engine
