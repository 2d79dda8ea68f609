// Emulation requests: whatever a body holds, the texts that are given out are ones.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/centrifuge/emulation.h"
#include "protocol/json/payload.h"

namespace {

using tickcast::protocol::EmulationParser;
using tickcast::protocol::EmulationRequest;
using tickcast::protocol::Encoding;
using tickcast::protocol::JsonValidator;
using tickcast::protocol::kJsonPaddingBytes;

void RequireText(std::string_view text) {
  static JsonValidator validator;
  std::string quoted;
  tickcast::protocol::AppendQuoted(text, quoted);
  const std::size_t size = quoted.size();
  quoted.append(kJsonPaddingBytes, ' ');
  if (!validator.IsValid(std::string_view(quoted).substr(0, size))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static EmulationParser parser(16);
  std::string body(reinterpret_cast<const char*>(data), size);
  body.append(kJsonPaddingBytes, '}');
  body.shrink_to_fit();
  for (const Encoding encoding : {Encoding::kJson, Encoding::kProtobuf}) {
    EmulationRequest request;
    if (!parser.Parse(encoding, std::string_view(body).substr(0, size), request)) continue;
    RequireText(request.session);
    RequireText(request.node);
    if (encoding == Encoding::kJson) RequireText(request.data);
  }
  return 0;
}
