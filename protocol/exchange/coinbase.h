// Coinbase: frames of the Exchange feed (ws-feed.exchange.coinbase.com).
//
// ticker -> ticker; match and last_match -> trade; l2update and snapshot -> book. Order-by-order
// messages (open, done, …) are kUnknown.
// Source: docs.cdp.coinbase.com, exchange/websocket-feed; recording of 2021-04-17.
// Threading: as decoder.h.
#pragma once

#include <memory>

#include "protocol/exchange/decoder.h"

namespace tickcast::protocol {

std::unique_ptr<Decoder> MakeCoinbaseDecoder();

}  // namespace tickcast::protocol
