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

template <class Owner>
struct ConfigField;

// A table of keys within a table, and the keys that it has.
template <class Owner>
struct ConfigSection {
  Owner* owner;
  const ConfigField<Owner>* first;
  std::size_t count;

  std::span<const ConfigField<Owner>> fields() const { return {first, count}; }
};

// A list of tables, and the keys that each of them has.
template <class Item>
struct ConfigList {
  std::vector<Item>* items;
  const ConfigField<Item>* first;
  std::size_t count;

  std::span<const ConfigField<Item>> fields() const { return {first, count}; }
};

// The member that a key sets. Its type is the key's.
using ConfigTarget =
    std::variant<bool*, std::uint16_t*, std::uint32_t*, std::uint64_t*, std::int64_t*, double*,
                 ConfigDuration, std::string*, ChannelKind*, RecoveryMode*, DataFormat*, LogLevel*,
                 LogFormat*, SubscriptionType*, MapMode*, MapClientKey*, SharedPollMode*,
                 std::vector<std::string>*, std::vector<std::uint32_t>*, ConfigSection<Namespace>,
                 ConfigSection<TokenConfig>, ConfigSection<ProxyConfig>,
                 ConfigSection<RpcNamespace>, ConfigList<Namespace>, ConfigList<ProxyConfig>,
                 ConfigList<RpcNamespace>, ConfigList<HttpHeader>, ConfigList<StatusTransform>,
                 ConfigList<ReplayFeedConfig>, ConfigList<DisconnectTransform>,
                 ConfigList<ResponseTransform>>;

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

// In the order of the documentation. Of the tables of lists the first field is the one that must
// be there; what is no item of a list has the fields without it.
std::span<const ConfigField<Config>> ConfigFields();
std::span<const ConfigField<Namespace>> NamespaceFields();
std::span<const ConfigField<ProxyConfig>> ProxyFields();        // Of proxies[]: `name` first.
std::span<const ConfigField<ProxyConfig>> ClientProxyFields();  // `enabled` first.
std::span<const ConfigField<TokenConfig>> TokenFields();        // `enabled` first.
std::span<const ConfigField<RpcNamespace>> RpcNamespaceFields();
std::span<const ConfigField<HttpHeader>> HttpHeaderFields();
std::span<const ConfigField<StatusTransform>> StatusTransformFields();
std::span<const ConfigField<ReplayFeedConfig>> ReplayFields();
std::span<const ConfigField<DisconnectTransform>> DisconnectTransformFields();
std::span<const ConfigField<ResponseTransform>> ResponseTransformFields();

// The exchanges that have a decoder, as feeds.replay names them.
std::span<const std::string_view> ReplayExchanges();

// The words of an enumeration, in the order of its values.
std::span<const std::string_view> ConfigWords(const ChannelKind* kind);
std::span<const std::string_view> ConfigWords(const RecoveryMode* mode);
std::span<const std::string_view> ConfigWords(const DataFormat* format);
std::span<const std::string_view> ConfigWords(const LogLevel* level);
std::span<const std::string_view> ConfigWords(const LogFormat* format);
std::span<const std::string_view> ConfigWords(const SubscriptionType* type);
std::span<const std::string_view> ConfigWords(const MapMode* mode);
std::span<const std::string_view> ConfigWords(const MapClientKey* key);
std::span<const std::string_view> ConfigWords(const SharedPollMode* mode);

template <class Word>
concept ConfigWord = requires(const Word* word) {
  ConfigWords(word);
};

// The words of `target` if it is an enumeration, else none.
std::span<const std::string_view> ConfigTargetWords(const ConfigTarget& target);

// Calls visit for every key that a flag or variable can set, with its full name: sections such as
// channel.without_namespace are replaced by their own keys.
void VisitConfigKeys(Config& config,
                     const std::function<void(const std::string& name, const ConfigFacts& facts,
                                              ConfigTarget target)>& visit);

// The environment variable of a key: TICKCAST_CLIENT_INSECURE for client.insecure.
std::string ConfigVariable(std::string_view name);

}  // namespace tickcast::engine
