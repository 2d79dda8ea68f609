// What holds for every input of every exchange decoder, for the fuzz targets.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/exchange/decimal.h"
#include "protocol/exchange/last_ticker.h"
#include "protocol/exchange/payload.h"
#include "tests/protocol/exchange/captures.h"

namespace tickcast::protocol {

inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "property broken: %s\n", what);
  std::abort();
}

inline bool IsDecimalOrAbsent(std::string_view text) { return text.empty() || IsDecimalText(text); }

// simdjson's DOM parser checks every byte. One refusal of it is no fault of a frame: numbers
// beyond 64 bits, which are passed on as text.
inline void RequireValidJson(simdjson::dom::parser& parser, std::string_view text) {
  const simdjson::error_code error = parser.parse(text.data(), text.size(), true).error();
  Require(error == simdjson::SUCCESS || error == simdjson::NUMBER_ERROR,
          "a frame was taken that is not valid JSON");
}

inline std::string PayloadOf(const Event& event, Outcome outcome) {
  std::string payload;
  if (outcome == Outcome::kTicker) AppendTickerPayload(event.ticker, payload);
  if (outcome == Outcome::kTrade) AppendTradePayload(event.trade, payload);
  return payload;
}

inline void RequireSoundEvent(simdjson::dom::parser& parser, const Event& event, Outcome outcome) {
  if (outcome == Outcome::kTicker) {
    const TickerEvent& ticker = event.ticker;
    Require(!ticker.symbol.empty() && ticker.symbol.size() <= kMaxSymbolBytes, "symbol");
    for (const std::string_view text :
         {ticker.price, ticker.size, ticker.bid, ticker.bid_size, ticker.ask, ticker.ask_size}) {
      Require(IsDecimalOrAbsent(text), "a ticker's number");
    }
    LastTicker last;
    Require(last.Update(ticker) == LastTicker::Change::kChanged, "the first is a change");
    Require(last.Update(last.View("X")) == LastTicker::Change::kUnchanged, "the same is none");
  }
  if (outcome == Outcome::kTrade) {
    Require(!event.trade.symbol.empty() && !event.trade.id.empty(), "a trade's names");
    Require(IsDecimalText(event.trade.price) && IsDecimalText(event.trade.size),
            "a trade's number");
  }
  if (outcome == Outcome::kBook) {
    for (const BookLevel& level : event.book.levels) {
      Require(IsDecimalText(level.price) && IsDecimalText(level.size), "a level's number");
    }
  }
  const std::string payload = PayloadOf(event, outcome);
  if (!payload.empty()) {
    Require(parser.parse(payload).error() == simdjson::SUCCESS, "the payload is valid JSON");
  }
}

// Decodes `data` as one frame, twice with different bytes behind it, and once more after itself.
inline int FuzzDecoder(std::string_view exchange, const std::uint8_t* data, std::size_t size) {
  static const std::unique_ptr<Decoder> decoder = MakeDecoder(exchange);
  static simdjson::dom::parser parser;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Event event;
  const PaddedText before_brace(text, '}');
  const Outcome outcome = decoder->Decode(before_brace.frame(), event);
  if (outcome != Outcome::kMalformed) {
    RequireSoundEvent(parser, event, outcome);
    RequireValidJson(parser, text);
  }
  const std::string payload = PayloadOf(event, outcome);
  for (const char padding : {']', ',', '"', ' ', '1', '\0'}) {
    const PaddedText other(text, padding);
    Require(decoder->Decode(other.frame(), event) == outcome, "the padding changes the outcome");
    Require(PayloadOf(event, outcome) == payload, "the padding changes the event");
  }
  return 0;
}

}  // namespace tickcast::protocol
