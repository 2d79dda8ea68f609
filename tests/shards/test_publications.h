// Publications and names for tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shards/exchange.h"
#include "shards/publication.h"

namespace tickcast::shards {

inline PublicationRef DraftOf(std::string_view channel, std::string_view data) {
  return Publication::Draft(
      {.channel = channel, .push_prefix = Publication::PushPrefix(channel), .data = data});
}

inline PublicationRef SealedOf(std::string_view channel, std::string_view data,
                               std::uint64_t sequence, std::uint64_t offset = 0) {
  PublicationRef publication = DraftOf(channel, data);
  publication->Seal(sequence, offset);
  return publication;
}

inline std::vector<std::uint64_t> OffsetsOf(const std::vector<PublicationRef>& publications) {
  std::vector<std::uint64_t> offsets;
  for (const PublicationRef& publication : publications) offsets.push_back(publication->offset());
  return offsets;
}

inline std::vector<std::string> DataOf(const std::vector<PublicationRef>& publications) {
  std::vector<std::string> data;
  for (const PublicationRef& publication : publications) data.emplace_back(publication->data());
  return data;
}

// The first of `prefix`0, `prefix`1, … whose home is `home`.
inline std::string NameAt(const Mesh& mesh, ShardId home, std::string_view prefix) {
  for (int i = 0;; ++i) {
    std::string name = std::string(prefix) + std::to_string(i);
    if (mesh.HomeOf(name) == home) return name;
  }
}

}  // namespace tickcast::shards
