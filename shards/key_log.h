// KeyLog: the newest publication of each key of a map channel, in the order of the last changes.
//
// Who has seen everything up to some number is brought up to date by the keys that changed since,
// each with its newest publication: what lies between is conflated, and as the numbers count every
// publication, the difference tells how much that was. A removal stays as a tombstone, because
// somebody may still have the key. Tombstones are bounded by their number, the oldest go first; who
// has seen less than the newest that went cannot be brought up to date and has to begin anew.
//
// A key costs 24 bytes for its entry and 6 to 12 in the index, both grown by doubling; its text is
// that of the publication. A change of a known key allocates nothing.
// Threading: owned by one shard. Does not move: the index points into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "shards/publication.h"
#include "shards/string_map.h"

namespace tickcast::shards {

class KeyLog {
 public:
  // Of a key while it, or its tombstone, is here; then of another.
  using Index = std::uint32_t;
  static constexpr Index kNone = ~Index{0};

  // Keeps up to `max_tombstones` removals. Up to date without anything from it is who has seen
  // `begin`, the number of the newest publication before it.
  explicit KeyLog(std::size_t max_tombstones, std::uint64_t begin = 0);
  KeyLog(const KeyLog&) = delete;
  KeyLog& operator=(const KeyLog&) = delete;

  struct Change {
    Index index;              // kNone: of a removal, and not even its tombstone is kept.
    PublicationRef replaced;  // The key's one before, a removal too; null: there was none.
    std::uint64_t replaced_sequence = 0;
  };
  // Makes `publication` the newest of its key, which moves to the end. REQUIRES:
  // `sequence` is above all before.
  Change Append(PublicationRef publication, std::uint64_t sequence);

  // The key's index, or kNone; of its tombstone too.
  Index Find(std::string_view key) const;
  const PublicationRef& publication(Index index) const { return entries_[index].publication; }
  std::uint64_t sequence(Index index) const { return entries_[index].sequence; }

  // Whether ForEachAfter(sequence) tells everything.
  bool complete_after(std::uint64_t sequence) const { return sequence >= forgotten_; }
  // `visit(const PublicationRef&, std::uint64_t sequence)` for every key that changed after
  // `sequence`, oldest change first, removals among them, until it returns false; as much work as
  // there are. REQUIRES: complete_after(sequence); `visit` does not change the log.
  template <typename Visit>
  void ForEachAfter(std::uint64_t sequence, Visit&& visit) const;

  // The order of keys by their bytes, for sets of indices.
  struct ByKey {
    using is_transparent = void;
    const KeyLog* log;
    bool operator()(Index a, Index b) const { return log->KeyOf(a) < log->KeyOf(b); }
    bool operator()(Index index, std::string_view key) const { return log->KeyOf(index) < key; }
    bool operator()(std::string_view key, Index index) const { return key < log->KeyOf(index); }
  };

  // Drops the tombstones of changes up to `sequence`: everybody has seen those, or shall begin
  // anew.
  void DropTombstones(std::uint64_t sequence);
  // By what a publication is kept: its key, or for the slot of a feed's symbol its channel.
  static std::string_view NameOf(const Publication& publication) {
    return publication.key().empty() ? publication.channel() : publication.key();
  }

  // Drops everything; who has not seen `begin` has to begin anew.
  void Clear(std::uint64_t begin);

  // Keys that are there.
  std::size_t size() const { return kept_.size; }
  std::size_t tombstones() const { return removed_.size; }
  std::uint64_t newest_sequence() const { return newest_; }
  // What its publications cost; others may hold them too.
  std::size_t footprint_bytes() const { return footprint_bytes_; }

 private:
  struct Entry {
    PublicationRef publication;  // Null: free.
    std::uint64_t sequence = 0;
    Index before = kNone;
    Index after = kNone;  // Of a free one: the next free one.
  };
  static_assert(sizeof(Entry) == 24);
  // Ascending by sequence. Keys and tombstones stand in lists of their own, so that the oldest
  // tombstone is found at once; a walk merges them.
  struct List {
    Index first = kNone;
    Index last = kNone;
    std::size_t size = 0;
  };
  struct Hash {
    using is_transparent = void;
    const KeyLog* log;
    std::size_t operator()(Index index) const { return (*this)(log->KeyOf(index)); }
    std::size_t operator()(std::string_view key) const { return StringHash{}(key); }
  };
  struct Equal {
    using is_transparent = void;
    const KeyLog* log;
    bool operator()(Index a, Index b) const { return a == b; }
    bool operator()(Index index, std::string_view key) const { return log->KeyOf(index) == key; }
    bool operator()(std::string_view key, Index index) const { return log->KeyOf(index) == key; }
  };

  std::string_view KeyOf(Index index) const { return NameOf(*entries_[index].publication); }
  List& ListOf(const Entry& entry) { return entry.publication->removed() ? removed_ : kept_; }
  // The first of `list` that is after `sequence`.
  Index FirstAfter(const List& list, std::uint64_t sequence) const;
  void Link(List& list, Index index);
  void Unlink(List& list, Index index);
  Index Allocate();
  void DropOldestTombstone();

  const std::size_t max_tombstones_;
  std::vector<Entry> entries_;
  Index free_ = kNone;
  List kept_;
  List removed_;
  absl::flat_hash_set<Index, Hash, Equal> by_key_;
  std::uint64_t newest_;
  std::uint64_t forgotten_;  // Of the newest change that is not told any more.
  std::size_t footprint_bytes_ = 0;
};

template <typename Visit>
void KeyLog::ForEachAfter(std::uint64_t sequence, Visit&& visit) const {
  Index key = FirstAfter(kept_, sequence);
  Index tombstone = FirstAfter(removed_, sequence);
  while (key != kNone || tombstone != kNone) {
    const bool from_kept = tombstone == kNone ||
                           (key != kNone && entries_[key].sequence < entries_[tombstone].sequence);
    Index& next = from_kept ? key : tombstone;
    const Entry& entry = entries_[next];
    next = entry.after;
    if (!visit(entry.publication, entry.sequence)) return;
  }
}

}  // namespace tickcast::shards
