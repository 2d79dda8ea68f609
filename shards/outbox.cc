#include "shards/outbox.h"

namespace tickcast::shards {
namespace {

void Empty(std::string& text, std::size_t kept_bytes) {
  if (text.capacity() > kept_bytes) {
    // Not assignment: from an empty string it copies nothing and keeps the memory.
    std::string().swap(text);
  } else {
    text.clear();
  }
}

}  // namespace

std::uint32_t OutboxPool::Take() {
  if (free_.empty()) {
    outboxes_.emplace_back();
    return static_cast<std::uint32_t>(outboxes_.size() - 1);
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  return index;
}

void OutboxPool::Return(std::uint32_t index) {
  Empty(outboxes_[index].raw, kKeptBytes);
  Empty(outboxes_[index].lines, kKeptBytes);
  outboxes_[index].pong_begin = 0;
  outboxes_[index].pong_end = 0;
  free_.push_back(index);
}

std::size_t OutboxPool::size_bytes() const {
  std::size_t bytes = 0;
  for (const Outbox& outbox : outboxes_) bytes += outbox.size_bytes();
  return bytes;
}

}  // namespace tickcast::shards
