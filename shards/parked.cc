#include "shards/parked.h"

#include <utility>

#include "engine/invariant.h"

namespace tickcast::shards {

void Parked::Park(engine::Slot slot, std::string_view rest) {
  Waiting& waiting = waiting_[slot];
  waiting.bytes += rest.size();
  waiting.frames.emplace_front(rest);
}

std::size_t Parked::Append(engine::Slot slot, std::string_view frame) {
  const auto found = waiting_.find(slot);
  INVARIANT(found != waiting_.end(), "only behind a command that waits others wait");
  found->second.bytes += frame.size();
  found->second.frames.emplace_back(frame);
  return found->second.bytes;
}

std::optional<std::string> Parked::Take(engine::Slot slot) {
  const auto found = waiting_.find(slot);
  INVARIANT(found != waiting_.end(), "the connection waits");
  if (found->second.frames.empty()) {
    waiting_.erase(found);
    return std::nullopt;
  }
  std::string frame = std::move(found->second.frames.front());
  found->second.frames.pop_front();
  found->second.bytes -= frame.size();
  return frame;
}

}  // namespace tickcast::shards
