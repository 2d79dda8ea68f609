// Options of a subscription: whatever stands in `data`, what is accepted lies in its range and
// reads back from what is granted, and what is refused asks for nothing.
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/centrifuge/subscription_options.h"
#include "protocol/json/payload.h"
#include "tests/fuzz/require.h"

namespace {

using tickcast::fuzz::Require;
using tickcast::protocol::AppendGrantedOptions;
using tickcast::protocol::JsonValidator;
using tickcast::protocol::kJsonPaddingBytes;
using tickcast::protocol::kMaxOptionIntervalMs;
using tickcast::protocol::OptionsRequest;
using tickcast::protocol::SubscriptionOptions;
using tickcast::protocol::SubscriptionOptionsParser;

bool IsJson(std::string_view text) {
  static JsonValidator validator;
  const std::string padded = std::string(text) + std::string(kJsonPaddingBytes, ' ');
  return validator.IsValid(std::string_view(padded).substr(0, text.size()));
}

void RequirePromises(std::string_view data, std::string_view wrong,
                     const SubscriptionOptions& options, SubscriptionOptionsParser& parser) {
  if (!wrong.empty()) {
    Require(wrong.substr(0, 13) == "bad request: " && options == SubscriptionOptions());
    return;
  }
  Require(data.empty() || data.front() != '{' || IsJson(data));
  Require(options.has_interval || options.interval_ms == 0);
  Require(options.has_min_change || options.min_change == 0);
  Require(options.has_priority || !options.priority);
  Require(options.interval_ms <= kMaxOptionIntervalMs);
  Require(options.min_change >= 0 && options.min_change < 1);

  std::string granted;
  AppendGrantedOptions(options.interval_ms, options.min_change, options.priority, granted);
  SubscriptionOptions again;
  Require(IsJson(granted) && parser.Parse(granted, again).empty());
  Require(again.interval_ms == options.interval_ms && again.min_change == options.min_change &&
          again.priority == options.priority);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static SubscriptionOptionsParser parser;
  // The parser promises to copy, so the input is handed over without any padding.
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  SubscriptionOptions options;
  const std::string_view wrong = parser.Parse(text, options);
  RequirePromises(text, wrong, options, parser);

  OptionsRequest request;
  const std::string_view wrong_request = parser.ParseRequest(text, request);
  Require(wrong_request.empty() == !request.channel.empty());
  RequirePromises(text, wrong_request, request.options, parser);
  // A channel is only one more member.
  Require(!wrong_request.empty() || wrong.empty());
  return 0;
}
