// PolledKeys: what is known of the keys of one channel whose values a backend is asked for.
//
// Not the values, which are where they are delivered from: of each key the newest version and,
// where the backend gives no versions, a hash of its value, by which a value that has not changed
// is known. A version that the server gives is the next of a counter for all channels, so it rises
// for every key also when a channel was forgotten and comes back. Source: applyRefreshResponse() in
// shared_poll.go of github.com/centrifugal/centrifuge. Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config_keyed.h"
#include "protocol/centrifuge/proxy.h"
#include "shards/string_map.h"

namespace tickcast::shards {

class PolledKeys {
 public:
  explicit PolledKeys(engine::SharedPollMode mode) : mode_(mode) {}

  // False: it is there already.
  bool Add(std::string_view key) { return keys_.try_emplace(std::string(key)).second; }
  // False: it is not there.
  bool Remove(std::string_view key);
  bool Has(std::string_view key) const { return keys_.contains(key); }
  std::size_t size() const { return keys_.size(); }
  bool empty() const { return keys_.empty(); }

  // What a backend is told of `key`, which keeps its text: with the version where there are any.
  // REQUIRES: Has(key).
  protocol::ProxyPolledKey Asked(std::string_view key) const;

  // The keys for a round of questions, sorted; without those that were published since the last
  // one.
  std::vector<std::string> TakeRound();

  // The epoch of the versions that the backend gives, at first "". True: it is another one, and
  // with it every version is forgotten. Without versions there is none.
  bool Flip(std::string_view epoch);
  const std::string& epoch() const { return epoch_; }

  enum class News : std::uint8_t {
    kUnchanged,
    kValue,    // `version` is what clients are told.
    kRemoved,  // And with that forgotten.
    kUnknown,  // No key of ours (any more).
  };
  // Takes what a backend said of a key. `counter` is the last version that was made up.
  News Take(const protocol::ProxyPolledValue& value, std::uint64_t& counter,
            std::uint64_t& version);

  // A value with a version that came by itself. False: it is not newer, or no key of ours.
  bool TakePublished(std::string_view key, std::uint64_t version);

 private:
  struct Known {
    std::uint64_t version = 0;  // 0: there was no value yet.
    std::uint64_t hash = 0;
    bool fresh = false;  // Published since the last round.
  };

  bool is_versionless() const { return mode_ == engine::SharedPollMode::kVersionless; }

  const engine::SharedPollMode mode_;
  std::string epoch_;
  StringMap<Known> keys_;
};

}  // namespace tickcast::shards
