// Proxy answers: whatever a backend sends, what is taken of it can go to a client as it is. The
// first byte of the input chooses the kind.
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/centrifuge/proxy.h"
#include "protocol/json/payload.h"
#include "tests/fuzz/require.h"

namespace {

using tickcast::fuzz::Require;
using tickcast::fuzz::RequireLine;
using tickcast::protocol::kJsonPaddingBytes;
using tickcast::protocol::ProxyAnswer;
using tickcast::protocol::ProxyAnswerParser;
using tickcast::protocol::ProxyBytes;
using tickcast::protocol::ProxyKind;

void RequireBytes(const ProxyBytes& bytes) {
  if (bytes.is_json && !bytes.empty()) RequireLine(bytes.bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static ProxyAnswerParser parser;
  const auto kind = static_cast<ProxyKind>(data[0] % tickcast::protocol::kProxyKinds);
  std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  body.append(kJsonPaddingBytes, '"');
  body.shrink_to_fit();

  const bool parsed = parser.Parse(kind, std::string_view(body).substr(0, size - 1));
  body.assign(body.size(), '#');  // Views may not need it any more.
  const ProxyAnswer& answer = parser.answer();
  if (!parsed) {
    Require(!answer.has_result && answer.verdict == ProxyAnswer::Verdict::kResult);
    return 0;
  }
  switch (answer.verdict) {
    case ProxyAnswer::Verdict::kError:
      Require(answer.code != 0 && !answer.has_result);
      break;
    case ProxyAnswer::Verdict::kDisconnect:
      Require(answer.code >= 3000 && answer.code < 5000 && !answer.has_result);
      break;
    case ProxyAnswer::Verdict::kResult:
      Require(answer.code == 0);
      break;
  }
  RequireBytes(answer.info);
  RequireBytes(answer.data);
  if (!answer.meta.empty()) RequireLine(answer.meta);
  if (!answer.tags.empty()) RequireLine(answer.tags);
  std::size_t read = answer.user.size() + answer.text.size() + answer.key.size();
  for (const auto& item : answer.items) {
    read += item.key.size() + item.data.size();
    if (!item.data.empty()) RequireLine(item.data);
  }
  for (const std::string_view channel : answer.channels) read += channel.size();
  for (const auto& sub : answer.subs) {
    read += sub.channel.size();
    RequireBytes(sub.info);
    RequireBytes(sub.data);
  }
  Require(read <= 8 * size);
  return 0;
}
