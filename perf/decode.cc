// Decoding speed: recorded frames of one type through a decoder, alone and with the payload
// written.
//
// All frames of the type lie in memory as they were received, one behind the other; the loop goes
// round them, so that the branch predictor cannot learn a single frame by heart. Reports frames/s
// (items_per_second) and bytes/s. Usage: decode [--benchmark_filter=…]; needs the captures.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/exchange/decoder.h"
#include "protocol/exchange/last_ticker.h"
#include "protocol/exchange/payload.h"
#include "tests/protocol/exchange/captures.h"

namespace tickcast::protocol {
namespace {

struct Subject {
  const char* name;
  const char* exchange;
  const char* capture;
  const char* mark;  // What every frame of the type holds, and no other.
  Outcome outcome;
};

constexpr Subject kSubjects[] = {
    {"binance_book_ticker", "binance", "binance/binance_spot_btcusdt_20240808", "@bookTicker",
     Outcome::kTicker},
    {"binance_usdm_book_ticker", "binance_usdm", "binance/binance_usdm_btcusdt_20240808",
     "@bookTicker", Outcome::kTicker},
    {"binance_trade", "binance", "binance/binance_spot_btcusdt_20240808", "@trade",
     Outcome::kTrade},
    {"binance_depth", "binance", "binance/binance_spot_btcusdt_20240808", "@depth", Outcome::kBook},
    {"kucoin_ticker", "kucoin", "kucoin/kucoin_spot_20210425", "trade.ticker", Outcome::kTicker},
    {"kucoin_level2", "kucoin", "kucoin/kucoin_spot_20210425", "trade.l2update", Outcome::kBook},
    {"coinbase_ticker", "coinbase", "coinbase/coinbase_exchange_20210417", "\"ticker\",\"seq",
     Outcome::kTicker},
    {"coinbase_l2update", "coinbase", "coinbase/coinbase_exchange_20210417", "l2update",
     Outcome::kBook},
};

enum class Work { kDecode, kDecodeAndWrite, kDecodeAndCompare };

void Run(benchmark::State& state, const Subject& subject, Work work) {
  const Capture capture = Capture::Read(subject.capture);
  const std::vector<std::string_view> frames = capture.FramesWith(subject.mark);
  if (frames.empty()) return state.SkipWithError("the capture is not there (TICKCAST_CAPTURES)");
  const std::unique_ptr<Decoder> decoder = MakeDecoder(subject.exchange);
  Event event;
  std::string payload;
  LastTicker last;
  std::size_t bytes = 0;
  std::size_t next = 0;
  for (auto _ : state) {
    const std::string_view frame = frames[next];
    next = next + 1 == frames.size() ? 0 : next + 1;
    bytes += frame.size();
    if (decoder->Decode(PaddedFrame(frame), event) != subject.outcome) {
      return state.SkipWithError("a frame was not taken");
    }
    benchmark::DoNotOptimize(event);
    if (work == Work::kDecodeAndCompare) benchmark::DoNotOptimize(last.Update(event.ticker));
    if (work == Work::kDecodeAndWrite) {
      payload.clear();
      if (subject.outcome == Outcome::kTicker) {
        AppendTickerPayload(event.ticker, payload);
      } else {
        AppendTradePayload(event.trade, payload);
      }
      benchmark::DoNotOptimize(payload.data());
    }
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

void Register() {
  for (const Subject& subject : kSubjects) {
    const std::string name = subject.name;
    const auto add = [&subject](const std::string& full_name, Work work) {
      benchmark::RegisterBenchmark(full_name.c_str(), [&subject, work](benchmark::State& state) {
        Run(state, subject, work);
      });
    };
    add(name + "/decode", Work::kDecode);
    if (subject.outcome != Outcome::kBook) add(name + "/decode_write", Work::kDecodeAndWrite);
    if (subject.outcome == Outcome::kTicker) add(name + "/decode_compare", Work::kDecodeAndCompare);
  }
}

}  // namespace
}  // namespace tickcast::protocol

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  tickcast::protocol::Register();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
