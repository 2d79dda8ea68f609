#include "shards/users.h"

#include "engine/invariant.h"

namespace tickcast::shards {

std::string_view Users::Names::Of(engine::Slot slot) const {
  return (*connections)[slot].session->user;
}

Users::Users(ConnectionTable& connections)
    : links_(connections.slots()), first_(0, Hash{{&connections}}, Equal{{&connections}}) {}

void Users::Add(engine::Slot slot) {
  Link& link = links_[slot];
  INVARIANT(link.previous == kOut, "a connection is in one list, once");
  link = {};
  link.previous = kEnd;
  ++connections_in_;
  const auto first = first_.find(slot);
  if (first != first_.end()) {
    link.next = *first;
    links_[link.next].previous = slot;
    first_.erase(first);
  }
  first_.insert(slot);
}

void Users::Remove(engine::Slot slot) {
  const Link link = links_[slot];
  if (link.previous == kOut) return;
  if (link.next != kEnd) links_[link.next].previous = link.previous;
  if (link.previous == kEnd) {
    first_.erase(slot);
    if (link.next != kEnd) first_.insert(link.next);
  } else {
    links_[link.previous].next = link.next;
  }
  links_[slot] = {};
  --connections_in_;
}

void Users::AppendHashes(std::vector<std::uint64_t>& out) const {
  out.reserve(out.size() + first_.size());
  const Hash hash = first_.hash_function();
  for (const engine::Slot slot : first_) out.push_back(hash(slot));
}

}  // namespace tickcast::shards
