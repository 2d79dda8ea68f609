// HTTP heads: the verdict does not depend on where reads end, and what is taken is well-formed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/http/request_head.h"
#include "protocol/websocket/handshake.h"

namespace {

using tickcast::protocol::HeadResult;
using tickcast::protocol::HeadVerdict;
using tickcast::protocol::kMaxRequestHeadBytes;
using tickcast::protocol::kMaxRequestHeaders;
using tickcast::protocol::ParseRequestHead;
using tickcast::protocol::RequestHead;
using tickcast::protocol::UpgradeAnswer;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";

void Check(bool holds) {
  if (!holds) std::abort();
}

bool Same(const HeadResult& a, const HeadResult& b) {
  return a.verdict == b.verdict && a.head_bytes == b.head_bytes && a.status == b.status &&
         a.reason == b.reason;
}

// Exactly the bytes that may be read, so that the address sanitizer sees any more.
std::string Copy(std::string_view bytes) {
  std::string copy(bytes);
  copy.shrink_to_fit();
  return copy;
}

// Line ends and colons are what a smuggled request would be made of.
void CheckHead(std::string_view bytes, const HeadResult& result, const RequestHead& head) {
  Check(result.head_bytes <= bytes.size() && result.head_bytes <= kMaxRequestHeadBytes);
  Check(bytes.substr(0, result.head_bytes).ends_with("\r\n\r\n"));
  Check(head.header_count <= kMaxRequestHeaders);
  Check(!head.method.empty() && !head.path.empty());
  Check(head.target.find_first_of("\r\n \t#") == std::string_view::npos);
  for (std::size_t i = 0; i < head.header_count; ++i) {
    const auto& [name, value] = head.headers[i];
    Check(!name.empty() && name.find_first_of(": \t\r\n") == std::string_view::npos);
    Check(value.find_first_of("\r\n") == std::string_view::npos);
    Check(head.Find(name).has_value() && head.Count(name) > 0);
  }
  Check(head.minor_version == 0 || head.Count("Host") == 1);
  Check(!head.Find("Transfer-Encoding"));
  tickcast::protocol::QueryParameter(head.query, "a");
}

// What a server answers to an upgrade, the client that asked for it takes.
void CheckHandshake(const RequestHead& head) {
  const auto handshake = tickcast::protocol::CheckUpgrade(head);
  Check(handshake.reason.empty() == (handshake.status == 101));
  if (handshake.status != 101) return;
  std::string answer;
  tickcast::protocol::AppendUpgradeResponse(handshake, answer);
  const auto taken =
      tickcast::protocol::CheckUpgradeAnswer(answer, {.host = "a",
                                                      .target = "/",
                                                      .key = *head.Find("Sec-WebSocket-Key"),
                                                      .subprotocols = handshake.subprotocol});
  Check(taken.verdict == UpgradeAnswer::Verdict::kAccepted);
  Check(taken.head_bytes == answer.size() && taken.subprotocol == handshake.subprotocol);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input = Copy({reinterpret_cast<const char*>(data), size});
  RequestHead head;
  const HeadResult whole = ParseRequestHead(input, head);
  if (whole.verdict == HeadVerdict::kComplete) {
    CheckHead(input, whole, head);
    CheckHandshake(head);
  }
  tickcast::protocol::CheckUpgradeAnswer(input, {.host = "a", .target = "/", .key = kKey});

  // In reads of one size, with what was seen and without.
  const std::size_t step = size < 512 ? 1 : 97;
  std::size_t seen_bytes = 0;
  for (std::size_t end = std::min(step, size); end <= size && size > 0;
       end = end == size ? size + 1 : std::min(end + step, size)) {
    const std::string part = Copy(std::string_view(input).substr(0, end));
    RequestHead part_head;
    const HeadResult cold = ParseRequestHead(part, part_head);
    const HeadResult resumed = ParseRequestHead(part, part_head, seen_bytes);
    Check(Same(cold, resumed));
    if (resumed.verdict != HeadVerdict::kNeedMore) {
      Check(Same(resumed, whole));
      break;
    }
    Check(end < size || whole.verdict == HeadVerdict::kNeedMore);
    seen_bytes = end;
  }
  return 0;
}
