// SharedKeys: the keys that all shards check tokens with, and that change while they run.
//
// A set is never changed, only replaced, and each shard looks at one number before it checks a
// token; only when that has changed does it take the lock and the new set. Tokens come with
// connects and subscribes, never per delivery, so the data path knows nothing of it.
// Threading: written by whoever has new keys, read by all shards.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "protocol/jwt/key_set.h"

namespace tickcast::shards {

class SharedKeys {
 public:
  void Replace(std::shared_ptr<const protocol::KeySet> keys) {
    {
      const std::lock_guard lock(mutex_);
      keys_ = std::move(keys);
    }
    version_.fetch_add(1, std::memory_order_release);
  }

  // Grows with every Replace().
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

  std::shared_ptr<const protocol::KeySet> Get() const {
    const std::lock_guard lock(mutex_);
    return keys_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const protocol::KeySet> keys_ = std::make_shared<protocol::KeySet>();
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace tickcast::shards
