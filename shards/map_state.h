// MapState: the keys of one map channel and what changed of late, as its home shard keeps them.
//
// Every change is a publication with a key, numbered by the home like any other. Where the mode is
// not ephemeral each has an offset too, and the stream of the newest ones is kept, bounded by
// number and time, with the rules of a History. Beside it stands the newest publication of every
// key in the order of the last changes (KeyLog): who has more to catch up with than the stream
// holds gets each key once, as long as the removals since then are known; beyond that it has to
// begin anew.
//
// Pages of the state go through the keys in the order of their bytes, so a cursor is the last key
// of a page and needs nothing kept for its reader. A key that changes between two pages may be left
// out of the later one or not: its change has a number above that of the first page, from where the
// reader catches up.
// Threading: owned by one shard. Times are the shard's monotonic nanoseconds.
// Source: map_broker_memory.go of github.com/centrifugal/centrifuge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_set.h"
#include "engine/config_keyed.h"
#include "shards/history.h"
#include "shards/key_log.h"
#include "shards/map_write.h"
#include "shards/publication.h"

namespace tickcast::shards {

class MapState {
 public:
  // `begin` is the number of the channel's newest publication before; `epoch` names the life that
  // offsets count in. REQUIRES: `options` outlives it; `epoch` is of no earlier life of the
  // channel.
  MapState(const engine::MapConfig& options, std::string epoch, std::uint64_t begin);

  // Whether `write` would change the map, and if not, why. A write that keeps a key alive does so
  // here.
  MapSuppression Check(const MapWrite& write, std::uint64_t now_ns);
  // What the next change's publication is sealed with; 0: the mode has no offsets.
  std::uint64_t next_offset() const { return options_.has_stream() ? top_ + 1 : 0; }
  // Takes the change, a removal or the key's newest value. REQUIRES: it is sealed with the next
  // number and next_offset(); Check(write) has just told kNone.
  void Apply(PublicationRef change, const MapWrite& write, std::uint64_t now_ns);

  // The key whose time is up first, or null. Valid until the next change, which has to be its
  // removal or a refresh of it.
  const Publication* FirstExpired(std::uint64_t now_ns) const;
  // When that may be: not before; 0: never, as no key expires now.
  std::uint64_t next_expiry_ns() const {
    return first_ == KeyLog::kNone ? 0 : facts_[first_].expires_ns;
  }
  // Drops the stream when its time has come, and what is remembered of removals with it.
  void ExpireStream(std::uint64_t now_ns);
  // The stream keeps at most this many of its changes; it grows back by itself.
  void Shorten(std::size_t size) { stream_.Trim(size); }
  // Drops everything and begins another life; `begin` as in the constructor.
  void Clear(std::string epoch, std::uint64_t begin);

  // The key's newest publication; null where there is none.
  const PublicationRef* Find(std::string_view key) const;

  // Looks at up to `limit` keys behind `cursor` ("": from the first) and appends to `out` those
  // that have not changed after `sequence`. Then `cursor` is the last one it looked at, or "" where
  // none follows; returns whether one does.
  bool ReadState(std::string& cursor, std::size_t limit, std::uint64_t sequence,
                 std::vector<PublicationRef>& out) const;

  enum class Changes : std::uint8_t {
    kAll,     // Up to the newest.
    kPart,    // The first of them; more follow.
    kUnable,  // Nothing was appended: some are not known any more, or the number is of the future.
  };
  // Appends to `out` up to `limit` of what brings a reader up to date that has seen `sequence`, in
  // the order of the numbers: every change where the stream has them all, else the newest of each
  // key that changed.
  Changes ReadChanges(std::uint64_t sequence, std::size_t limit,
                      std::vector<PublicationRef>& out) const;
  // The same, each key once in any case.
  Changes ReadNewest(std::uint64_t sequence, std::size_t limit,
                     std::vector<PublicationRef>& out) const;

  // The changes that are kept, in order.
  const History& stream() const { return stream_; }
  // Of the newest change; 0 in ephemeral maps, which have no offsets.
  std::uint64_t offset() const { return options_.has_stream() ? top_ : 0; }
  const std::string& epoch() const { return epoch_; }
  // The number of the newest change, and that of the change with `offset` in this life.
  std::uint64_t sequence() const { return begin_ + top_; }
  std::uint64_t SequenceOf(std::uint64_t offset) const { return begin_ + offset; }

  std::size_t size() const { return log_.size(); }
  bool empty() const { return size() == 0 && stream_.empty() && log_.tombstones() == 0; }
  // What its publications cost: those of the keys and of the stream, twice where they are in both.
  std::size_t footprint_bytes() const { return log_.footprint_bytes() + stream_.footprint_bytes(); }

 private:
  using Index = KeyLog::Index;
  struct Version {
    std::uint64_t version;
    std::string epoch;
  };
  // What is kept of a key beside its publication, under its index in the log.
  struct Facts {
    std::unique_ptr<Version> version;  // Of the newest publication that had one.
    std::uint64_t expires_ns = 0;
    // All keys live equally long, so who was refreshed first expires first.
    Index before = KeyLog::kNone;
    Index after = KeyLog::kNone;
  };

  // The index of a key that is there, or kNone.
  Index FindKept(std::string_view key) const;
  void Refresh(Index index, std::uint64_t now_ns);
  void LinkLast(Index index);
  void Unlink(Index index);

  const engine::MapConfig& options_;
  std::string epoch_;
  std::uint64_t begin_;
  std::uint64_t top_ = 0;  // Changes in this life.
  KeyLog log_;
  History stream_;
  std::uint64_t stream_expires_ns_ = 0;
  std::vector<Facts> facts_;
  Index first_ = KeyLog::kNone;  // Of the keys that expire.
  Index last_ = KeyLog::kNone;
  absl::btree_set<Index, KeyLog::ByKey> in_order_;
};

}  // namespace tickcast::shards
