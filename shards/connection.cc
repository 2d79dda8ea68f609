#include "shards/connection.h"

#include <utility>

#include "engine/invariant.h"

namespace tickcast::shards {

Connection& ConnectionTable::Open(engine::Slot slot) {
  Connection& connection = connections_.Emplace(slot);
  hot_[slot] = Hot{.generation = connections_.generation(slot), .flags = Hot::kOpen};
  ++open_count_;
  return connection;
}

void ConnectionTable::Close(engine::Slot slot) {
  INVARIANT(hot_[slot].Is(Hot::kOpen), "only an open connection is closed");
  ReturnOutbox(slot);
  DropUnsent(slot);
  connections_.Erase(slot);
  hot_[slot] = Hot{};
  --open_count_;
}

Connection* ConnectionTable::Find(engine::Slot slot, std::uint32_t generation) {
  return connections_.Find(slot, generation);
}

void ConnectionTable::KeepUnsent(engine::Slot slot, std::span<const std::byte> tail) {
  DropUnsent(slot);
  auto unsent = std::make_unique<Unsent>();
  unsent->bytes.assign(reinterpret_cast<const char*>(tail.data()), tail.size());
  (*this)[slot].unsent = std::move(unsent);
  unsent_bytes_ += tail.size();
}

void ConnectionTable::DropUnsent(engine::Slot slot) {
  std::unique_ptr<Unsent>& unsent = (*this)[slot].unsent;
  if (unsent == nullptr) return;
  unsent_bytes_ -= unsent->bytes.size();
  unsent.reset();
}

Outbox& ConnectionTable::OutboxOf(engine::Slot slot) {
  Connection& connection = (*this)[slot];
  if (connection.outbox == OutboxPool::kNone) connection.outbox = outboxes_.Take();
  return outboxes_[connection.outbox];
}

void ConnectionTable::ReturnOutbox(engine::Slot slot) {
  Connection& connection = (*this)[slot];
  if (connection.outbox == OutboxPool::kNone) return;
  outboxes_.Return(connection.outbox);
  connection.outbox = OutboxPool::kNone;
}

}  // namespace tickcast::shards
