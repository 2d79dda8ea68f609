// Sender: one batch of sends, at most one per connection, and what became of each.
//
// A batch is queued, submitted, and its refusals are reaped; then Finish() settles it: what the
// kernel took whole is done, the tail of what it took in part is kept aside, what it refused was
// never sent. Memory of the messages has to last until Finish() only.
// Threading: owned by one shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/ring.h"

namespace tickcast::shards {

// One message on its way.
struct InFlight {
  enum class Fate : std::uint8_t { kTaken, kPart, kRefused, kBroken };

  engine::Slot slot = 0;
  std::uint32_t generation = 0;
  std::span<const std::byte> bytes;
  std::uint32_t publications = 0;  // Delivered if the message is taken, whole or in part.
  std::uint32_t conflated = 0;     // Older ones that those stand for.
  // Log entries of the pull that made it (FanOut), undone if it is refused.
  std::uint32_t taken_begin = 0;
  std::uint32_t taken_end = 0;
  std::uint32_t channel = 0;  // A push of this channel's frame; or kNoChannel.
  bool has_outbox = false;    // Carries the connection's replies.
  bool serves = false;        // Brings its connection up to date with this turn; and is that …
  bool whole = true;          // … all, or did some not fit?
  bool is_tail = false;       // The rest of a message of which a part was taken before.
  Fate fate = Fate::kTaken;
  std::uint32_t sent_bytes = 0;  // kPart.
};

class Sender {
 public:
  // `batch`: sends per submit; more lengthens the time in which nothing else is looked at.
  Sender(engine::Ring& ring, std::uint32_t batch) : ring_(ring), batch_(batch) {
    in_flight_.reserve(batch);
  }

  bool full() const { return in_flight_.size() >= batch_; }
  bool empty() const { return in_flight_.empty(); }

  // Queues a send of `message.bytes`. REQUIRES: not full, none of this slot in the batch.
  void Queue(const InFlight& message);

  // Scratch memory for a message of this batch, valid until Clear(). Contents are undefined.
  std::span<std::byte> Scratch(std::size_t bytes);

  // What the kernel said of one of the batch.
  void OnSend(const engine::Completion& done);

  // The batch, for settling after Submit() and OnSend() of all its completions.
  std::span<InFlight> batch() { return in_flight_; }
  void Clear();

 private:
  static constexpr std::size_t kBlockBytes = 256 * 1024;
  static constexpr std::size_t kKeptBlocks = 2;

  engine::Ring& ring_;
  const std::uint32_t batch_;
  std::vector<InFlight> in_flight_;
  // Memory of one batch. Blocks are filled one after the other and kept for the next batch, all
  // but kKeptBlocks; messages too large for them have memory of their own.
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::size_t block_ = 0;             // The one being filled.
  std::size_t block_used_bytes_ = 0;  // Of that one.
  std::vector<std::unique_ptr<std::byte[]>> large_;
};

}  // namespace tickcast::shards
