#include "shards/sender.h"

#include <errno.h>

#include <algorithm>

#include "engine/invariant.h"

namespace tickcast::shards {

void Sender::Queue(const InFlight& message) {
  ring_.Send(message.slot, message.generation, message.bytes);
  in_flight_.push_back(message);
}

std::span<std::byte> Sender::Scratch(std::size_t bytes) {
  if (bytes > kBlockBytes / 4) {
    large_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
    return {large_.back().get(), bytes};
  }
  if (block_used_bytes_ + bytes > kBlockBytes) {
    ++block_;
    block_used_bytes_ = 0;
  }
  if (block_ == blocks_.size()) {
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kBlockBytes));
  }
  std::byte* memory = blocks_[block_].get() + block_used_bytes_;
  block_used_bytes_ += bytes;
  return {memory, bytes};
}

void Sender::OnSend(const engine::Completion& done) {
  // Only refusals complete, so this search is not on the way of a delivery.
  const auto found = std::find_if(in_flight_.begin(), in_flight_.end(), [&](const InFlight& sent) {
    return sent.slot == done.token.slot && sent.generation == done.token.generation;
  });
  INVARIANT(found != in_flight_.end(), "a send completes in the batch it was queued in");
  if (done.result >= 0) {
    found->fate = InFlight::Fate::kPart;
    found->sent_bytes = static_cast<std::uint32_t>(done.result);
  } else {
    found->fate = done.result == -EAGAIN ? InFlight::Fate::kRefused : InFlight::Fate::kBroken;
  }
}

void Sender::Clear() {
  in_flight_.clear();
  large_.clear();
  if (blocks_.size() > kKeptBlocks) blocks_.resize(kKeptBlocks);
  block_ = 0;
  block_used_bytes_ = 0;
}

}  // namespace tickcast::shards
