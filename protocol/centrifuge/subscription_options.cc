#include "protocol/centrifuge/subscription_options.h"

#include <absl/strings/charconv.h>

#include <charconv>
#include <cstring>
#include <vector>

#include "protocol/json/object_reader.h"
#include "protocol/json/object_writer.h"

namespace tickcast::protocol {
namespace {

constexpr std::string_view kBadInterval =
    "bad request: interval_ms must be a whole number from 0 to 60000";
constexpr std::string_view kBadMinChange =
    "bad request: min_change must be a number from 0 to less than 1";
constexpr std::string_view kBadPriority = "bad request: priority must be true or false";
constexpr std::string_view kBadChannel = "bad request: channel must be the name of a channel";
constexpr std::string_view kBadRequest = "bad request: data must be an object with a channel";
constexpr std::string_view kBadJson = "bad request: data must be JSON";
static_assert(kMaxOptionIntervalMs == 60'000, "kBadInterval names the bound");

// Most clients' data is far smaller; a larger one makes the parser allocate once.
constexpr std::size_t kExpectedBytes = 512;

// Each takes one value and returns what is wrong with it, or nothing. A null takes back nothing.

std::string_view ReadInterval(JsonValue& value, SubscriptionOptions& options) {
  if (value.is_null()) return {};
  std::uint32_t interval_ms = 0;
  if (!value.Read(interval_ms) || interval_ms > kMaxOptionIntervalMs) return kBadInterval;
  options.has_interval = true;
  options.interval_ms = interval_ms;
  return {};
}

std::string_view ReadMinChange(JsonValue& value, SubscriptionOptions& options) {
  if (value.is_null()) return {};
  // Not by simdjson: 3.0 reads numbers below 1 wrongly that have more digits than 64 bits hold, as
  // 0.99999999999999999999, of which it makes 0.0777.
  std::string_view token;
  if (!value.ReadJson(token)) return kBadMinChange;
  const char* const end = token.data() + token.size();
  double min_change = 0;
  // What is too large or too small for a double comes out as the nearest one, with an error that
  // does not matter: the range decides.
  if (absl::from_chars(token.data(), end, min_change).ptr != end) return kBadMinChange;
  if (!(min_change >= 0 && min_change < 1)) return kBadMinChange;
  options.has_min_change = true;
  options.min_change = min_change + 0.0;  // -0.0 becomes 0.0, which is also how it is written.
  return {};
}

std::string_view ReadPriority(JsonValue& value, SubscriptionOptions& options) {
  if (value.is_null()) return {};
  bool priority = false;
  if (!value.Read(priority)) return kBadPriority;
  options.has_priority = true;
  options.priority = priority;
  return {};
}

std::string_view ReadOption(std::string_view name, JsonValue& value, SubscriptionOptions& options) {
  if (name == "interval_ms") return ReadInterval(value, options);
  if (name == "min_change") return ReadMinChange(value, options);
  if (name == "priority") return ReadPriority(value, options);
  return {};
}

}  // namespace

struct SubscriptionOptionsParser::Impl {
  JsonObjectReader reader{kExpectedBytes};
  std::vector<char> text;  // A copy of the data, for the padding that the reader needs behind it.
  std::vector<char> line;  // The reader's own, where it minifies and unescapes.

  // Calls `member(name, value)`, which returns what is wrong, for each member of the object `data`.
  template <typename Member>
  std::string_view Read(std::string_view data, Member&& member) {
    if (text.size() < data.size() + kJsonPaddingBytes) {
      text.resize(data.size() + kJsonPaddingBytes);
      line.resize(data.size() + kJsonPaddingBytes);
    }
    std::memcpy(text.data(), data.data(), data.size());
    std::string_view wrong;
    const std::size_t size_bytes = reader.Read({text.data(), data.size()}, line.data(),
                                               [&](std::string_view name, JsonValue& value) {
                                                 wrong = member(name, value);
                                                 return wrong.empty();
                                               });
    return size_bytes == 0 && wrong.empty() ? kBadJson : wrong;
  }
};

SubscriptionOptionsParser::SubscriptionOptionsParser() : impl_(std::make_unique<Impl>()) {}
SubscriptionOptionsParser::SubscriptionOptionsParser(SubscriptionOptionsParser&&) noexcept =
    default;
SubscriptionOptionsParser& SubscriptionOptionsParser::operator=(
    SubscriptionOptionsParser&&) noexcept = default;
SubscriptionOptionsParser::~SubscriptionOptionsParser() = default;

std::string_view SubscriptionOptionsParser::Parse(std::string_view data,
                                                  SubscriptionOptions& options) {
  options = {};
  // The data of a command is minified, so its first byte tells what it is.
  if (data.empty() || data.front() != '{') return {};
  const std::string_view wrong = impl_->Read(data, [&](std::string_view name, JsonValue& value) {
    return ReadOption(name, value, options);
  });
  if (!wrong.empty()) options = {};
  return wrong;
}

std::string_view SubscriptionOptionsParser::ParseRequest(std::string_view data,
                                                         OptionsRequest& request) {
  request = {};
  if (data.empty() || data.front() != '{') return kBadRequest;
  std::string_view channel;
  std::string_view wrong = impl_->Read(data, [&](std::string_view name, JsonValue& value) {
    if (name != "channel") return ReadOption(name, value, request.options);
    return value.Read(channel) ? std::string_view() : kBadChannel;
  });
  if (wrong.empty() && channel.empty()) wrong = kBadChannel;
  if (wrong.empty()) {
    request.channel = channel;
  } else {
    request.options = {};
  }
  return wrong;
}

void AppendGrantedOptions(std::uint32_t interval_ms, double min_change, bool priority,
                          std::string& out) {
  ObjectWriter writer(out);
  writer.Number("interval_ms", interval_ms);
  char digits[32];  // The shortest form of a double has at most 24 characters.
  const auto written = std::to_chars(digits, digits + sizeof(digits), min_change);
  writer.Member("min_change").append(digits, written.ptr);
  writer.Member("priority") += priority ? "true" : "false";
  writer.Close();
}

}  // namespace tickcast::protocol
