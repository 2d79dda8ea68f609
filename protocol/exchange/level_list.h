// LevelList: the price levels of one frame, gathered before it is known whether the frame is taken.
//
// Threading: owned by one decoder, which reuses it. Included by decoders only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "protocol/exchange/frame_walk.h"
#include "protocol/exchange/market_event.h"

namespace tickcast::protocol {

class LevelList {
 public:
  // What an entry holds; more members behind these are skipped.
  enum class Layout : std::uint8_t {
    kPriceSize,          // [price, size].
    kPriceSizeSequence,  // KuCoin: [price, size, sequence]; price "0" changes nothing.
    kSidePriceSize,      // Coinbase's changes: ["buy" or "sell", price, size].
  };

  void Clear();

  // Reads an array of entries and appends them as levels of `side` (kSidePriceSize has its own).
  // What is valid JSON of another shape makes well_formed() false. False: not valid JSON.
  bool Append(FrameWalk& walk, FrameWalk::Value& value, Layout layout, Side side);

  bool well_formed() const { return well_formed_; }

  // Valid until the next Clear() or Append().
  std::span<const BookLevel> levels() const { return levels_; }

  // Entries of price "0", which are not among the levels.
  std::size_t sequence_only() const { return sequence_only_; }

 private:
  bool AppendEntry(FrameWalk& walk, FrameWalk::Value& entry, Layout layout, Side side);
  bool Take(std::span<const Scalar> scalars, Layout layout, Side side);

  std::vector<BookLevel> levels_;
  std::size_t sequence_only_ = 0;
  bool well_formed_ = true;
};

}  // namespace tickcast::protocol
