#include "tools/loadgen/market.h"

#include <simdjson.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace tickcast::loadgen {
namespace {

constexpr std::string_view kChannelKey = R"({"push":{"channel":")";
constexpr std::string_view kDataKey = R"(","pub":{"data":{"seq":)";
constexpr std::string_view kTimeKey = R"(,"time":)";
constexpr std::string_view kSeqKey = R"({"seq":)";

// Reads the digits at the front; false when there are none. A sequence beyond 2^53 is quoted.
bool ReadDigits(std::string_view& text, std::uint64_t& number) {
  const bool quoted = text.starts_with('"');
  std::size_t i = quoted ? 1 : 0;
  const std::size_t begin = i;
  number = 0;
  while (i < text.size() && text[i] >= '0' && text[i] <= '9') {
    number = number * 10 + static_cast<std::uint64_t>(text[i++] - '0');
  }
  const bool any = i > begin;
  text.remove_prefix(quoted && i < text.size() ? i + 1 : i);
  return any;
}

struct Listed {
  std::string channel;
  std::uint64_t rank = 0;
  std::uint64_t seq = 0;
};

// The built-in market calls its known symbols by their names and the others SYM0024-USDT and so
// on, in the order of their activity (shards/feeds/sim_symbol.cc).
std::uint64_t RankOf(std::string_view symbol) {
  std::uint64_t number = 0;
  if (!symbol.starts_with("SYM")) return 0;
  symbol.remove_prefix(3);
  return ReadDigits(symbol, number) && symbol.starts_with('-') ? number : 0;
}

}  // namespace

bool ReadMarketPush(std::string_view line, MarketValue& value) {
  if (!line.starts_with(kChannelKey)) return false;
  line.remove_prefix(kChannelKey.size());
  const std::size_t end = line.find('"');
  if (end == std::string_view::npos) return false;
  value.channel = line.substr(0, end);
  line.remove_prefix(end);
  if (!line.starts_with(kDataKey)) return false;
  line.remove_prefix(kDataKey.size());
  std::uint64_t time_ms = 0;
  if (!ReadDigits(line, value.seq) || !line.starts_with(kTimeKey)) return false;
  line.remove_prefix(kTimeKey.size());
  if (!ReadDigits(line, time_ms)) return false;
  value.time_ms = static_cast<std::int64_t>(time_ms);
  return true;
}

std::uint64_t ReadFirstSeq(std::string_view line) {
  const std::size_t at = line.find(kSeqKey);
  if (at == std::string_view::npos) return 0;
  line.remove_prefix(at + kSeqKey.size());
  std::uint64_t seq = 0;
  return ReadDigits(line, seq) ? seq : 0;
}

absl::StatusOr<std::vector<std::string>> ReadMarketChannels(const std::string& json,
                                                            std::string_view exchange) {
  simdjson::dom::parser parser;
  simdjson::dom::object tickers;
  if (parser.parse(json)["tickers"].get_object().get(tickers) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("/v1/tickers did not answer {\"tickers\":{...}}");
  }
  std::vector<Listed> listed;
  for (const auto& [key, ticker] : tickers) {
    if (!key.starts_with(exchange) || key.size() <= exchange.size() || key[exchange.size()] != '.')
      continue;
    Listed entry{.channel = absl::StrCat("ticker:", absl::string_view(key.data(), key.size())),
                 .rank = RankOf(key.substr(exchange.size() + 1))};
    // Absent or quoted: the last of its rank.
    if (ticker["seq"].get_uint64().get(entry.seq) != simdjson::SUCCESS) entry.seq = 0;
    listed.push_back(std::move(entry));
  }
  std::sort(listed.begin(), listed.end(), [](const Listed& a, const Listed& b) {
    return std::tuple(a.rank, ~a.seq, a.channel) < std::tuple(b.rank, ~b.seq, b.channel);
  });
  std::vector<std::string> channels;
  for (Listed& entry : listed) channels.push_back(std::move(entry.channel));
  return channels;
}

}  // namespace tickcast::loadgen
