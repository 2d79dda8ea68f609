// Market: what a feed's publications look like to a client, read without parsing.
//
//   {"push":{"channel":"ticker:sim.BTC-USDT","pub":{"data":{"seq":123,"time":1628640000123,...
//
// `seq` numbers a symbol's tickers without holes (shards/feeds/sim_market.h), so what is missing
// between two values is exactly what was conflated; `time` is the wall clock in milliseconds,
// rounded down, when the value was due.
// Threading: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tickcast::loadgen {

struct MarketValue {
  std::string_view channel;  // Of the line.
  std::uint64_t seq = 0;
  std::int64_t time_ms = 0;
};

// False when the line is no push of a value with both numbers.
bool ReadMarketPush(std::string_view line, MarketValue& value);

// The `seq` of the value in a subscribe's reply; 0 when it has none.
std::uint64_t ReadFirstSeq(std::string_view line);

// The channels of GET /v1/tickers whose symbols are of `exchange`, the most active first: by the
// numbers that the built-in market gives its symbols, otherwise by `seq`. InvalidArgument when
// `json` is no such page.
absl::StatusOr<std::vector<std::string>> ReadMarketChannels(const std::string& json,
                                                            std::string_view exchange);

}  // namespace tickcast::loadgen
