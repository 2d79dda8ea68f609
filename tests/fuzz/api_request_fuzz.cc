// API requests: whatever a body holds, a command that is to be run is complete. The first byte of
// the input chooses the endpoint.
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/centrifuge/api.h"
#include "protocol/centrifuge/api_reply.h"
#include "protocol/glob.h"
#include "protocol/json/payload.h"
#include "tests/fuzz/require.h"

namespace {

using tickcast::fuzz::Require;
using tickcast::fuzz::RequireLine;
using tickcast::protocol::ApiCommand;
using tickcast::protocol::ApiEndpoint;
using tickcast::protocol::ApiError;
using tickcast::protocol::ApiForm;
using tickcast::protocol::ApiMethod;
using tickcast::protocol::ApiReplyWriter;
using tickcast::protocol::ApiRequestParser;
using tickcast::protocol::ApiVerdict;
using tickcast::protocol::kJsonPaddingBytes;

// The endpoint that a byte of the input stands for.
ApiEndpoint EndpointOf(std::uint8_t byte) {
  const int index = byte % (tickcast::protocol::kApiMethods + 2);
  if (index == 2) return {.form = ApiForm::kBatch};
  if (index == 3) return {.form = ApiForm::kLegacy};
  return {ApiForm::kSingle, static_cast<ApiMethod>(index < 2 ? index : index - 2)};
}

void RequirePromises(const ApiCommand& command) {
  if (command.error != ApiError::kNone) return Require(command.channels.empty());
  Require(command.method != ApiMethod::kNone && command.method != ApiMethod::kRpc);
  const bool publication =
      command.method == ApiMethod::kPublish || command.method == ApiMethod::kBroadcast;
  if (publication) Require(!command.channels.empty());
  if (command.method != ApiMethod::kBroadcast) Require(command.channels.size() <= 1);
  if (command.method == ApiMethod::kPublish) Require(!command.channel().empty());
  if (publication) Require(!command.data.empty() || !command.raw.empty());
  if (!command.data.empty()) RequireLine(command.data);
  if (!command.tags.empty()) RequireLine(command.tags);
  if (!command.info.empty()) RequireLine(command.info);
  const bool writes_key = command.method == ApiMethod::kMapPublish ||
                          command.method == ApiMethod::kMapRemove ||
                          command.method == ApiMethod::kSharedPollPublish;
  if (writes_key) Require(!command.key.empty() && !command.channel().empty());
  if (command.method == ApiMethod::kSharedPollPublish) Require(command.version != 0);
  Require(command.disconnect_code >= tickcast::protocol::kMinDisconnectCode);
  Require(command.disconnect_code <= tickcast::protocol::kMaxDisconnectCode);
  Require(command.disconnect_reason.size() <= tickcast::protocol::kMaxDisconnectReasonBytes);
  // It holds for any pattern that every name is decided.
  if (command.pattern.empty()) return;
  auto pattern = tickcast::protocol::Glob::Compile(command.pattern);
  if (pattern) pattern->Matches(command.pattern);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static ApiRequestParser parser;
  const ApiEndpoint endpoint = EndpointOf(data[0]);
  std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  body.append(kJsonPaddingBytes, '"');
  body.shrink_to_fit();

  const ApiVerdict verdict = parser.Parse(endpoint, std::string_view(body).substr(0, size - 1));
  if (verdict == ApiVerdict::kBadRequest) {
    Require(parser.commands().empty());
    return 0;
  }
  body.assign(body.size(), '#');  // Views may not need it any more.

  std::string reply;
  ApiReplyWriter writer(endpoint.form, reply);
  for (const ApiCommand& command : parser.commands()) {
    RequirePromises(command);
    writer.Error(command, ApiError::kInternal);
  }
  writer.Finish();
  // The legacy endpoint answers in lines; the others in one object.
  if (endpoint.form != ApiForm::kLegacy) RequireLine(reply);
  return 0;
}
