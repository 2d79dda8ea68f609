// Decoder: one text frame of an exchange in, one market event out.
//
// Every exchange is a row of a table, so that replay and live feeds name one and treat all alike.
// Each byte of a frame is checked, also of members nobody asks for: on-demand parsing alone would
// let a damaged frame pass as an event, and a wrong price is worse than a missing one.
// Threading: a Decoder belongs to one thread and serves any number of symbols; the table is
// constant.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/exchange/market_event.h"
#include "protocol/exchange/sequence.h"
#include "protocol/json/payload.h"

namespace tickcast::protocol {

// A frame's text with kJsonPaddingBytes readable bytes behind it. What the padding holds does not
// matter; the next frame of a buffer may begin there.
class PaddedFrame {
 public:
  // REQUIRES: kJsonPaddingBytes readable bytes behind `text`.
  explicit PaddedFrame(std::string_view text) : text_(text) {}

  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

class Decoder {
 public:
  virtual ~Decoder() = default;

  // Decodes `frame` into the member of `out` that the outcome names. Allocates when a frame is
  // longer, or has more levels, than any before, and never otherwise. Nothing is remembered from
  // one frame to the next, so a malformed one costs itself only.
  virtual Outcome Decode(PaddedFrame frame, Event& out) = 0;
};

struct Exchange {
  std::string_view name;  // As in channel names: "ticker:<name>.<SYMBOL>".
  std::unique_ptr<Decoder> (*make_decoder)();
  // How frames of a symbol follow one another (sequence.h); absent: cannot be told from them.
  std::optional<SequenceRule> book_rule;
  std::optional<SequenceRule> trade_rule;
};

// All that are known: kucoin, binance, binance_usdm, coinbase.
std::span<const Exchange> Exchanges();

// The one of that name, or nullptr.
const Exchange* FindExchange(std::string_view name);

// A decoder for the exchange of that name, or nullptr when there is none.
std::unique_ptr<Decoder> MakeDecoder(std::string_view name);

}  // namespace tickcast::protocol
