// The table of keys: what an operator can set, told once.
//
// Files, environment, `--set`, the checks of type and range, the suggestions for a mistyped key and
// docs/configuration.md are all made from it, so none of them can know a key that another does not.
// A key is named as the member of Config that it sets; a member `…_ns` is a duration.
// Threading: constants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/config.h"

namespace tickcast::engine {

struct ConfigDuration {
  std::uint64_t* ns;
};

// The member that a key sets. Its type is the key's.
using ConfigTarget =
    std::variant<bool*, std::uint16_t*, std::uint32_t*, std::uint64_t*, double*, ConfigDuration,
                 std::string*, ChannelKind*, LogLevel*, LogFormat*, std::vector<std::string>*,
                 std::vector<std::uint32_t>*, Namespace*, std::vector<Namespace>*,
                 std::vector<ReplayFeedConfig>*>;

// Which values of its type a key takes.
struct ConfigBounds {
  // Of integers (items of lists too), numbers, and durations in ns; inclusive.
  std::int64_t least = 0;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  bool or_zero = false;       // 0 as well, where `least` is above it.
  bool above_least = false;   // Of numbers: `least` itself is not taken …
  bool below_most = false;    // … nor is `most`.
  bool power_of_two = false;  // Of integers.
  std::int64_t step = 1;      // Values are multiples of it.
  // Of texts (items of lists too): the words it takes; or what a text must be, empty when it is.
  std::span<const std::string_view> words = {};
  std::string_view (*check)(std::string_view text) = nullptr;
  std::size_t most_items = std::numeric_limits<std::size_t>::max();  // Of lists of texts.
};

struct ConfigFacts {
  std::string_view name;  // Within its owner: "client.ping_interval", "history_size".
  ConfigBounds bounds;
  std::string_view meaning;  // A sentence or more, in Markdown.
};

template <class Owner>
struct ConfigField {
  ConfigFacts facts;
  ConfigTarget (*locate)(Owner& owner);
};

// In the order of the documentation. The first namespace field is `name`, which
// channel.without_namespace does not have.
std::span<const ConfigField<Config>> ConfigFields();
std::span<const ConfigField<Namespace>> NamespaceFields();
std::span<const ConfigField<ReplayFeedConfig>> ReplayFields();

// The fields of channel.without_namespace.
inline std::span<const ConfigField<Namespace>> WithoutNamespaceFields() {
  return NamespaceFields().subspan(1);
}

// The exchanges that have a decoder, as feeds.replay names them.
std::span<const std::string_view> ReplayExchanges();

// The words of an enumeration, in the order of its values.
std::span<const std::string_view> ConfigWords(const ChannelKind* kind);
std::span<const std::string_view> ConfigWords(const LogLevel* level);
std::span<const std::string_view> ConfigWords(const LogFormat* format);

// Calls visit for every key that a flag or variable can set, with its full name:
// channel.without_namespace is replaced by its own keys.
void VisitConfigKeys(Config& config,
                     const std::function<void(const std::string& name, const ConfigFacts& facts,
                                              ConfigTarget target)>& visit);

// The environment variable of a key: TICKCAST_CLIENT_INSECURE for client.insecure.
std::string ConfigVariable(std::string_view name);

}  // namespace tickcast::engine
