// Decimals and times: two texts, parted by a blank, compared with what doubles can tell of them.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/exchange/decimal.h"
#include "protocol/exchange/exchange_time.h"

namespace {

using tickcast::protocol::Decimal;

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "property broken: %s\n", what);
  std::abort();
}

void RequireReproduced(std::string_view text, const Decimal& value) {
  std::string out;
  value.AppendTo(out);
  Require(out == text, "the text comes back");
  Require(tickcast::protocol::IsZeroDecimalText(text) == (value == Decimal()), "zero is zero");
  if (value.is_text()) return;
  Require(Decimal(value.mantissa(), value.decimals()) == value, "mantissa and decimals");
}

// Doubles round, but they never turn an order round: what they tell apart is apart.
void RequireOrder(std::string_view a_text, std::string_view b_text, const Decimal& a,
                  const Decimal& b) {
  Require((a < b) == (b > a) && (a == b) == (b == a), "the order is symmetric");
  const double a_double = std::strtod(std::string(a_text).c_str(), nullptr);
  const double b_double = std::strtod(std::string(b_text).c_str(), nullptr);
  if (a_double < b_double) Require(a < b, "less as doubles tell");
  if (a_double > b_double) Require(a > b, "greater as doubles tell");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t blank = text.find(' ');
  const std::string_view a_text = text.substr(0, blank);
  const std::string_view b_text = blank == text.npos ? a_text : text.substr(blank + 1);
  const std::optional<Decimal> a = Decimal::Parse(a_text);
  const std::optional<Decimal> b = Decimal::Parse(b_text);
  Require(a.has_value() == tickcast::protocol::IsDecimalText(a_text), "one notion of a number");
  if (a) RequireReproduced(a_text, *a);
  if (b) RequireReproduced(b_text, *b);
  if (a && b) RequireOrder(a_text, b_text, *a, *b);

  const auto time = tickcast::protocol::TimeFromRfc3339(text);
  if (time && time->ns) Require(*time->ns / 1'000'000 == time->ms, "one time in two units");
  return 0;
}
