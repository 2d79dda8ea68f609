#include "shards/outlet.h"

#include <utility>

namespace tickcast::shards {

Outlet::Key Outlet::KeyOf(const Message& message) {
  Key key{message.kind, message.local, message.generation, {}};
  // A tick is on its way to a home that finds the channel by name.
  if (message.kind == Message::Kind::kTick) key.channel = message.publication->channel();
  return key;
}

std::uint64_t Outlet::Send(Message&& message) {
  if (waiting_.empty() && lane_.TryPush(std::move(message))) return 0;
  return Keep(std::move(message));
}

std::uint64_t Outlet::Keep(Message&& message) {
  if (message.conflatable) {
    const auto [entry, inserted] =
        conflatable_.try_emplace(KeyOf(message), first_waiting_ + waiting_.size());
    if (!inserted) {
      waiting_[entry->second - first_waiting_] = std::move(message);
      return 1;
    }
  }
  waiting_.push_back(std::move(message));
  return 0;
}

bool Outlet::Publish() {
  while (!waiting_.empty()) {
    Message& oldest = waiting_.front();
    const bool was_conflatable = oldest.conflatable;
    Key key;
    if (was_conflatable) key = KeyOf(oldest);
    if (!lane_.TryPush(std::move(oldest))) break;
    if (was_conflatable) conflatable_.erase(key);
    waiting_.pop_front();
    ++first_waiting_;
  }
  return lane_.Publish();
}

}  // namespace tickcast::shards
