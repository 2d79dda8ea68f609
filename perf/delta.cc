// Deltas and tag filters: time and bytes of a KuCoin ticker as a delta of the one before.
//
// The recorded tickers are decoded and written as the server writes them; each is made a delta of
// the one before of its symbol, round and round. Reports deltas/s (items_per_second) and per ticker
// the bytes of the payload whole, as a delta, and of the delta as a JSON string; and of the whole
// push on the wire, in each form, with delta, with a number for the channel's name, with both.
// Usage: delta [--benchmark_filter=…]; needs the captures.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/centrifuge/push.h"
#include "protocol/centrifuge/tag_filter.h"
#include "protocol/delta/fossil.h"
#include "protocol/exchange/decoder.h"
#include "protocol/exchange/payload.h"
#include "protocol/json/payload.h"
#include "tests/protocol/exchange/captures.h"

namespace tickcast::protocol {
namespace {

struct Change {
  std::string channel;
  std::string before;
  std::string after;
};

std::vector<Change> RecordedChanges() {
  const Capture capture = Capture::Read("kucoin/kucoin_spot_20210425");
  const std::unique_ptr<Decoder> decoder = MakeDecoder("kucoin");
  std::unordered_map<std::string, std::string> last;
  std::vector<Change> changes;
  Event event;
  for (const std::string_view frame : capture.FramesWith("trade.ticker")) {
    if (decoder->Decode(PaddedFrame(frame), event) != Outcome::kTicker) continue;
    std::string payload;
    AppendTickerPayload(event.ticker, payload);
    std::string& before = last[std::string(event.ticker.symbol)];
    if (!before.empty() && before != payload) {
      changes.push_back({"ticker:kucoin." + std::string(event.ticker.symbol), before, payload});
    }
    before = payload;
  }
  return changes;
}

void WriteDelta(benchmark::State& state) {
  const std::vector<Change> changes = RecordedChanges();
  if (changes.empty()) return state.SkipWithError("the capture is not there (TICKCAST_CAPTURES)");
  DeltaScratch scratch;
  std::string delta;
  std::size_t whole_bytes = 0, delta_bytes = 0, quoted_bytes = 0;
  for (const Change& change : changes) {
    delta.clear();
    AppendDelta(change.before, change.after, delta, scratch);
    whole_bytes += change.after.size();
    delta_bytes += delta.size();
    std::string quoted;
    AppendQuoted(delta, quoted);
    quoted_bytes += quoted.size();
  }
  std::size_t next = 0;
  for (auto _ : state) {
    delta.clear();
    AppendDelta(changes[next].before, changes[next].after, delta, scratch);
    benchmark::DoNotOptimize(delta.data());
    next = next + 1 == changes.size() ? 0 : next + 1;
  }
  const double count = static_cast<double>(changes.size());
  state.SetItemsProcessed(state.iterations());
  state.counters["whole_bytes"] = static_cast<double>(whole_bytes) / count;
  state.counters["delta_bytes"] = static_cast<double>(delta_bytes) / count;
  state.counters["json_delta_bytes"] = static_cast<double>(quoted_bytes) / count;
}

void ReadDelta(benchmark::State& state) {
  const std::vector<Change> changes = RecordedChanges();
  if (changes.empty()) return state.SkipWithError("the capture is not there (TICKCAST_CAPTURES)");
  DeltaScratch scratch;
  std::vector<std::string> deltas;
  for (const Change& change : changes) {
    AppendDelta(change.before, change.after, deltas.emplace_back(), scratch);
  }
  std::string back;
  std::size_t next = 0;
  for (auto _ : state) {
    back.clear();
    if (!ApplyDelta(changes[next].before, deltas[next], back)) {
      return state.SkipWithError("a delta was refused");
    }
    benchmark::DoNotOptimize(back.data());
    next = next + 1 == changes.size() ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
}

// What one push takes on the wire, WebSocket header included, on the average of all changes.
double WireBytes(const std::vector<Change>& changes, Encoding encoding, bool with_delta,
                 bool with_id) {
  DeltaScratch scratch;
  std::size_t bytes = 0;
  for (const Change& change : changes) {
    std::string delta;
    AppendDelta(change.before, change.after, delta, scratch);
    PublicationView publication;
    publication.delta = with_delta && delta.size() < change.after.size();
    publication.data = publication.delta ? delta : change.after;
    publication.data_as_text = with_delta;
    std::string push;
    AppendPublicationPush({.encoding = encoding},
                          {.channel = change.channel, .id = with_id ? 17 : 0}, publication, push);
    bytes += push.size() + (push.size() < 126 ? 2 : 4);
  }
  return static_cast<double>(bytes) / static_cast<double>(changes.size());
}

void WritePush(benchmark::State& state, Encoding encoding) {
  const std::vector<Change> changes = RecordedChanges();
  if (changes.empty()) return state.SkipWithError("the capture is not there (TICKCAST_CAPTURES)");
  PublicationView publication;
  publication.data = changes.front().after;
  std::string push;
  for (auto _ : state) {
    push.clear();
    AppendPublicationPush({.encoding = encoding}, {.channel = changes.front().channel}, publication,
                          push);
    benchmark::DoNotOptimize(push.data());
  }
  state.counters["bytes"] = WireBytes(changes, encoding, false, false);
  state.counters["id_bytes"] = WireBytes(changes, encoding, false, true);
  state.counters["delta_bytes"] = WireBytes(changes, encoding, true, false);
  state.counters["delta_id_bytes"] = WireBytes(changes, encoding, true, true);
}

constexpr std::string_view kTags =
    R"({"symbol":"BTC-USDT","base":"BTC","quote":"USDT","price":"61837.63","volume":"123456.7"})";

void ReadTags(benchmark::State& state) {
  TagSet tags;
  for (auto _ : state) benchmark::DoNotOptimize(tags.Read(kTags));
  state.SetItemsProcessed(state.iterations());
}

void MatchFilter(benchmark::State& state) {
  TagFilterParser parser;
  TagFilter filter;
  const std::string_view wrong = parser.ParseJson(
      R"({"op":"and","nodes":[{"key":"quote","cmp":"in","vals":["USDC","USDT","USD"]},)"
      R"({"key":"price","cmp":"gt","val":"50000"},{"key":"symbol","cmp":"sw","val":"BTC"}]})",
      filter);
  TagSet tags;
  if (!wrong.empty() || !tags.Read(kTags)) return state.SkipWithError("the filter was refused");
  for (auto _ : state) benchmark::DoNotOptimize(filter.Matches(tags));
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(WriteDelta)->Name("kucoin_ticker/write_delta");
BENCHMARK(ReadDelta)->Name("kucoin_ticker/read_delta");
BENCHMARK_CAPTURE(WritePush, json, Encoding::kJson)->Name("kucoin_ticker/push_json");
BENCHMARK_CAPTURE(WritePush, protobuf, Encoding::kProtobuf)->Name("kucoin_ticker/push_protobuf");
BENCHMARK(ReadTags)->Name("tags/read");
BENCHMARK(MatchFilter)->Name("tags/match");

}  // namespace
}  // namespace tickcast::protocol

BENCHMARK_MAIN();
