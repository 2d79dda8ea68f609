#include "tools/loadgen/books.h"

#include <algorithm>

#include "tools/loadgen/market.h"

namespace tickcast::loadgen {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::string_view kChannelKey = R"({"push":{"channel":")";

std::uint32_t ConnectionsOf(const BooksOptions& options, const Topology& topology) {
  const std::uint32_t all = topology.connection_count();
  return all > options.crew ? (all - options.crew - 1) / options.crews + 1 : 0;
}

// Of a push; empty where it has none.
std::string_view ChannelOf(std::string_view line) {
  if (!line.starts_with(kChannelKey)) return {};
  line.remove_prefix(kChannelKey.size());
  const std::size_t end = line.find('"');
  return end == std::string_view::npos ? std::string_view() : line.substr(0, end);
}

}  // namespace

void BookCounts::Add(const BookCounts& other) {
  misdirected += other.misdirected;
  other_pushes += other.other_pushes;
  first_values += other.first_values;
  unsubscribed += other.unsubscribed;
  early += other.early;
  stale += other.stale;
  mirrors += other.mirrors;
  scrolls += other.scrolls;
  scrolled_keys += other.scrolled_keys;
  scroll_errors += other.scroll_errors;
  scrolls_skipped += other.scrolls_skipped;
}

BookCounts BookCounts::Since(const BookCounts& earlier) const {
  return {.misdirected = misdirected - earlier.misdirected,
          .other_pushes = other_pushes - earlier.other_pushes,
          .first_values = first_values - earlier.first_values,
          .unsubscribed = unsubscribed - earlier.unsubscribed,
          .early = early - earlier.early,
          .stale = stale - earlier.stale,
          .mirrors = mirrors - earlier.mirrors,
          .scrolls = scrolls - earlier.scrolls,
          .scrolled_keys = scrolled_keys - earlier.scrolled_keys,
          .scroll_errors = scroll_errors - earlier.scroll_errors,
          .scrolls_skipped = scrolls_skipped - earlier.scrolls_skipped};
}

Books::Books(const BooksOptions& options, const Topology& topology, const Mix& mix)
    : options_(options),
      mix_(mix),
      connections_(ConnectionsOf(options, topology)),
      subscriptions_(topology.subscriptions()),
      ledger_(options.feed ? 0 : connections_ * subscriptions_),
      market_ledger_(options.feed ? connections_ * subscriptions_ : 0),
      keyed_(options.address == Address::kStream
                 ? std::nullopt
                 : std::optional<KeyedChannel>(std::in_place, topology, options.address)),
      screens_(topology, options.crew, options.crews, connections_, options.scrolling),
      versions_(options.address == Address::kTrack ? connections_ * subscriptions_ : 0),
      records_(mix.size()),
      heard_ms_(connections_, kNotConnected),
      waited_ms_(connections_) {
  for (std::uint32_t channel = 0; channel < topology.channel_count(); ++channel) {
    channels_by_name_.emplace(keyed_ ? keyed_->key(channel) : topology.name(channel), channel);
  }
}

void Books::Open(std::uint32_t connection, bool again) {
  for (std::size_t i = 0; i < subscriptions_; ++i) {
    if (options_.feed || again) Forget(connection * subscriptions_ + i);
  }
}

// A subscription begins of which nothing is known.
void Books::Forget(std::size_t subscription) {
  if (options_.feed) {
    market_ledger_.Begin(subscription, 0);
  } else {
    ledger_.Begin(subscription, Ledger::kUnknown);
  }
  if (!versions_.empty()) versions_[subscription] = 0;
}

void Books::OnSubscribed(std::uint32_t connection, std::uint32_t subscription,
                         std::string_view reply) {
  if (!options_.feed || subscription >= subscriptions_) return;
  const std::uint64_t seq = ReadFirstSeq(reply);
  if (seq == 0) return;
  ++counts_.first_values;
  market_ledger_.Begin(connection * subscriptions_ + subscription, seq);
}

void Books::OnTracked(std::uint32_t connection, std::string_view answer) {
  for (const KeyedItem& item : ReadKeyedItems(answer)) OnFirstValue(connection, item);
}

// Changes stand before the keys, which are older.
void Books::OnPage(std::uint32_t connection, std::string_view reply, bool live) {
  const std::vector<KeyedItem> items = ReadKeyedItems(reply);
  for (auto item = items.rbegin(); item != items.rend(); ++item) OnFirstValue(connection, *item);
  if (live) ++counts_.mirrors;
}

// What comes next is behind this one.
void Books::OnFirstValue(std::uint32_t connection, const KeyedItem& item) {
  const auto channel =
      channels_by_name_.find(absl::string_view(item.end.key.data(), item.end.key.size()));
  const std::size_t subscription = channel == channels_by_name_.end()
                                       ? subscriptions_
                                       : FindSubscription(connection, channel->second);
  if (subscription == subscriptions_) {
    ++counts_.misdirected;
    return;
  }
  ++counts_.first_values;
  const std::size_t place = connection * subscriptions_ + subscription;
  Stamp stamp;
  if (options_.feed) {
    market_ledger_.Begin(place, item.seq);
  } else if (stamps_.Find(item.text, stamp) && stamp.run == options_.run) {
    ledger_.Begin(place, stamp.number + 1);
  }
  if (!versions_.empty()) versions_[place] = item.end.version;
}

void Books::OnScrolled(std::uint32_t connection, const Screens::Change& change,
                       std::string_view answer, std::uint64_t due_ns, std::uint64_t now_ns) {
  screens_.Apply(connection, change);
  for (std::size_t i = 0; i < change.gained.size(); ++i) {
    const std::size_t subscription = (change.first + i) % subscriptions_;
    Forget(connection * subscriptions_ + subscription);
  }
  OnTracked(connection, answer);
  ++counts_.scrolls;
  counts_.scrolled_keys += change.gained.size();
  if (due_ns >= measured_from_ns_) {
    record(connection).scroll.Record(now_ns > due_ns ? now_ns - due_ns : 0);
  }
}

// A connection that waits for its first delivery waits already.
void Books::Ready(std::uint32_t connection, std::uint64_t now_ns) {
  heard_ms_[connection] = Milliseconds(now_ns);
}

void Books::Gone(std::uint32_t connection, std::uint64_t now_ns) {
  Waited(connection, now_ns);
  heard_ms_[connection] = kNotConnected;
}

Books::Push Books::OnPush(std::uint32_t connection, std::string_view line, std::uint64_t now_ns) {
  return options_.feed ? OnMarket(connection, line, now_ns) : OnStamp(connection, line, now_ns);
}

std::uint32_t Books::FindSubscription(std::uint32_t connection, std::uint32_t channel) const {
  // All of them, in their order: a thousand would be too many to look through.
  if (options_.address == Address::kMap) return channel;
  const std::uint32_t* const begin = channels(connection);
  return static_cast<std::uint32_t>(std::find(begin, begin + subscriptions_, channel) - begin);
}

// Of a publication to `channel`, as its line names it: the subscription, or their number where it
// is none of the connection's. `version` is that of a key's value.
std::uint32_t Books::FindNamed(std::uint32_t connection, std::string_view channel,
                               std::string_view line, std::uint64_t& version) const {
  const auto none = static_cast<std::uint32_t>(subscriptions_);
  if (keyed_) {
    KeyedEnd end;
    if (channel != keyed_->channel() || !ReadKeyedEnd(line, end)) return none;
    channel = end.key;
    version = end.version;
  }
  const auto found = channels_by_name_.find(absl::string_view(channel.data(), channel.size()));
  return found == channels_by_name_.end() ? none : FindSubscription(connection, found->second);
}

void Books::NoteVersion(std::size_t subscription, std::uint64_t version) {
  if (versions_.empty()) return;
  if (version <= versions_[subscription]) ++counts_.stale;
  versions_[subscription] = std::max(versions_[subscription], version);
}

Books::Push Books::OnStamp(std::uint32_t connection, std::string_view line, std::uint64_t now_ns) {
  Stamp stamp;
  if (!stamps_.Find(line, stamp) || stamp.run != options_.run) return OnOther(connection, line);
  Push push{.what = Push::What::kPublication, .publication = stamp.publication};
  push.subscription = FindSubscription(connection, stamp.channel);
  std::uint64_t version = 0;
  if (keyed_ && FindNamed(connection, ChannelOf(line), line, version) != push.subscription) {
    push.subscription = static_cast<std::uint32_t>(subscriptions_);
  }
  if (push.subscription == subscriptions_) {
    ++counts_.misdirected;
    return push;
  }
  NoteVersion(connection * subscriptions_ + push.subscription, version);
  KindRecord& kept = record(connection);
  ++kept.counts.deliveries;
  const Ledger::Arrival arrival = ledger_.Record(connection * subscriptions_ + push.subscription,
                                                 stamp.number, kept.counts.tally);
  Heard(connection, now_ns);
  if (arrival == Ledger::Arrival::kDuplicate) return push;
  push.first_time = true;
  // Two clock reads may swap within their resolution; a delivery is never negative.
  const std::uint64_t latency = now_ns > stamp.time_ns ? now_ns - stamp.time_ns : 0;
  interval_.Record(latency);
  if (stamp.time_ns >= measured_from_ns_) kept.latency.Record(latency);
  return push;
}

Books::Push Books::OnMarket(std::uint32_t connection, std::string_view line, std::uint64_t now_ns) {
  MarketValue value;
  if (!ReadMarketPush(line, value)) return OnOther(connection, line);
  Push push{.what = Push::What::kPublication};
  std::uint64_t version = 0;
  push.subscription = FindNamed(connection, value.channel, line, version);
  if (push.subscription == subscriptions_) {
    ++counts_.misdirected;
    return push;
  }
  NoteVersion(connection * subscriptions_ + push.subscription, version);
  KindRecord& kept = record(connection);
  ++kept.counts.deliveries;
  market_ledger_.Record(connection * subscriptions_ + push.subscription, value.seq,
                        kept.counts.tally);
  Heard(connection, now_ns);
  const std::int64_t age_ns = static_cast<std::int64_t>(now_ns) + options_.wall_offset_ns -
                              value.time_ms * static_cast<std::int64_t>(kMillisecond);
  if (age_ns < 0) ++counts_.early;
  const auto latency = static_cast<std::uint64_t>(std::max<std::int64_t>(age_ns, 0));
  interval_.Record(latency);
  if (now_ns >= measured_from_ns_) kept.latency.Record(latency);
  push.first_time = true;
  return push;
}

// {"push":{"channel":"NAME","unsubscribe":{"code":2500,...: from 2500 on the client is asked to
// subscribe again. That of a watch list is of all its keys.
Books::Push Books::OnOther(std::uint32_t connection, std::string_view line) {
  constexpr std::string_view kMessage = R"({"push":{"message":)";
  constexpr std::string_view kUnsubscribe = R"(,"unsubscribe":{"code":)";
  Push push;
  if (line.starts_with(kMessage)) {
    ++record(connection).counts.told;
    return push;
  }
  ++counts_.other_pushes;
  const std::string_view name = ChannelOf(line);
  if (name.empty()) return push;
  line.remove_prefix(kChannelKey.size() + name.size() + 1);
  if (!line.starts_with(kUnsubscribe)) return push;
  if (keyed_) {
    if (name != keyed_->channel()) return push;
    for (std::size_t i = 0; i < subscriptions_; ++i) {
      Forget(connection * subscriptions_ + i);
    }
  } else {
    std::uint64_t version = 0;
    push.subscription = FindNamed(connection, name, line, version);
    if (push.subscription == subscriptions_) return push;
  }
  push.what = Push::What::kUnsubscribed;
  ++counts_.unsubscribed;
  return push;
}

std::uint32_t Books::Milliseconds(std::uint64_t now_ns) const {
  return now_ns < epoch_ns_ ? 0 : static_cast<std::uint32_t>((now_ns - epoch_ns_) / kMillisecond);
}

void Books::Heard(std::uint32_t connection, std::uint64_t now_ns) {
  if (measuring_) lull_.Mark(now_ns);
  Waited(connection, now_ns);
}

void Books::Waited(std::uint32_t connection, std::uint64_t now_ns) {
  std::uint32_t& heard_ms = heard_ms_[connection];
  if (heard_ms == kNotConnected) return;
  const std::uint32_t now_ms = std::max(heard_ms, Milliseconds(now_ns));
  waited_ms_[connection] = std::max(waited_ms_[connection], now_ms - heard_ms);
  heard_ms = now_ms;
}

// The milliseconds begin anew, so that they fit 32 bits for 49 days of one phase.
void Books::BeginMeasuring(std::uint64_t now_ns) {
  for (KindRecord& kept : records_) kept.ClearTimes();
  measured_from_ns_ = now_ns;
  epoch_ns_ = now_ns;
  for (std::uint32_t& heard_ms : heard_ms_) heard_ms = heard_ms == kNotConnected ? heard_ms : 0;
  std::fill(waited_ms_.begin(), waited_ms_.end(), 0);
  lull_.Begin(now_ns);
  measuring_ = true;
}

void Books::EndMeasuring(std::uint64_t now_ns) {
  if (!measuring_) return;
  const std::uint32_t now_ms = Milliseconds(now_ns);
  for (std::uint32_t connection = 0; connection < connections_; ++connection) {
    // What came since `now_ns` was read is later than it.
    if (heard_ms_[connection] != kNotConnected && heard_ms_[connection] < now_ms) {
      waited_ms_[connection] = std::max(waited_ms_[connection], now_ms - heard_ms_[connection]);
    }
    record(connection).stall.Record(std::uint64_t{waited_ms_[connection]} * kMillisecond);
  }
  measuring_ = false;
  measured_from_ns_ = UINT64_MAX;
}

void Books::Settle(const std::vector<std::uint32_t>& published) {
  if (options_.feed) return;
  for (std::uint32_t connection = 0; connection < connections_; ++connection) {
    if (!kind(connection).prompt()) continue;
    Ledger::Tally& tally = record(connection).counts.tally;
    for (std::size_t i = 0; i < subscriptions_; ++i) {
      const std::size_t channel = options_.address == Address::kMap ? i : channels(connection)[i];
      ledger_.Settle(connection * subscriptions_ + i, published[channel], tally);
    }
  }
}

Histogram Books::TakeInterval() {
  Histogram taken = std::move(interval_);
  interval_ = Histogram();
  return taken;
}

}  // namespace tickcast::loadgen
