#include "shards/filter_table.h"

#include <utility>

#include "engine/invariant.h"

namespace tickcast::shards {

std::uint16_t FilterTable::Acquire(protocol::TagFilter filter) {
  if (const auto known = by_key_.find(filter.key()); known != by_key_.end()) {
    ++entries_[known->second - 1].references;
    return known->second;
  }
  if (by_key_.size() == kMaxFilters) return kNone;
  if (free_.empty()) {
    entries_.emplace_back();
    free_.push_back(static_cast<std::uint16_t>(entries_.size()));
  }
  const std::uint16_t number = free_.back();
  free_.pop_back();
  by_key_.emplace(filter.key(), number);
  entries_[number - 1] = {.filter = std::move(filter), .references = 1};
  return number;
}

void FilterTable::Release(std::uint16_t number) {
  if (number == kNone) return;
  Entry& entry = entries_[number - 1];
  INVARIANT(entry.references > 0, "a filter is released as often as it was acquired");
  if (--entry.references > 0) return;
  by_key_.erase(entry.filter.key());
  entry = {};
  free_.push_back(number);
}

}  // namespace tickcast::shards
