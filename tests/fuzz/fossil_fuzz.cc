// Deltas: what is written reads back as the target, with our reader and with a plain one, is no
// larger than the target but for its frame, and stays UTF-8; what our reader takes, the plain one
// takes as well and makes the same of.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/delta/fossil.h"
#include "protocol/websocket/utf8.h"
#include "tests/fuzz/require.h"
#include "tests/protocol/delta/plain_delta.h"

namespace {

using tickcast::fuzz::Require;
using tickcast::protocol::PlainDelta;

bool IsUtf8(std::string_view text) {
  tickcast::protocol::Utf8Checker checker;
  return checker.Feed(std::as_bytes(std::span(text))) && checker.complete();
}

void WriteAndRead(const std::string& base, const std::string& target) {
  static tickcast::protocol::DeltaScratch scratch;
  std::string delta;
  tickcast::protocol::AppendDelta(base, target, delta, scratch);
  std::string back;
  Require(tickcast::protocol::ApplyDelta(base, delta, back) && back == target);
  Require(PlainDelta::Apply(base, delta) == target);
  Require(delta.size() <= target.size() + target.size() / 64 + 32);
  Require(IsUtf8(delta) || !IsUtf8(target));
  back.clear();
  Require(tickcast::protocol::ApplyDelta(base, PlainDelta::Write(base, target), back));
  Require(back == target);
}

void Read(const std::string& base, const std::string& delta) {
  std::string out;
  if (!tickcast::protocol::ApplyDelta(base, delta, out)) return Require(out.empty());
  Require(PlainDelta::Apply(base, delta) == out);
}

}  // namespace

// The input is two texts, the first of which ends with the first 0 byte.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');
  std::string first(input.substr(0, end));
  std::string second(end == input.npos ? std::string_view() : input.substr(end + 1));
  first.shrink_to_fit();
  second.shrink_to_fit();
  WriteAndRead(first, second);
  WriteAndRead(second, first);
  Read(first, second);
  return 0;
}
