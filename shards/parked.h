// Parked: what connections have sent behind a command that waits for somebody else's answer.
//
// A command that a backend has to decide (or a token whose key has to be fetched) is not kept half
// done. The rest of its frame, from that command on, is parked, and so is every frame that comes
// after it; when the answer is there, the command is run again from its start with the answer at
// hand, and then what followed it. So commands of one connection take effect in the order in which
// they were sent, as in the original, and no command has two halves that could disagree about the
// state between them. Other connections never wait.
// Threading: owned by one shard.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "engine/completion.h"

namespace tickcast::shards {

class Parked {
 public:
  // From so much on a connection's socket is not read; and what is refused for good, as transports
  // without a socket of their own cannot be held back.
  static constexpr std::size_t kPauseBytes = 64 * 1024;
  static constexpr std::size_t kMaxBytes = 1024 * 1024;

  // Whether the connection waits: its frames go to Append().
  bool Holds(engine::Slot slot) const { return waiting_.contains(slot); }

  // The first command of `rest` waits. What was appended before stays behind it.
  void Park(engine::Slot slot, std::string_view rest);

  // Returns the bytes that wait now. REQUIRES: Holds(slot).
  std::size_t Append(engine::Slot slot, std::string_view frame);

  // Takes the oldest frame; nothing where none is left, and then the connection waits no more.
  // The connection still counts as waiting until then. REQUIRES: Holds(slot).
  std::optional<std::string> Take(engine::Slot slot);

  // The connection is gone.
  void Drop(engine::Slot slot) { waiting_.erase(slot); }

 private:
  struct Waiting {
    std::deque<std::string> frames;
    std::size_t bytes = 0;
  };
  absl::flat_hash_map<engine::Slot, Waiting> waiting_;
};

}  // namespace tickcast::shards
