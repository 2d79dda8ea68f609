// FilterTable: the distinct tag filters of a shard's subscribers, each compiled and kept once.
//
// Subscribers whose filters mean the same have one number, and so one view of their channel: a
// filter is evaluated once per publication, however many they are.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/centrifuge/tag_filter.h"
#include "protocol/centrifuge/tag_set.h"
#include "shards/string_map.h"

namespace tickcast::shards {

class FilterTable {
 public:
  static constexpr std::uint16_t kNone = 0;
  static constexpr std::size_t kMaxFilters = 65'535;

  // The filter's number, for which the caller has to call Release() once. kNone when there are
  // kMaxFilters others.
  std::uint16_t Acquire(protocol::TagFilter filter);
  // One more reference to a filter that has been acquired; kNone stays what it is.
  std::uint16_t Share(std::uint16_t number) {
    if (number != kNone) ++entries_[number - 1].references;
    return number;
  }
  // kNone is ignored.
  void Release(std::uint16_t number);

  // Takes the tags of a publication, which has to live until the last Matches().
  void Read(std::string_view tags) { tags_.Read(tags); }
  // Whether the filter wants the publication whose tags were read last.
  bool Matches(std::uint16_t number) const { return entries_[number - 1].filter.Matches(tags_); }

  std::size_t size() const { return by_key_.size(); }

 private:
  struct Entry {
    protocol::TagFilter filter;
    std::uint32_t references = 0;
  };

  std::vector<Entry> entries_;  // By number - 1.
  std::vector<std::uint16_t> free_;
  StringMap<std::uint16_t> by_key_;
  protocol::TagSet tags_;
};

}  // namespace tickcast::shards
