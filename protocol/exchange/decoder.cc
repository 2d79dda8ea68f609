#include "protocol/exchange/decoder.h"

#include <algorithm>
#include <array>

#include "protocol/exchange/binance.h"
#include "protocol/exchange/coinbase.h"
#include "protocol/exchange/kucoin.h"

namespace tickcast::protocol {
namespace {

constexpr std::array<Exchange, 4> kExchanges = {{
    // Trade ids of KuCoin are no numbers, and the sequences of its trades have holes by design.
    {"kucoin", MakeKucoinDecoder, SequenceRule::kOverlapping, std::nullopt},
    {"binance", MakeBinanceDecoder, SequenceRule::kFirstFollows, SequenceRule::kTradeIds},
    {"binance_usdm", MakeBinanceDecoder, SequenceRule::kPreviousNamed, SequenceRule::kTradeIds},
    // Coinbase's level2 carries no sequence: the channel promises delivery.
    {"coinbase", MakeCoinbaseDecoder, std::nullopt, SequenceRule::kTradeIds},
}};

}  // namespace

std::span<const Exchange> Exchanges() { return kExchanges; }

const Exchange* FindExchange(std::string_view name) {
  const auto* const found = std::find_if(kExchanges.begin(), kExchanges.end(),
                                         [name](const Exchange& e) { return e.name == name; });
  return found == kExchanges.end() ? nullptr : found;
}

std::unique_ptr<Decoder> MakeDecoder(std::string_view name) {
  const Exchange* const exchange = FindExchange(name);
  return exchange == nullptr ? nullptr : exchange->make_decoder();
}

}  // namespace tickcast::protocol
