#include "protocol/exchange/sequence.h"

namespace tickcast::protocol {

SequenceVerdict SequenceTracker::Follow(bool contiguous, std::uint64_t first, std::uint64_t last) {
  missing_ = 0;
  if (last_ && !contiguous) {
    const bool counts_every_number = rule_ != SequenceRule::kPreviousNamed;
    if (counts_every_number && first > *last_) missing_ = first - *last_ - 1;
  }
  const bool follows = !last_ || contiguous;
  last_ = last;
  after_snapshot_ = false;
  return follows ? SequenceVerdict::kContiguous : SequenceVerdict::kGap;
}

SequenceVerdict SequenceTracker::Check(const BookEvent& event) {
  if (!event.first_sequence || !event.last_sequence) return SequenceVerdict::kStale;
  const std::uint64_t first = *event.first_sequence;
  const std::uint64_t last = *event.last_sequence;
  if (!last_) return Follow(true, first, last);
  if (last <= *last_) return SequenceVerdict::kStale;

  // Here last > *last_, so *last_ + 1 does not wrap.
  const bool overlaps = first <= *last_ + 1;
  switch (rule_) {
    case SequenceRule::kOverlapping:
      return Follow(overlaps, first, last);
    case SequenceRule::kFirstFollows:
      return Follow(after_snapshot_ ? overlaps : first == *last_ + 1, first, last);
    case SequenceRule::kPreviousNamed:
      if (after_snapshot_ && overlaps) return Follow(true, first, last);
      return Follow(event.previous_sequence == last_, first, last);
    case SequenceRule::kTradeIds:
      break;  // A rule of trades.
  }
  return SequenceVerdict::kStale;
}

SequenceVerdict SequenceTracker::Check(const TradeEvent& event) {
  if (!event.id_number) return SequenceVerdict::kStale;
  const std::uint64_t id = *event.id_number;
  if (last_ && id <= *last_) return SequenceVerdict::kStale;
  return Follow(!last_ || id == *last_ + 1, id, id);
}

void SequenceTracker::StartFrom(std::uint64_t last_sequence) {
  last_ = last_sequence;
  after_snapshot_ = true;
  missing_ = 0;
}

void SequenceTracker::Reset() {
  last_.reset();
  after_snapshot_ = false;
  missing_ = 0;
}

}  // namespace tickcast::protocol
