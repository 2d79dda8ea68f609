#include "shards/map_state.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

constexpr std::string_view kChannel = "map:1";
constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

using Keys = std::vector<std::string>;

class MapStateTest : public testing::Test {
 protected:
  const engine::MapConfig recoverable_{.mode = engine::MapMode::kRecoverable,
                                       .key_ttl_ns = 60 * kSecondNs,
                                       .stream_size = 4,
                                       .stream_ttl_ns = 30 * kSecondNs};

  MapSuppression Write(MapState& map, const MapWrite& write, std::string_view data = "1") {
    const MapSuppression suppression = map.Check(write, now_ns_);
    if (suppression != MapSuppression::kNone) return suppression;
    PublicationRef change = Publication::Draft({.channel = kChannel,
                                                .push_prefix = Publication::PushPrefix(kChannel),
                                                .data = write.remove ? std::string_view() : data,
                                                .key = write.key,
                                                .removed = write.remove});
    change->Seal(map.sequence() + 1, map.next_offset());
    map.Apply(std::move(change), write, now_ns_);
    return MapSuppression::kNone;
  }
  MapSuppression Put(MapState& map, std::string_view key, std::string_view data = "1") {
    return Write(map, {.key = key}, data);
  }
  MapSuppression Remove(MapState& map, std::string_view key) {
    return Write(map, {.key = key, .remove = true});
  }

  static std::string Told(const Publication& publication) {
    return (publication.removed() ? "-" : "") + std::string(publication.key()) + "=" +
           std::to_string(publication.sequence());
  }
  static Keys Page(const MapState& map, std::string& cursor, std::size_t limit,
                   std::uint64_t sequence = kNoLimit) {
    std::vector<PublicationRef> out;
    const bool more = map.ReadState(cursor, limit, sequence, out);
    EXPECT_EQ(more, !cursor.empty());
    Keys keys;
    for (const PublicationRef& each : out) keys.push_back(Told(*each));
    return keys;
  }
  static Keys All(const MapState& map) {
    std::string cursor;
    return Page(map, cursor, 1000);
  }
  struct Read {
    MapState::Changes result;
    Keys changes;
    bool operator==(const Read&) const = default;
  };
  static Read Since(const MapState& map, std::uint64_t sequence, std::size_t limit = 1000) {
    std::vector<PublicationRef> out;
    Read read{map.ReadChanges(sequence, limit, out), {}};
    for (const PublicationRef& each : out) read.changes.push_back(Told(*each));
    return read;
  }

  std::uint64_t now_ns_ = 1000 * kSecondNs;
};

TEST_F(MapStateTest, APageGoesThroughTheKeysInOrderAndSaysWhereItEnded) {
  MapState map(recoverable_, "e", 0);
  for (const char* key : {"c", "a", "e", "b", "d"}) Put(map, key);
  std::string cursor;
  EXPECT_EQ(Page(map, cursor, 2), (Keys{"a=2", "b=4"}));
  EXPECT_EQ(cursor, "b");
  EXPECT_EQ(Page(map, cursor, 2), (Keys{"c=1", "d=5"}));
  EXPECT_EQ(Page(map, cursor, 2), (Keys{"e=3"}));
  EXPECT_EQ(cursor, "");
  cursor = "d";  // Exactly full, and nothing behind it.
  EXPECT_EQ(Page(map, cursor, 1), (Keys{"e=3"}));
  EXPECT_EQ(cursor, "");
  cursor = "zz";
  EXPECT_EQ(Page(map, cursor, 2), Keys{});
  cursor = "bb";  // Of no key, or of one that is gone.
  EXPECT_EQ(Page(map, cursor, 1), (Keys{"c=1"}));
  cursor = "";
  EXPECT_EQ(Page(map, cursor, 0), Keys{});
}

TEST_F(MapStateTest, KeysAreOrderedByTheirBytes) {
  MapState map(recoverable_, "e", 0);
  const std::string high("\xc3\xa4");
  for (const std::string& key : {high, std::string("Z"), std::string("a"), std::string("aa")}) {
    Put(map, key);
  }
  EXPECT_EQ(All(map), (Keys{"Z=2", "a=3", "aa=4", high + "=1"}));
}

TEST_F(MapStateTest, ALaterPageLeavesOutWhatHasChangedSinceTheFirst) {
  MapState map(recoverable_, "e", 0);
  for (const char* key : {"a", "b", "c", "d"}) Put(map, key);
  std::string cursor;
  EXPECT_EQ(Page(map, cursor, 2, 4), (Keys{"a=1", "b=2"}));
  Put(map, "c");
  Put(map, "bb");
  Remove(map, "a");
  EXPECT_EQ(Page(map, cursor, 10, 4), (Keys{"d=4"}));
  EXPECT_EQ(Since(map, 4), (Read{MapState::Changes::kAll, {"c=5", "bb=6", "-a=7"}}));
}

TEST_F(MapStateTest, TheStreamTellsEveryChangeAndBeyondItTheNewestOfEachKey) {
  MapState map(recoverable_, "e", 0);
  for (const char* key : {"a", "b", "c", "a", "a", "b"}) Put(map, key);
  EXPECT_EQ(Since(map, 6), (Read{MapState::Changes::kAll, {}}));
  EXPECT_EQ(Since(map, 2), (Read{MapState::Changes::kAll, {"c=3", "a=4", "a=5", "b=6"}}));
  EXPECT_EQ(Since(map, 2, 4).result, MapState::Changes::kAll);
  EXPECT_EQ(Since(map, 2, 3), (Read{MapState::Changes::kPart, {"c=3", "a=4", "a=5"}}));
  EXPECT_EQ(Since(map, 1), (Read{MapState::Changes::kAll, {"c=3", "a=5", "b=6"}}));
  EXPECT_EQ(Since(map, 0, 3).result, MapState::Changes::kAll);
  EXPECT_EQ(Since(map, 0, 2), (Read{MapState::Changes::kPart, {"c=3", "a=5"}}));
  EXPECT_EQ(Since(map, 7), (Read{MapState::Changes::kUnable, {}}));
  std::vector<PublicationRef> newest;
  EXPECT_EQ(map.ReadNewest(2, 2, newest), MapState::Changes::kPart);
  EXPECT_EQ(map.ReadNewest(2, 3, newest), MapState::Changes::kAll);
  EXPECT_EQ(OffsetsOf(newest), (std::vector<std::uint64_t>{3, 5, 3, 5, 6}));
  EXPECT_EQ(map.ReadNewest(7, 3, newest), MapState::Changes::kUnable);
}

TEST_F(MapStateTest, ARemovalIsToldUntilTooManyCameAfterIt) {
  MapState map(recoverable_, "e", 0);  // Remembers four.
  for (const char* key : {"a", "b", "c", "d", "e"}) Put(map, key);
  for (const char* key : {"a", "b", "c", "d"}) Remove(map, key);
  for (int i = 0; i < 4; ++i) Put(map, "z");
  EXPECT_EQ(Since(map, 1),
            (Read{MapState::Changes::kAll, {"e=5", "-a=6", "-b=7", "-c=8", "-d=9", "z=13"}}));
  Remove(map, "z");
  EXPECT_EQ(Since(map, 5).result, MapState::Changes::kUnable);
  EXPECT_EQ(Since(map, 6).result, MapState::Changes::kAll);
}

TEST_F(MapStateTest, WhenTheStreamIsOverSoAreTheRemovals) {
  MapState map(recoverable_, "e", 0);
  Put(map, "a");
  Put(map, "b");
  Remove(map, "a");
  Put(map, "c");
  now_ns_ += 30 * kSecondNs - 1;
  map.ExpireStream(now_ns_);
  EXPECT_EQ(map.stream().size(), 4u);
  EXPECT_EQ(Since(map, 2).result, MapState::Changes::kAll);
  ++now_ns_;
  map.ExpireStream(now_ns_);
  EXPECT_TRUE(map.stream().empty());
  EXPECT_EQ(Since(map, 2).result, MapState::Changes::kUnable);
  // Nothing was removed since.
  EXPECT_EQ(Since(map, 3), (Read{MapState::Changes::kAll, {"c=4"}}));
  EXPECT_EQ(map.offset(), 4u);
  EXPECT_EQ(All(map), (Keys{"b=2", "c=4"}));
}

TEST_F(MapStateTest, AKeyExpiresUnlessItIsWrittenOrKeptAlive) {
  MapState map(recoverable_, "e", 0);
  const std::uint64_t begin_ns = now_ns_;
  for (const char* key : {"a", "b", "c"}) Put(map, key);
  now_ns_ += 10 * kSecondNs;
  Put(map, "a");
  EXPECT_EQ(Write(map, {.key = "b", .mode = KeyMode::kIfNew, .keep_alive = true}),
            MapSuppression::kKeyExists);
  EXPECT_EQ(Write(map, {.key = "c", .mode = KeyMode::kIfNew}), MapSuppression::kKeyExists);
  now_ns_ = begin_ns + 60 * kSecondNs - 1;
  EXPECT_EQ(map.FirstExpired(now_ns_), nullptr);
  ++now_ns_;
  ASSERT_NE(map.FirstExpired(now_ns_), nullptr);
  EXPECT_EQ(map.FirstExpired(now_ns_)->key(), "c");
  Remove(map, "c");
  EXPECT_EQ(map.FirstExpired(now_ns_), nullptr);
  now_ns_ += 10 * kSecondNs;
  EXPECT_EQ(map.FirstExpired(now_ns_)->key(), "a");
  Remove(map, "a");
  EXPECT_EQ(map.FirstExpired(now_ns_)->key(), "b");
  Put(map, "b");
  EXPECT_EQ(map.FirstExpired(now_ns_), nullptr);
}

TEST_F(MapStateTest, KeysOfAPersistentMapStay) {
  const engine::MapConfig persistent{
      .mode = engine::MapMode::kPersistent, .stream_size = 4, .stream_ttl_ns = kSecondNs};
  MapState map(persistent, "e", 0);
  Put(map, "a");
  EXPECT_EQ(map.FirstExpired(~std::uint64_t{0}), nullptr);
}

TEST_F(MapStateTest, AWriteHappensOnItsConditionOnly) {
  MapState map(recoverable_, "e", 0);
  EXPECT_EQ(Remove(map, "a"), MapSuppression::kKeyNotFound);
  EXPECT_EQ(Write(map, {.key = "a", .mode = KeyMode::kIfExists}), MapSuppression::kKeyNotFound);
  EXPECT_EQ(Write(map, {.key = "a", .mode = KeyMode::kIfNew}), MapSuppression::kNone);
  EXPECT_EQ(Write(map, {.key = "a", .mode = KeyMode::kIfNew}), MapSuppression::kKeyExists);
  EXPECT_EQ(Write(map, {.key = "a", .mode = KeyMode::kIfExists}), MapSuppression::kNone);
  EXPECT_EQ(map.offset(), 2u);
  EXPECT_EQ(Remove(map, "a"), MapSuppression::kNone);
  EXPECT_EQ(map.size(), 0u);
  EXPECT_EQ(Remove(map, "a"), MapSuppression::kKeyNotFound);
  EXPECT_EQ(Write(map, {.key = "a", .mode = KeyMode::kIfExists}), MapSuppression::kKeyNotFound);
  EXPECT_EQ(Write(map, {.key = "a", .mode = KeyMode::kIfNew}), MapSuppression::kNone);
  EXPECT_EQ(map.offset(), 4u);
}

TEST_F(MapStateTest, OnlyAHigherVersionOfTheSameEpochIsWritten) {
  MapState map(recoverable_, "e", 0);
  const auto write = [&](std::uint64_t version, std::string_view epoch = {}) {
    return Write(map, {.key = "a", .version = version, .version_epoch = epoch});
  };
  EXPECT_EQ(write(5, "x"), MapSuppression::kNone);
  EXPECT_EQ(write(5, "x"), MapSuppression::kVersion);
  EXPECT_EQ(write(4), MapSuppression::kVersion);
  EXPECT_EQ(write(6, "x"), MapSuppression::kNone);
  // One without a version changes the value and not the version.
  EXPECT_EQ(write(0), MapSuppression::kNone);
  EXPECT_EQ(write(6, "x"), MapSuppression::kVersion);
  EXPECT_EQ(write(1, "y"), MapSuppression::kNone);
  EXPECT_EQ(write(2), MapSuppression::kNone);
  // Whose condition fails too is told of the version first.
  EXPECT_EQ(Write(map, {.key = "a", .mode = KeyMode::kIfNew, .version = 1}),
            MapSuppression::kVersion);
  // A key that comes again has no past.
  EXPECT_EQ(Remove(map, "a"), MapSuppression::kNone);
  EXPECT_EQ(write(1), MapSuppression::kNone);
  // Each key has versions of its own.
  EXPECT_EQ(Write(map, {.key = "b", .version = 1}), MapSuppression::kNone);
}

TEST_F(MapStateTest, AnEphemeralMapHasNoOffsetsAndTellsChangesAllTheSame) {
  const engine::MapConfig ephemeral{.mode = engine::MapMode::kEphemeral, .key_ttl_ns = kSecondNs};
  MapState map(ephemeral, "e", 0);
  Put(map, "a");
  Put(map, "b");
  Remove(map, "a");
  EXPECT_EQ(map.offset(), 0u);
  EXPECT_EQ(map.next_offset(), 0u);
  EXPECT_EQ(map.sequence(), 3u);
  EXPECT_EQ(Since(map, 1), (Read{MapState::Changes::kAll, {"b=2", "-a=3"}}));
  now_ns_ += 3600 * kSecondNs;
  map.ExpireStream(now_ns_);
  EXPECT_EQ(Since(map, 1).result, MapState::Changes::kAll);
}

TEST_F(MapStateTest, AClearedMapIsAnotherOne) {
  MapState map(recoverable_, "e1", 0);
  Put(map, "a");
  Put(map, "b");
  Remove(map, "b");
  map.Clear("e2", 3);
  EXPECT_EQ(map.epoch(), "e2");
  EXPECT_EQ(map.size(), 0u);
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.footprint_bytes(), 0u);
  EXPECT_EQ(map.offset(), 0u);
  EXPECT_EQ(All(map), Keys{});
  EXPECT_EQ(Since(map, 2).result, MapState::Changes::kUnable);
  EXPECT_EQ(Since(map, 3), (Read{MapState::Changes::kAll, {}}));
  EXPECT_EQ(Write(map, {.key = "a", .version = 1}), MapSuppression::kNone);
  EXPECT_EQ(map.offset(), 1u);
  EXPECT_EQ(map.SequenceOf(1), 4u);
  EXPECT_EQ(All(map), (Keys{"a=4"}));
  now_ns_ += 60 * kSecondNs;
  EXPECT_EQ(map.FirstExpired(now_ns_)->key(), "a");
}

TEST_F(MapStateTest, AReasonIsToldAsTheOriginalTellsIt) {
  EXPECT_EQ(ReasonOf(MapSuppression::kNone), "");
  EXPECT_EQ(ReasonOf(MapSuppression::kIdempotency), "idempotency");
  EXPECT_EQ(ReasonOf(MapSuppression::kVersion), "version");
  EXPECT_EQ(ReasonOf(MapSuppression::kKeyExists), "key_exists");
  EXPECT_EQ(ReasonOf(MapSuppression::kKeyNotFound), "key_not_found");
}

}  // namespace
}  // namespace tickcast::shards
