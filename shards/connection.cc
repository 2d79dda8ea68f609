#include "shards/connection.h"

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
  connections_.Erase(slot);
  hot_[slot] = Hot{};
  --open_count_;
}

Connection* ConnectionTable::Find(engine::Slot slot, std::uint32_t generation) {
  return connections_.Find(slot, generation);
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
