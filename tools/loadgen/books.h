// Books: what arrived at the subscriptions of one crew, by kind of client.
//
// Crew c of n has the connections c, c + n, c + 2n and so on; here they are counted 0, 1, 2. The
// run's own publications are known by their stamps and numbered by channel; a feed's values by
// their seq. Where they are followed as keys of a watch list, each connection has a screen of them,
// which it may scroll. The age of a value is the wall clock at its arrival minus its `time`; as
// that is rounded down to milliseconds, an age is up to 1 ms too high and never too low. Threading:
// one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tools/loadgen/keyed_channel.h"
#include "tools/loadgen/kind_record.h"
#include "tools/loadgen/ledger.h"
#include "tools/loadgen/lull.h"
#include "tools/loadgen/market_ledger.h"
#include "tools/loadgen/mix.h"
#include "tools/loadgen/screens.h"
#include "tools/loadgen/stamp.h"
#include "tools/loadgen/topology.h"

namespace tickcast::loadgen {

struct BooksOptions {
  std::uint32_t crew = 0;
  std::uint32_t crews = 1;
  bool feed = false;
  Address address = Address::kStream;
  bool scrolling = false;
  std::uint32_t run = 0;            // Of the stamps.
  std::int64_t wall_offset_ns = 0;  // Wall clock minus the clock of `now_ns`.
};

// Counts that belong to no kind.
struct BookCounts {
  std::uint64_t misdirected = 0;    // To a connection that never subscribed to the channel.
  std::uint64_t other_pushes = 0;   // Of another run, or no publication.
  std::uint64_t first_values = 0;   // In replies to subscribes.
  std::uint64_t unsubscribed = 0;   // By the server.
  std::uint64_t early = 0;          // Values from the future: the clocks disagree.
  std::uint64_t stale = 0;          // Of keys: no newer than the last one, so that an SDK drops it.
  std::uint64_t mirrors = 0;        // Maps that were read to their end.
  std::uint64_t scrolls = 0;        // Answered.
  std::uint64_t scrolled_keys = 0;  // That came by them; as many went.
  std::uint64_t scroll_errors = 0;  // Refused.
  std::uint64_t scrolls_skipped = 0;  // Due while the one before was not answered.

  void Add(const BookCounts& other);
  BookCounts Since(const BookCounts& earlier) const;
};

class Books {
 public:
  // What a push was.
  struct Push {
    enum class What : std::uint8_t { kPublication, kUnsubscribed, kOther };
    What what = What::kOther;
    bool first_time = false;        // Of a publication: no duplicate.
    std::uint32_t publication = 0;  // Of the run's own: its number.
    std::uint32_t subscription = 0;
  };

  // `topology` and `mix` must outlive the books.
  Books(const BooksOptions& options, const Topology& topology, const Mix& mix);

  std::uint32_t connections() const { return connections_; }
  // The number of a connection in topology and mix.
  std::uint32_t global(std::uint32_t connection) const {
    return options_.crew + connection * options_.crews;
  }
  const std::uint32_t* channels(std::uint32_t connection) const {
    return screens_.channels(connection);
  }
  // None unless channels are followed as keys of it.
  const std::optional<KeyedChannel>& keyed() const { return keyed_; }
  const Kind& kind(std::uint32_t connection) const { return mix_.of(global(connection)); }

  // A connection is opened; `again`: it was before.
  void Open(std::uint32_t connection, bool again);
  // The reply to a subscribe, which may hold the newest value.
  void OnSubscribed(std::uint32_t connection, std::uint32_t subscription, std::string_view reply);
  // The answer to the first track, which may hold the newest values.
  void OnTracked(std::uint32_t connection, std::string_view answer);
  // A page of a map, or what changed between two of them.
  void OnPage(std::uint32_t connection, std::string_view reply, bool live);
  // What the next scroll of `count` keys replaces, and the answer to it: nothing is replaced
  // before. `due_ns`: when it should have been asked for.
  Screens::Change NextScroll(std::uint32_t connection, std::uint32_t count) {
    return screens_.Next(connection, count);
  }
  void OnScrolled(std::uint32_t connection, const Screens::Change& change, std::string_view answer,
                  std::uint64_t due_ns, std::uint64_t now_ns);
  void OnScrollRefused() { ++counts_.scroll_errors; }
  void SkipScroll() { ++counts_.scrolls_skipped; }
  void Ready(std::uint32_t connection, std::uint64_t now_ns);
  void Gone(std::uint32_t connection, std::uint64_t now_ns);
  Push OnPush(std::uint32_t connection, std::string_view line, std::uint64_t now_ns);

  // Latencies of what was published from now on are measured, and stalls.
  void BeginMeasuring(std::uint64_t now_ns);
  void EndMeasuring(std::uint64_t now_ns);

  // Every publication so far should have come by now: what prompt clients have not is missing.
  // `published` is by channel.
  void Settle(const std::vector<std::uint32_t>& published);

  KindRecord& record(std::uint32_t connection) { return records_[mix_.kind(global(connection))]; }
  std::vector<KindRecord>& records() { return records_; }
  const BookCounts& counts() const { return counts_; }
  const Lull& lull() const { return lull_; }
  // None of its connections is there; called at least once a turn while that is so.
  void Nobody(std::uint64_t since_ns, std::uint64_t now_ns) {
    if (nobody_since_ns_ == 0) nobody_since_ns_ = since_ns;
    if (measuring_) lull_.Nobody(nobody_since_ns_, now_ns);
  }
  void Somebody() { nobody_since_ns_ = 0; }
  Histogram TakeInterval();  // Latencies since the last call.

 private:
  static constexpr std::uint32_t kNotConnected = ~0U;

  Push OnStamp(std::uint32_t connection, std::string_view line, std::uint64_t now_ns);
  Push OnMarket(std::uint32_t connection, std::string_view line, std::uint64_t now_ns);
  Push OnOther(std::uint32_t connection, std::string_view line);
  std::uint32_t FindSubscription(std::uint32_t connection, std::uint32_t channel) const;
  std::uint32_t FindNamed(std::uint32_t connection, std::string_view channel, std::string_view line,
                          std::uint64_t& version) const;
  void Forget(std::size_t subscription);
  void OnFirstValue(std::uint32_t connection, const KeyedItem& item);
  void NoteVersion(std::size_t subscription, std::uint64_t version);
  void Heard(std::uint32_t connection, std::uint64_t now_ns);
  void Waited(std::uint32_t connection, std::uint64_t now_ns);
  std::uint32_t Milliseconds(std::uint64_t now_ns) const;

  const BooksOptions options_;
  const Mix& mix_;
  const std::uint32_t connections_;
  const std::size_t subscriptions_;

  StampFinder stamps_;
  Ledger ledger_;               // Of the run's own publications,
  MarketLedger market_ledger_;  // or of a feed: the other one is empty.
  const std::optional<KeyedChannel> keyed_;
  Screens screens_;
  std::vector<std::uint64_t> versions_;  // Of keys, by subscription: of the last value.
  absl::flat_hash_map<std::string, std::uint32_t> channels_by_name_;  // Of keys: by key.
  std::vector<KindRecord> records_;
  BookCounts counts_;
  Histogram interval_;

  bool measuring_ = false;
  std::uint64_t measured_from_ns_ = UINT64_MAX;
  std::uint64_t epoch_ns_ = 0;            // What the milliseconds below count from.
  std::vector<std::uint32_t> heard_ms_;   // By connection: its last delivery.
  std::vector<std::uint32_t> waited_ms_;  // The longest time between two, while measuring.
  Lull lull_;
  std::uint64_t nobody_since_ns_ = 0;  // 0: somebody is there.
};

}  // namespace tickcast::loadgen
