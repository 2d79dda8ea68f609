#include "shards/polled_keys.h"

#include <algorithm>
#include <functional>

namespace tickcast::shards {

bool PolledKeys::Remove(std::string_view key) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return false;
  keys_.erase(found);
  return true;
}

protocol::ProxyPolledKey PolledKeys::Asked(std::string_view key) const {
  return {.key = key, .version = is_versionless() ? 0 : keys_.find(key)->second.version};
}

std::vector<std::string> PolledKeys::TakeRound() {
  std::vector<std::string> round;
  round.reserve(keys_.size());
  for (auto& [key, known] : keys_) {
    if (!known.fresh) round.push_back(key);
    known.fresh = false;
  }
  std::sort(round.begin(), round.end());
  return round;
}

bool PolledKeys::Flip(std::string_view epoch) {
  if (is_versionless() || epoch_ == epoch) return false;
  epoch_ = epoch;
  for (auto& [key, known] : keys_) known = {};
  return true;
}

PolledKeys::News PolledKeys::Take(const protocol::ProxyPolledValue& value, std::uint64_t& counter,
                                  std::uint64_t& version) {
  const auto found = keys_.find(value.key);
  if (found == keys_.end()) return News::kUnknown;
  if (value.removed) {
    keys_.erase(found);
    return News::kRemoved;
  }
  Known& known = found->second;
  // A backend may give versions without having been told to.
  if (is_versionless() && value.version == 0) {
    const std::uint64_t hash = std::hash<std::string_view>{}(value.data);
    if (known.version != 0 && known.hash == hash) return News::kUnchanged;
    known.hash = hash;
    known.version = ++counter;
  } else {
    if (value.version <= known.version) return News::kUnchanged;
    known.version = value.version;
  }
  version = known.version;
  return News::kValue;
}

bool PolledKeys::TakePublished(std::string_view key, std::uint64_t version) {
  const auto found = keys_.find(key);
  if (found == keys_.end() || version <= found->second.version) return false;
  found->second.version = version;
  found->second.fresh = true;
  return true;
}

}  // namespace tickcast::shards
