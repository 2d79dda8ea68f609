// API requests: whatever a body holds, a command that is to be run is complete. The first byte of
// the input chooses the endpoint.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/centrifuge/api.h"
#include "protocol/json/payload.h"

namespace {

using tickcast::protocol::ApiCommand;
using tickcast::protocol::ApiEndpoint;
using tickcast::protocol::ApiError;
using tickcast::protocol::ApiMethod;
using tickcast::protocol::ApiReplyWriter;
using tickcast::protocol::ApiRequestParser;
using tickcast::protocol::ApiVerdict;
using tickcast::protocol::JsonValidator;
using tickcast::protocol::kJsonPaddingBytes;

void Require(bool holds) {
  if (!holds) std::abort();
}

void RequireLine(std::string_view json) {
  static JsonValidator validator;
  const std::string padded = std::string(json) + std::string(kJsonPaddingBytes, ' ');
  Require(validator.Minify(std::string_view(padded).substr(0, json.size())) == json);
}

void RequirePromises(const ApiCommand& command) {
  if (command.error != ApiError::kNone) return Require(command.method == ApiMethod::kOther);
  Require(command.method != ApiMethod::kOther);
  Require(!command.channels.empty());
  if (command.method == ApiMethod::kPublish) {
    Require(command.channels.size() == 1 && !command.channels[0].empty());
  }
  RequireLine(command.data);
  if (!command.tags.empty()) RequireLine(command.tags);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static ApiRequestParser parser;
  const auto endpoint = static_cast<ApiEndpoint>(data[0] % 4);
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
  ApiReplyWriter writer(endpoint, reply);
  for (const ApiCommand& command : parser.commands()) {
    RequirePromises(command);
    writer.Error(command, ApiError::kInternal);
  }
  writer.Finish();
  // The legacy endpoint answers in lines; the others in one object.
  if (endpoint != ApiEndpoint::kLegacy) RequireLine(reply);
  return 0;
}
