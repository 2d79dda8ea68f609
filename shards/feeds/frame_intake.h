// FrameIntake: the text frames of one exchange in, publications out.
//
// Every source of an exchange's frames, recorded or live, goes through one of these: decoder,
// change detection, sequence rules, channel names, payload. So what is tested on recordings is what
// runs on a connection. The state is per symbol; per frame nothing is allocated.
//
// KuCoin pushes a ticker whenever its 100 ms clock finds that somebody ordered or traded, and more
// than half of the recorded ones change no price and no size: those are dropped here. The others
// push on events (a Coinbase ticker is a trade), so for them an equal value is news and passes.
// Stale tickers and trades are dropped for all.
// Threading: owned by a feed, used on its shard's thread.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/hash/hash.h>
#include <absl/strings/string_view.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/exchange/decoder.h"
#include "protocol/exchange/last_ticker.h"
#include "protocol/exchange/market_event.h"
#include "protocol/exchange/sequence.h"
#include "shards/feeds/feed.h"
#include "shards/feeds/feed_counters.h"

namespace tickcast::shards {

// Called with one line of text about what an operator should know: a gap, an end, a fault. On the
// shard's thread; keeping it to one line a second is the log's business. May be empty.
using FeedLog = std::function<void(std::string_view line)>;

class FrameIntake {
 public:
  // Sixteen bits of ids per exchange; the largest lists about 2,000 symbols. What is beyond comes
  // from a broken or hostile source and is refused, counted.
  static constexpr std::size_t kMaxSymbols = 65'536;

  enum class Progress {
    kTaken,  // Done with the frame, whatever became of it.
    kHeld,   // The sink is full. The publication is kept: Retry() before the next Take().
  };

  // Each publication goes out under `copies` names: SYMBOL, SYMBOL~2 … SYMBOL~copies.
  // REQUIRES: copies >= 1; `exchange` is one of protocol::Exchanges().
  FrameIntake(const protocol::Exchange& exchange, std::uint32_t copies, FeedLog log);
  ~FrameIntake();
  FrameIntake(const FrameIntake&) = delete;
  FrameIntake& operator=(const FrameIntake&) = delete;

  // Decodes one frame and publishes what it says. REQUIRES: the last Progress was kTaken; the same
  // sink at every call.
  Progress Take(protocol::PaddedFrame frame, std::uint64_t ingest_ns, FeedSink& sink);

  // Offers what is held once more; kTaken when nothing is.
  Progress Retry(FeedSink& sink);

  // Forgets sequences and last values, as after a reconnect. Channels and counters stay.
  void Reset();

  const FeedCounters& counters() const { return counters_; }
  FeedCounters& counters() { return counters_; }

 private:
  struct Symbol;

  struct TextHash {
    std::size_t operator()(std::string_view text) const {
      return absl::Hash<absl::string_view>()(absl::string_view(text.data(), text.size()));
    }
  };

  // What is on its way out: payload_ to channels (*channels)[next_copy …].
  struct Outgoing {
    const std::vector<FeedChannelId>* channels = nullptr;  // Null: nothing is.
    std::size_t next_copy = 0;
    std::uint64_t ingest_ns = 0;
    std::uint64_t* published = nullptr;  // The counter that a taken one goes into.
  };

  Progress OnTicker(std::uint64_t ingest_ns, FeedSink& sink);
  Progress OnTrade(std::uint64_t ingest_ns, FeedSink& sink);
  void OnBook();
  Symbol* FindSymbol(std::string_view name);
  void NoteGap(const Symbol& symbol, std::string_view stream,
               const protocol::SequenceTracker& tracker);
  const std::vector<FeedChannelId>& Channels(std::vector<FeedChannelId>& channels,
                                             std::string_view space, const Symbol& symbol,
                                             FeedSink& sink);

  const protocol::Exchange& exchange_;
  const std::unique_ptr<protocol::Decoder> decoder_;
  const std::uint32_t copies_;
  const bool drops_unchanged_;
  const FeedLog log_;
  // Keyed by the symbol's own name, which stays where it is.
  absl::flat_hash_map<std::string_view, std::unique_ptr<Symbol>, TextHash, std::equal_to<>>
      symbols_;
  protocol::Event event_;
  std::string payload_;
  Outgoing outgoing_;
  FeedCounters counters_;
};

}  // namespace tickcast::shards
