#include "engine/config_keys.h"

#include <arpa/inet.h>
#include <re2/re2.h>

#include <algorithm>
#include <vector>

#include "engine/config_key_rows.h"

namespace tickcast::engine {
namespace {

constexpr std::string_view kKinds[] = {"stream", "state"};
constexpr std::string_view kRecoveryModes[] = {"stream", "cache"};
constexpr std::string_view kDataFormats[] = {"", "json", "json_object", "binary"};
constexpr std::string_view kLevels[] = {"trace", "debug", "info", "warn", "error", "none"};
constexpr std::string_view kFormats[] = {"text", "json"};
constexpr std::string_view kSubscriptionTypes[] = {"stream", "map", "map_clients", "map_users",
                                                   "shared_poll"};
constexpr std::string_view kMapModes[] = {"", "ephemeral", "recoverable", "persistent"};
constexpr std::string_view kMapClientKeys[] = {"", "client_id", "user_id"};
constexpr std::string_view kSharedPollModes[] = {"versionless", "versioned"};

std::string_view CheckAddress(std::string_view text) {
  const std::string address(text);
  unsigned char binary[sizeof(in6_addr)];
  if (address.empty() || inet_pton(AF_INET, address.c_str(), binary) == 1 ||
      inet_pton(AF_INET6, address.c_str(), binary) == 1) {
    return {};
  }
  return "an IPv4 or IPv6 address in numbers, or empty for every interface";
}

// clang-format off: a row is a key, its bounds, what it means, where it is kept.
const ConfigField<Config> kHttpServerRows[] = {
    {{"http_server.address", Text(CheckAddress),
      "Where to listen, as a numeric address. Empty: on every IPv4 interface."},
     AT(Config, http_server.address)},
    {{"http_server.port", Between(0, 65'535),
      "The one port of WebSocket, HTTP API, metrics and page. 0: any free one, which the log "
      "names."},
     AT(Config, http_server.port)},
};
// clang-format on

}  // namespace

std::string_view CheckNotEmpty(std::string_view text) {
  return text.empty() ? "not empty" : std::string_view();
}

std::string_view CheckPath(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(),
                                 [](char c) { return IsWordCharacter(c) || c == '/' || c == '~'; });
  if (text.size() > 1 && text.front() == '/' && text.back() != '/' && plain) return {};
  return "a path such as \"/connection/websocket\", without a slash at its end";
}

std::string_view CheckPattern(std::string_view text) {
  RE2::Options options;
  options.set_log_errors(false);
  if (text.empty() || RE2(re2::StringPiece(text.data(), text.size()), options).ok()) return {};
  return "a regular expression as RE2 and Go have it, or empty";
}

std::string_view CheckName(std::string_view text) {
  if (text.size() >= 2 && std::all_of(text.begin(), text.end(), IsWordCharacter)) return {};
  return "two or more of a-z, A-Z, 0-9, '-', '_' and '.'";
}

// What a header may be called (RFC 9110 section 5.6.2).
std::string_view CheckHeaderName(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && kMarks.find(c) == std::string_view::npos) return "the name of a header";
  }
  return text.empty() ? "the name of a header" : std::string_view();
}

std::string_view CheckReason(std::string_view text) {
  // RFC 6455 section 5.5: a close frame has 125 bytes, two of them the code.
  const bool ascii =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (ascii && text.size() <= 123) return {};
  return "at most 123 characters of ASCII";
}

std::span<const ConfigField<Config>> ConfigFields() {
  static const std::vector<ConfigField<Config>> fields = [] {
    std::vector<ConfigField<Config>> all(std::begin(kHttpServerRows), std::end(kHttpServerRows));
    for (const auto rows :
         {ClientRows(), TransportRows(), ChannelRows(), SharedPollRows(), ServerRows()}) {
      all.insert(all.end(), rows.begin(), rows.end());
    }
    return all;
  }();
  return fields;
}

std::span<const std::string_view> ConfigWords(const ChannelKind*) { return kKinds; }
std::span<const std::string_view> ConfigWords(const RecoveryMode*) { return kRecoveryModes; }
std::span<const std::string_view> ConfigWords(const DataFormat*) { return kDataFormats; }
std::span<const std::string_view> ConfigWords(const LogLevel*) { return kLevels; }
std::span<const std::string_view> ConfigWords(const LogFormat*) { return kFormats; }
std::span<const std::string_view> ConfigWords(const SubscriptionType*) {
  return kSubscriptionTypes;
}
std::span<const std::string_view> ConfigWords(const MapMode*) { return kMapModes; }
std::span<const std::string_view> ConfigWords(const MapClientKey*) { return kMapClientKeys; }
std::span<const std::string_view> ConfigWords(const SharedPollMode*) { return kSharedPollModes; }

std::span<const std::string_view> ConfigTargetWords(const ConfigTarget& target) {
  return std::visit(
      [](const auto& held) -> std::span<const std::string_view> {
        if constexpr (requires { ConfigWords(held); }) return ConfigWords(held);
        return {};
      },
      target);
}

namespace {

using ConfigVisit = std::function<void(const std::string&, const ConfigFacts&, ConfigTarget)>;

template <class Owner>
void VisitFields(Owner& owner, std::span<const ConfigField<Owner>> fields,
                 const std::string& prefix, const ConfigVisit& visit) {
  for (const ConfigField<Owner>& field : fields) {
    const std::string name = prefix + std::string(field.facts.name);
    const ConfigTarget target = field.locate(owner);
    std::visit(
        [&](const auto& held) {
          if constexpr (requires { held.owner; }) {
            VisitFields(*held.owner, held.fields(), name + ".", visit);
          } else {
            visit(name, field.facts, target);
          }
        },
        target);
  }
}

}  // namespace

void VisitConfigKeys(Config& config, const ConfigVisit& visit) {
  VisitFields(config, ConfigFields(), "", visit);
}

std::string ConfigVariable(std::string_view name) {
  std::string variable = "TICKCAST_";
  for (const char c : name) {
    variable += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return variable;
}

}  // namespace tickcast::engine
