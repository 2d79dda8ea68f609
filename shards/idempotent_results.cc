#include "shards/idempotent_results.h"

#include <utility>

namespace tickcast::shards {

// The length first: a name or a key may have any byte in it.
std::string_view IdempotentResults::KeyOf(std::string_view channel, std::string_view key) {
  key_ = std::to_string(channel.size());
  key_ += ':';
  key_ += channel;
  key_ += key;
  return key_;
}

std::size_t IdempotentResults::CostOf(const Result& result) const {
  constexpr std::size_t kEntryBytes = sizeof(*by_key_.begin()) + 1;
  return sizeof(Result) + kEntryBytes + result.key.size() + result.position.epoch.size();
}

void IdempotentResults::DropOldest() {
  size_bytes_ -= CostOf(results_.front());
  by_key_.erase(std::string_view(results_.front().key));
  results_.pop_front();
}

void IdempotentResults::Expire(std::uint64_t now_ns) {
  while (!results_.empty() && results_.front().expires_ns <= now_ns) DropOldest();
}

const IdempotentResults::Position* IdempotentResults::Find(std::string_view channel,
                                                           std::string_view key,
                                                           std::uint64_t now_ns) {
  Expire(now_ns);
  const auto found = by_key_.find(KeyOf(channel, key));
  return found == by_key_.end() ? nullptr : &found->second->position;
}

void IdempotentResults::Keep(std::string_view channel, std::string_view key, Position position,
                             std::uint64_t now_ns) {
  const Result& result = results_.emplace_back(
      Result{std::string(KeyOf(channel, key)), std::move(position), now_ns + kKeptNs});
  by_key_.emplace(result.key, &result);
  size_bytes_ += CostOf(result);
  while (size_bytes_ > max_bytes_) {
    DropOldest();
    ++forgotten_;
  }
}

}  // namespace tickcast::shards
