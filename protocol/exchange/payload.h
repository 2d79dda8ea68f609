// Payloads: market events as the JSON that subscribers of `ticker:` and `trade:` channels get.
//
//   {"seq":123,"time":1628640000123,"price":"61837.63","size":"0.001","bid":"61837.6",
//    "bid_size":"1.2","ask":"61837.7","ask_size":"0.8"}
//   {"seq":123,"time":1628640000123,"price":"61837.63","size":"0.001","side":"buy","id":"a1b2"}
//
// One line, no white space, members in this order, absent ones left out. Prices and sizes are
// strings that equal the exchange's character for character. `seq` is a number up to
// kMaxSafeInteger and from there on a string of digits: KuCoin's trade sequences are beyond, and a
// JavaScript client would round them silently, while it can tell a string by its type. `id` is
// always a string. `time` is Unix milliseconds.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/exchange/market_event.h"

namespace tickcast::protocol {

// JavaScript's Number.MAX_SAFE_INTEGER, 2^53 - 1 (ECMA-262, section 21.1.2.6).
inline constexpr std::uint64_t kMaxSafeInteger = 9'007'199'254'740'991;

// Appends the payload of an event. Allocates only while `out` grows beyond its capacity.
// REQUIRES: texts as decoders let them through: decimals that pass IsDecimalText(), ids of
// printable ASCII without quote and backslash. They are copied, not escaped.
void AppendTickerPayload(const TickerEvent& ticker, std::string& out);
void AppendTradePayload(const TradeEvent& trade, std::string& out);

}  // namespace tickcast::protocol
