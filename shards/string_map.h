// StringMap: a hash map with std::string keys that is searched by std::string_view.
//
// Debian's abseil searches its string maps by a string_view type of its own, so hash and equality
// are given here.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"

namespace tickcast::shards {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

template <typename Value>
using StringMap = absl::flat_hash_map<std::string, Value, StringHash, std::equal_to<>>;

}  // namespace tickcast::shards
