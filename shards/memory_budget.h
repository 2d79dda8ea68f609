// MemoryBudget: what a shard gives up, in this order, as its memory fills.
// Threading: owned by one shard.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tickcast::shards {

// User-space bytes by what they are for. What the kernel keeps for sockets comes on top
// (docs/tuning.md).
struct MemoryUse {
  std::size_t connections = 0;    // With their sessions and timers.
  std::size_t subscriptions = 0;  // With their places in groups.
  std::size_t unsent = 0;         // Tails of messages that sockets took in part.
  std::size_t replies = 0;        // Outboxes.
  std::size_t catch_up = 0;
  std::size_t history = 0;  // Of the channels whose home the shard is.

  std::size_t total() const {
    return connections + subscriptions + unsent + replies + catch_up + history;
  }
};

// Each step includes those before it.
enum class Shed : std::uint8_t {
  kNothing,
  kHistory,   // Histories and catch-up rings keep half.
  kConflate,  // All connections are at least critical.
  kRefuse,    // New connections get 503.
  kSlowest,   // The slowest are closed with 3008.
};

class MemoryBudget {
 public:
  // Bytes; 0: no budget, nothing is ever shed.
  explicit MemoryBudget(std::uint64_t budget_bytes) : budget_bytes_(budget_bytes) {}

  // A step is taken as soon as the use reaches its mark and is left 5 % of the budget below it.
  Shed Update(std::size_t used_bytes);
  Shed shed() const { return shed_; }
  // By how much the use is above the budget.
  std::size_t ExcessOf(std::size_t used_bytes) const {
    return budget_bytes_ != 0 && used_bytes > budget_bytes_ ? used_bytes - budget_bytes_ : 0;
  }

 private:
  const std::uint64_t budget_bytes_;
  Shed shed_ = Shed::kNothing;
};

}  // namespace tickcast::shards
