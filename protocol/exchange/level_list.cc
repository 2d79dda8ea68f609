#include "protocol/exchange/level_list.h"

#include <array>
#include <optional>

#include "protocol/exchange/scalar_value.h"

namespace tickcast::protocol {

void LevelList::Clear() {
  levels_.clear();
  sequence_only_ = 0;
  well_formed_ = true;
}

bool LevelList::Take(std::span<const Scalar> scalars, Layout layout, Side side) {
  const bool has_side = layout == Layout::kSidePriceSize;
  const bool has_sequence = layout == Layout::kPriceSizeSequence;
  if (scalars.size() < (has_side || has_sequence ? 3U : 2U)) return false;
  BookLevel level;
  level.side = side;
  if (has_side) {
    const std::optional<Side> named = SideOf(scalars[0]);
    if (!named) return false;
    level.side = *named;
    scalars = scalars.subspan(1);
  }
  if (!TakeDecimal(scalars[0], level.price) || !TakeDecimal(scalars[1], level.size)) return false;
  if (level.price.empty() || level.size.empty()) return false;
  if (has_sequence) {
    const std::optional<std::uint64_t> sequence = UintOf(scalars[2]);
    if (!sequence) return false;
    level.sequence = *sequence;
    if (IsZero(level.price)) {
      ++sequence_only_;
      return true;
    }
  }
  levels_.push_back(level);
  return true;
}

bool LevelList::AppendEntry(FrameWalk& walk, FrameWalk::Value& entry, Layout layout, Side side) {
  if (FrameWalk::FirstCharacter(entry) != '[') {
    well_formed_ = false;
    return walk.Skip(entry);
  }
  FrameWalk::Array array;
  if (entry.get_array().get(array) != simdjson::SUCCESS) return false;
  std::array<Scalar, 3> scalars;
  std::size_t count = 0;
  const bool valid = walk.ForEachElement(array, [&](FrameWalk::Value& value) {
    if (count == scalars.size()) return walk.Skip(value);
    return walk.ReadAny(value, scalars[count++]);
  });
  if (valid && well_formed_) well_formed_ = Take({scalars.data(), count}, layout, side);
  return valid;
}

bool LevelList::Append(FrameWalk& walk, FrameWalk::Value& value, Layout layout, Side side) {
  if (FrameWalk::FirstCharacter(value) != '[') {
    well_formed_ = false;
    return walk.Skip(value);
  }
  FrameWalk::Array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return false;
  return walk.ForEachElement(
      array, [&](FrameWalk::Value& entry) { return AppendEntry(walk, entry, layout, side); });
}

}  // namespace tickcast::protocol
