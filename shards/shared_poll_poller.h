// SharedPollPoller: asks the application's backend for the values of the keys that somebody tracks.
//
// Of a channel's keys it is told which are watched. A key that is new is asked for at once,
// together with all others that are new in the same turn; after that the whole channel once per
// `shared_poll.refresh_interval`, in batches of `refresh_batch_size` that are spread over it. What
// is news goes to a sink. A backend that is slow is not asked twice at once: the next round begins
// when the last one has been answered, and at most `shared_poll.concurrency_limit` batches are
// under way for all channels. One that answers nothing, garbage or an error changes nothing: the
// values stand as they were, the breaker of its proxy counts, and the next round tries again.
// Source: runRefreshWorker() and what it calls in shared_poll.go of
// github.com/centrifugal/centrifuge, which asks for each new key by a call of its own. Threading:
// owned by one shard. Design: docs/keyed.md.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/config.h"
#include "engine/metrics.h"
#include "engine/slab.h"
#include "protocol/centrifuge/proxy.h"
#include "shards/polled_keys.h"
#include "shards/proxies.h"
#include "shards/shard_id.h"
#include "shards/string_map.h"

namespace tickcast::shards {

class SharedPollPoller {
 public:
  // Who is told what became of keys. It may watch and unwatch from within; what the same answer
  // said of keys that it has just unwatched is told all the same.
  class Sink {
   public:
    virtual ~Sink() = default;
    // A value that is news. `version` is above every other of the key in its epoch; `data` is
    // one-line JSON, or empty, and lives until this returns.
    virtual void OnPolledValue(std::string_view channel, std::string_view key,
                               std::string_view data, std::uint64_t version) = 0;
    // The key is gone, and is not watched any more.
    virtual void OnPolledRemoval(std::string_view channel, std::string_view key) = 0;
    // The channel's versions begin anew: whoever tracks has to do so again (unsubscribe 2500).
    virtual void OnPolledEpoch(std::string_view channel, std::string_view epoch) = 0;
  };

  // All outlive it. `epoch` is that of the versions that are made up here: another one in each run.
  SharedPollPoller(const engine::Config& config, Proxies& proxies, engine::Registry& registry,
                   ShardId shard, Sink& sink, std::string epoch);

  // Somebody began to track `key`, or another one did. REQUIRES: `ns` is the channel's, a shared
  // poll without a source.
  void Watch(const engine::Namespace& ns, std::string_view channel, std::string_view key,
             std::uint64_t now_ns);
  // Nobody tracks it any more; nothing where it is not watched. `now_ns` is not before that of
  // another call.
  void Unwatch(std::string_view channel, std::string_view key, std::uint64_t now_ns);

  // A value that the server API published. True: it is news, for the caller to deliver.
  bool Publish(std::string_view channel, std::string_view key, std::uint64_t version,
               std::string_view epoch);

  // Of the channel's versions, as a subscriber is told.
  std::string_view EpochOf(const engine::Namespace& ns, std::string_view channel);

  // When Run() has something to do; ~0: never. 0: now.
  std::uint64_t next_due_ns() const;
  // Asks what is due.
  void Run(std::uint64_t now_ns);

  // The answer to a question of the kind kSharedPollRefresh (Proxies::Host::OnProxyAnswer()).
  void OnAnswer(const Proxies::Question& question, const protocol::ProxyAnswer* answer,
                std::uint64_t now_ns);

 private:
  struct Channel {
    Channel(const engine::Namespace& its_ns, std::string_view its_name)
        : ns(its_ns), name(its_name), keys(its_ns.shared_poll.mode) {}

    const engine::Namespace& ns;
    const std::string name;
    PolledKeys keys;
    std::vector<std::string> fresh;  // Watched, and not asked for yet.
    // The round: its keys, of which those from `next_key` on are not asked for yet.
    std::vector<std::string> round;
    std::size_t next_key = 0;
    std::size_t under_way = 0;  // Its batches.
    std::uint64_t next_batch_ns = 0;
    std::uint64_t batch_step_ns = 0;
    std::uint64_t next_round_ns = 0;
    std::uint64_t drop_ns = 0;  // While there are no keys: when it is forgotten.
    std::uint64_t due_ns = 0;   // Where it stands in due_; 0: nowhere.
    bool is_ready = false;      // It stands in ready_.
  };
  struct Batch {
    engine::Handle channel;
    bool of_round = false;
  };
  struct Metrics {
    Metrics(engine::Registry& registry, ShardId shard);

    engine::Gauge& keys;
    engine::Counter& asked_new;
    engine::Counter& asked_in_rounds;
    engine::Counter& changed;
    engine::Counter& unchanged;
    engine::Counter& removed;
    engine::Counter& unknown;
    engine::Counter& failed;
  };
  // One item of an answer that is news; the views are the answer's.
  struct News {
    std::string_view key;
    std::string_view data;
    std::uint64_t version = 0;
    bool removed = false;
  };

  Channel* Find(std::string_view name);
  void Schedule(engine::Handle handle, std::uint64_t due_ns);
  std::uint64_t NextDue(const Channel& channel) const;
  void BeginRound(Channel& channel, std::uint64_t now_ns);
  void AskFresh(engine::Handle handle);
  void AskNextOfRound(engine::Handle handle);
  bool Step(engine::Handle handle, std::uint64_t now_ns);
  void Ask(engine::Handle handle, std::span<const std::string> keys, bool of_round);
  void Drop(engine::Handle handle);
  std::vector<News> TakeNews(Channel& channel, const protocol::ProxyAnswer& answer);

  const engine::SharedPollServerConfig& config_;
  Proxies& proxies_;
  Sink& sink_;
  const std::string epoch_;
  Metrics metrics_;
  engine::Slab<Channel> channels_;
  StringMap<engine::Handle> by_name_;
  std::set<std::pair<std::uint64_t, std::uint32_t>> due_;  // Indexes by their time.
  std::deque<engine::Handle> ready_;  // Something of these is due; they take turns.
  absl::flat_hash_map<std::uint64_t, Batch> under_way_;
  std::uint64_t last_batch_ = 0;
  std::uint64_t last_version_ = 0;
};

}  // namespace tickcast::shards
