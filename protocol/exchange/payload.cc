#include "protocol/exchange/payload.h"

#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace tickcast::protocol {
namespace {

// Room for every name, quote and integer of a payload; the texts come on top.
constexpr std::size_t kFixedBytes = 192;
constexpr std::size_t kMaxIntegerBytes = 20;

// Writes into memory that is large enough by construction, so that a payload costs one check of
// the buffer's size instead of one per piece.
class Writer {
 public:
  explicit Writer(char* out) : out_(out) { *out_++ = '{'; }

  void Sequence(std::uint64_t sequence) {
    const bool as_text = sequence > kMaxSafeInteger;
    Name(R"("seq":)");
    if (as_text) *out_++ = '"';
    out_ = std::to_chars(out_, out_ + kMaxIntegerBytes, sequence).ptr;
    if (as_text) *out_++ = '"';
  }

  void Time(std::int64_t time_ms) {
    Name(R"("time":)");
    out_ = std::to_chars(out_, out_ + kMaxIntegerBytes, time_ms).ptr;
  }

  // `name` ends with the opening quote of the value. An empty text is left out.
  void Text(std::string_view name, std::string_view text) {
    if (text.empty()) return;
    Name(name);
    std::memcpy(out_, text.data(), text.size());
    out_ += text.size();
    *out_++ = '"';
  }

  char* Finish() {
    *out_++ = '}';
    return out_;
  }

 private:
  void Name(std::string_view name) {
    if (comma_) *out_++ = ',';
    comma_ = true;
    std::memcpy(out_, name.data(), name.size());
    out_ += name.size();
  }

  char* out_;
  bool comma_ = false;
};

// Calls `write` with room for kFixedBytes + `text_bytes` at the end of `out`; it returns the end.
template <typename Write>
void AppendAtMost(std::string& out, std::size_t text_bytes, Write write) {
  const std::size_t before = out.size();
  out.resize(before + kFixedBytes + text_bytes);
  const char* const end = write(out.data() + before);
  out.resize(static_cast<std::size_t>(end - out.data()));
}

}  // namespace

void AppendTickerPayload(const TickerEvent& ticker, std::string& out) {
  const std::size_t text_bytes = ticker.price.size() + ticker.size.size() + ticker.bid.size() +
                                 ticker.bid_size.size() + ticker.ask.size() +
                                 ticker.ask_size.size();
  AppendAtMost(out, text_bytes, [&ticker](char* begin) {
    Writer writer(begin);
    if (ticker.sequence) writer.Sequence(*ticker.sequence);
    if (ticker.time_ms) writer.Time(*ticker.time_ms);
    writer.Text(R"("price":")", ticker.price);
    writer.Text(R"("size":")", ticker.size);
    writer.Text(R"("bid":")", ticker.bid);
    writer.Text(R"("bid_size":")", ticker.bid_size);
    writer.Text(R"("ask":")", ticker.ask);
    writer.Text(R"("ask_size":")", ticker.ask_size);
    return writer.Finish();
  });
}

void AppendTradePayload(const TradeEvent& trade, std::string& out) {
  const std::size_t text_bytes = trade.price.size() + trade.size.size() + trade.id.size();
  AppendAtMost(out, text_bytes, [&trade](char* begin) {
    Writer writer(begin);
    writer.Sequence(trade.sequence);
    writer.Time(trade.time_ms);
    writer.Text(R"("price":")", trade.price);
    writer.Text(R"("size":")", trade.size);
    writer.Text(R"("side":")", trade.side == Side::kBuy ? "buy" : "sell");
    writer.Text(R"("id":")", trade.id);
    return writer.Finish();
  });
}

}  // namespace tickcast::protocol
