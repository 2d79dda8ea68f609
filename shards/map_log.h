// MapLog: what changed of late in a map, as a shard with subscribers to it has it.
//
// Subscribers that keep up are told every change of a turn. Who is blocked, or is told at an
// interval, is brought up to date by the newest publication of each key instead (KeyLog): what lies
// between is conflated. Deltas are told against the version of the same key that the reader has,
// whatever was told of other keys since.
//
// Its publications are those that the home keeps too, so what it costs is its entries; only with
// deltas it holds older versions, bounded in bytes. Threading: owned by one shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "shards/key_log.h"
#include "shards/publication.h"

namespace tickcast::shards {

class MapLog {
 public:
  // As KeyLog.
  explicit MapLog(std::size_t max_tombstones, std::uint64_t begin = 0)
      : own_keys_(std::make_unique<KeyLog>(max_tombstones, begin)),
        keys_(*own_keys_),
        last_sequence_(begin) {}
  // With the keys of another one, which outlives this one and gets the same changes, each after
  // this one has got it.
  MapLog(const KeyLog& keys, std::uint64_t begin) : keys_(keys), last_sequence_(begin) {}

  // `replaced`: what subscribers had of the key before; null: nothing. REQUIRES: `sequence` follows
  // the one before.
  void Append(PublicationRef publication, PublicationRef replaced, std::uint64_t sequence);

  // The change with `sequence`, or null when it is not (or no longer) known one by one.
  const Publication* Find(std::uint64_t sequence) const;

  // What a reader who has been told of the changes up to `seen`, or of their newest, has of the
  // key that the change `sequence` is of. Null: nothing, or it is not known any more.
  // REQUIRES: seen < sequence.
  const Publication* BaseOf(std::uint64_t sequence, std::uint64_t seen) const;

  // Drops the oldest changes beyond `limit_bytes`, but none after `flushed_sequence`.
  void Trim(std::size_t limit_bytes, std::uint64_t flushed_sequence);

  const KeyLog& keys() const { return keys_; }
  // Of the changes that are known one by one.
  std::size_t footprint_bytes() const { return footprint_bytes_; }

 private:
  struct Entry {
    PublicationRef publication;
    PublicationRef replaced;
    std::uint64_t previous;  // Number of the key's change before, 0 where that is not known.
    std::size_t footprint_bytes() const;
  };
  const Entry* EntryOf(std::uint64_t sequence) const;
  std::size_t size() const { return recent_.size() - head_; }

  std::unique_ptr<KeyLog> own_keys_;  // Null where they are another one's.
  const KeyLog& keys_;
  std::vector<Entry> recent_;  // Oldest first from head_, up to last_sequence_.
  std::size_t head_ = 0;
  std::uint64_t last_sequence_;
  std::size_t footprint_bytes_ = 0;
};

}  // namespace tickcast::shards
