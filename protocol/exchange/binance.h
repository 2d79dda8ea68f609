// Binance: frames of the spot and the USD-M futures streams, alone or in the combined wrapper.
//
// bookTicker -> ticker (best bid and ask; in spot without a time); trade and aggTrade -> trade;
// depthUpdate -> book; the answer of GET /depth, as recordings carry it among the frames -> book
// snapshot without a symbol. Spot and USD-M differ in members only, which the frame itself shows.
// Source: binance-spot-api-docs, web-socket-streams.md; derivatives docs, USD-M websocket streams.
// Threading: as decoder.h.
#pragma once

#include <memory>

#include "protocol/exchange/decoder.h"

namespace tickcast::protocol {

std::unique_ptr<Decoder> MakeBinanceDecoder();

}  // namespace tickcast::protocol
