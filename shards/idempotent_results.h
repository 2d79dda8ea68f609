// IdempotentResults: the positions that publications with an idempotency key were given, so that a
// backend which repeats a call gets the same answer and its subscribers nothing twice.
//
// A result is kept for five minutes, which is what backends of the Centrifuge API count on. All are
// kept equally long, so the oldest is always the next to expire.
// Threading: owned by one shard, the channels' home. Source: broker_memory.go of
// github.com/centrifugal/centrifuge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "shards/string_map.h"

namespace tickcast::shards {

class IdempotentResults {
 public:
  static constexpr std::uint64_t kKeptNs = 300'000'000'000;
  // What all results of a shard may take; beyond it the oldest is forgotten before its time.
  static constexpr std::size_t kMaxBytes = 32 * 1024 * 1024;

  struct Position {
    std::uint64_t offset = 0;  // 0 and "" where the publication got none.
    std::string epoch;
  };

  explicit IdempotentResults(std::size_t max_bytes = kMaxBytes) : max_bytes_(max_bytes) {}

  // The result of `key` in `channel`, or null. Valid until the next call.
  const Position* Find(std::string_view channel, std::string_view key, std::uint64_t now_ns);

  // REQUIRES: Find() with the same arguments has just found nothing.
  void Keep(std::string_view channel, std::string_view key, Position position,
            std::uint64_t now_ns);

  // Lets go of what has expired.
  void Expire(std::uint64_t now_ns);

  std::size_t size() const { return results_.size(); }
  std::size_t size_bytes() const { return size_bytes_; }
  // Results that were let go before their time.
  std::uint64_t forgotten() const { return forgotten_; }

 private:
  struct Result {
    std::string key;  // See KeyOf().
    Position position;
    std::uint64_t expires_ns;
  };

  std::size_t CostOf(const Result& result) const;
  void DropOldest();
  std::string_view KeyOf(std::string_view channel, std::string_view key);

  const std::size_t max_bytes_;
  std::deque<Result> results_;  // Oldest first. Its elements stay where they are.
  absl::flat_hash_map<std::string_view, const Result*, StringHash, std::equal_to<>> by_key_;
  std::string key_;  // Scratch.
  std::size_t size_bytes_ = 0;
  std::uint64_t forgotten_ = 0;
};

}  // namespace tickcast::shards
