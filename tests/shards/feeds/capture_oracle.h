// An oracle for replays: what a capture has to become, found by a DOM parse and by hand-written
// texts, sharing nothing with the decoders, the change detection and the payload writer.
#pragma once

#include <gtest/gtest.h>
#include <simdjson.h>
#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tickcast::shards {

// The folder of recordings, or nothing: then a test skips, and says why.
inline std::optional<std::string> CapturesFolder() {
  const char* const named = std::getenv("TICKCAST_CAPTURES");
  // Builds run in <root>/build/<name>, and tests either there or in the root.
  for (const char* folder : {named, "../shared/data/captures", "../../../shared/data/captures"}) {
    if (folder != nullptr && std::filesystem::is_directory(folder)) return folder;
  }
  const std::filesystem::path beside =
      std::filesystem::path(__FILE__).parent_path() / "../../../../shared/data/captures";
  if (std::filesystem::is_directory(beside)) return beside.string();
  return std::nullopt;
}

struct CaptureLine {
  std::uint64_t receive_ns = 0;
  std::string frame;
};

inline std::vector<CaptureLine> ReadCapture(const std::string& path) {
  std::vector<CaptureLine> lines;
  gzFile file = gzopen(path.c_str(), "rb");
  EXPECT_NE(file, nullptr) << path;
  if (file == nullptr) return lines;
  std::string text;
  std::string chunk(1 << 20, '\0');
  for (int n = 0; (n = gzread(file, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0;) {
    text.append(chunk, 0, static_cast<std::size_t>(n));
  }
  gzclose(file);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const std::size_t space = text.find(' ', begin);
    lines.push_back({std::strtoull(text.c_str() + begin, nullptr, 10),
                     text.substr(space + 1, end - space - 1)});
    begin = end + 1;
  }
  return lines;
}

// {channel, payload} of everything that has to be published, in order.
using Expected = std::vector<std::pair<std::string, std::string>>;

class CaptureOracle {
 public:
  explicit CaptureOracle(std::string exchange) : exchange_(std::move(exchange)) {}

  Expected Expect(const std::vector<CaptureLine>& lines) {
    for (const CaptureLine& line : lines) {
      simdjson::dom::object frame;
      EXPECT_EQ(parser_.parse(line.frame).get(frame), simdjson::SUCCESS) << line.frame;
      if (exchange_ == "kucoin") {
        Kucoin(frame);
      } else if (exchange_ == "coinbase") {
        Coinbase(frame);
      } else {
        Binance(frame);
      }
    }
    return std::move(expected_);
  }

  int unchanged_tickers = 0;

 private:
  using Object = simdjson::dom::object;

  static std::string Text(const Object& object, const char* key) {
    std::string_view text;
    return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : "";
  }
  static std::string Number(const Object& object, const char* key) {
    std::int64_t number = 0;
    return object[key].get(number) == simdjson::SUCCESS ? std::to_string(number) : "";
  }
  static std::string Member(const std::string& key, const std::string& text) {
    return text.empty() ? "" : ",\"" + key + "\":\"" + text + "\"";
  }
  static std::string Head(const std::string& sequence, const std::string& time_ms) {
    return "{\"seq\":" + sequence + (time_ms.empty() ? "" : ",\"time\":" + time_ms);
  }
  // "2021-04-17T16:43:37.089723Z": whole milliseconds.
  static std::string Rfc3339(const std::string& text) {
    std::tm tm{};
    int microseconds = 0;
    EXPECT_EQ(std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d.%6dZ", &tm.tm_year, &tm.tm_mon,
                          &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &microseconds),
              7)
        << text;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return std::to_string(timegm(&tm) * 1000 + microseconds / 1000);
  }

  void Publish(const std::string& space, const std::string& symbol, const std::string& payload) {
    expected_.emplace_back(space + ":" + exchange_ + "." + symbol, payload + "}");
  }

  void Kucoin(const Object& frame) {
    const std::string topic = Text(frame, "topic");
    const std::string symbol = topic.substr(topic.find(':') + 1);
    Object data;
    if (frame["data"].get(data) != simdjson::SUCCESS) return;
    if (topic.rfind("/market/ticker:", 0) == 0) {
      const std::string values =
          Member("price", Text(data, "price")) + Member("size", Text(data, "size")) +
          Member("bid", Text(data, "bestBid")) + Member("bid_size", Text(data, "bestBidSize")) +
          Member("ask", Text(data, "bestAsk")) + Member("ask_size", Text(data, "bestAskSize"));
      if (std::exchange(last_values_[symbol], values) == values) {
        ++unchanged_tickers;
        return;
      }
      Publish("ticker", symbol, Head(Text(data, "sequence"), Number(data, "time")) + values);
    } else if (topic.rfind("/market/match:", 0) == 0) {
      const std::string time_ns = Text(data, "time");
      Publish("trade", symbol,
              Head(Text(data, "sequence"), time_ns.substr(0, time_ns.size() - 6)) +
                  Member("price", Text(data, "price")) + Member("size", Text(data, "size")) +
                  Member("side", Text(data, "side")) + Member("id", Text(data, "tradeId")));
    }
  }

  void Binance(const Object& frame) {
    const std::string stream = Text(frame, "stream");
    Object data;
    if (frame["data"].get(data) != simdjson::SUCCESS) return;
    const std::string symbol = Text(data, "s");
    const std::string kind = stream.substr(stream.find('@') + 1);
    if (kind == "bookTicker") {
      Publish("ticker", symbol,
              Head(Number(data, "u"), Number(data, "T")) + Member("bid", Text(data, "b")) +
                  Member("bid_size", Text(data, "B")) + Member("ask", Text(data, "a")) +
                  Member("ask_size", Text(data, "A")));
    } else if (kind == "trade" || kind == "aggTrade") {
      const std::string id = Number(data, kind == "trade" ? "t" : "a");
      const bool buyer_is_maker = data["m"].get_bool().value();
      Publish("trade", symbol,
              Head(id, Number(data, "T")) + Member("price", Text(data, "p")) +
                  Member("size", Text(data, "q")) +
                  Member("side", buyer_is_maker ? "sell" : "buy") + Member("id", id));
    }
  }

  void Coinbase(const Object& frame) {
    const std::string type = Text(frame, "type");
    const std::string symbol = Text(frame, "product_id");
    if (type == "ticker") {
      Publish("ticker", symbol,
              Head(Number(frame, "sequence"), Rfc3339(Text(frame, "time"))) +
                  Member("price", Text(frame, "price")) + Member("size", Text(frame, "last_size")) +
                  Member("bid", Text(frame, "best_bid")) + Member("ask", Text(frame, "best_ask")));
    } else if (type == "match") {
      const std::string taker = Text(frame, "side") == "buy" ? "sell" : "buy";
      Publish("trade", symbol,
              Head(Number(frame, "sequence"), Rfc3339(Text(frame, "time"))) +
                  Member("price", Text(frame, "price")) + Member("size", Text(frame, "size")) +
                  Member("side", taker) + Member("id", Number(frame, "trade_id")));
    }
  }

  const std::string exchange_;
  simdjson::dom::parser parser_;
  std::map<std::string, std::string> last_values_;
  Expected expected_;
};

}  // namespace tickcast::shards
