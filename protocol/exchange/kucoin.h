// KuCoin: frames of the classic spot API, members in any order.
//
// /market/ticker (a symbol, or `all` with the symbol in `subject`) and /spotMarket/level1 ->
// ticker; /market/match -> trade; /market/level2 -> book. Candles, statistics, depth pictures,
// futures and private topics are kUnknown. Source: Kucoin/kucoin-api-docs (2023-06); recording of
// 2021-04-25. Threading: as decoder.h.
#pragma once

#include <memory>

#include "protocol/exchange/decoder.h"

namespace tickcast::protocol {

std::unique_ptr<Decoder> MakeKucoinDecoder();

}  // namespace tickcast::protocol
