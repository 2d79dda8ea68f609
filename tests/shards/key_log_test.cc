#include "shards/key_log.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

constexpr std::string_view kChannel = "map:1";

PublicationRef Of(std::string_view key, std::uint64_t sequence, bool removed = false) {
  const std::string data = std::to_string(sequence);
  PublicationRef publication =
      Publication::Draft({.channel = kChannel,
                          .push_prefix = Publication::PushPrefix(kChannel),
                          .data = removed ? std::string_view() : std::string_view(data),
                          .key = key,
                          .removed = removed});
  publication->Seal(sequence, 0);
  return publication;
}

// "key=sequence", of a removal "-key=sequence".
using Walk = std::vector<std::string>;

Walk After(const KeyLog& log, std::uint64_t sequence) {
  Walk walk;
  log.ForEachAfter(sequence, [&](const PublicationRef& publication, std::uint64_t number) {
    EXPECT_EQ(publication->sequence(), number);
    walk.push_back((publication->removed() ? "-" : "") + std::string(publication->key()) + "=" +
                   std::to_string(number));
    return true;
  });
  return walk;
}

TEST(KeyLogTest, EachKeyIsToldOnceWithItsNewestInTheOrderOfTheLastChanges) {
  KeyLog log(8);
  for (const auto& [key, sequence] :
       {std::pair("a", 1), std::pair("b", 2), std::pair("c", 3), std::pair("a", 4)}) {
    log.Append(Of(key, static_cast<std::uint64_t>(sequence)), static_cast<std::uint64_t>(sequence));
  }
  EXPECT_EQ(After(log, 0), (Walk{"b=2", "c=3", "a=4"}));
  EXPECT_EQ(After(log, 2), (Walk{"c=3", "a=4"}));
  EXPECT_EQ(After(log, 3), (Walk{"a=4"}));
  EXPECT_EQ(After(log, 4), Walk{});
  EXPECT_EQ(log.size(), 3u);
  EXPECT_EQ(log.newest_sequence(), 4u);
}

TEST(KeyLogTest, AChangeTellsWhatItReplacesAndKeepsTheIndex) {
  KeyLog log(8);
  const KeyLog::Change first = log.Append(Of("a", 1), 1);
  EXPECT_FALSE(first.replaced);
  const KeyLog::Change second = log.Append(Of("a", 2), 2);
  EXPECT_EQ(second.index, first.index);
  EXPECT_EQ(second.replaced->sequence(), 1u);
  const KeyLog::Change removed = log.Append(Of("a", 3, true), 3);
  EXPECT_EQ(removed.index, first.index);
  EXPECT_EQ(removed.replaced->sequence(), 2u);
  EXPECT_EQ(log.Append(Of("a", 4), 4).replaced->removed(), true);
  EXPECT_EQ(log.Find("a"), first.index);
  EXPECT_EQ(log.sequence(first.index), 4u);
  EXPECT_EQ(log.publication(first.index)->sequence(), 4u);
  EXPECT_EQ(log.Find("b"), KeyLog::kNone);
}

TEST(KeyLogTest, ARemovalIsToldInItsPlaceAmongTheChanges) {
  KeyLog log(8);
  log.Append(Of("a", 1), 1);
  log.Append(Of("b", 2), 2);
  log.Append(Of("a", 3, true), 3);
  log.Append(Of("c", 4), 4);
  EXPECT_EQ(After(log, 0), (Walk{"b=2", "-a=3", "c=4"}));
  EXPECT_EQ(log.size(), 2u);
  EXPECT_EQ(log.tombstones(), 1u);
  log.Append(Of("a", 5), 5);
  EXPECT_EQ(After(log, 2), (Walk{"c=4", "a=5"}));
  EXPECT_EQ(log.tombstones(), 0u);
}

TEST(KeyLogTest, TheOldestTombstoneGoesFirstAndWhoSawLessBeginsAnew) {
  KeyLog log(2);
  log.Append(Of("a", 1), 1);
  log.Append(Of("b", 2, true), 2);
  log.Append(Of("c", 3, true), 3);
  EXPECT_TRUE(log.complete_after(0));
  log.Append(Of("d", 4, true), 4);
  EXPECT_FALSE(log.complete_after(1));
  EXPECT_TRUE(log.complete_after(2));
  EXPECT_EQ(After(log, 2), (Walk{"-c=3", "-d=4"}));
  EXPECT_EQ(log.Find("b"), KeyLog::kNone);
  log.DropTombstones(3);
  EXPECT_FALSE(log.complete_after(2));
  EXPECT_EQ(After(log, 3), (Walk{"-d=4"}));
  log.DropTombstones(4);
  EXPECT_TRUE(log.complete_after(4));
  EXPECT_EQ(log.tombstones(), 0u);
  EXPECT_EQ(log.size(), 1u);
}

TEST(KeyLogTest, WithoutTombstonesEveryRemovalIsAGap) {
  KeyLog log(0);
  log.Append(Of("a", 1), 1);
  const KeyLog::Change removal = log.Append(Of("a", 2, true), 2);
  EXPECT_EQ(removal.index, KeyLog::kNone);
  EXPECT_EQ(removal.replaced->sequence(), 1u);
  EXPECT_FALSE(log.complete_after(1));
  EXPECT_TRUE(log.complete_after(2));
  EXPECT_EQ(log.size(), 0u);
}

TEST(KeyLogTest, ALogThatBeginsLateOrWasClearedKnowsNothingBefore) {
  KeyLog log(4, 10);
  EXPECT_TRUE(log.complete_after(10));
  EXPECT_FALSE(log.complete_after(9));
  log.Append(Of("a", 11), 11);
  EXPECT_GT(log.footprint_bytes(), 0u);
  log.Clear(12);
  EXPECT_EQ(log.size(), 0u);
  EXPECT_EQ(log.footprint_bytes(), 0u);
  EXPECT_FALSE(log.complete_after(11));
  EXPECT_EQ(log.Find("a"), KeyLog::kNone);
  log.Append(Of("a", 13), 13);
  EXPECT_EQ(After(log, 12), (Walk{"a=13"}));
}

TEST(KeyLogDeathTest, ChangesComeInOrder) {
  KeyLog log(4, 5);
  EXPECT_DEATH(log.Append(Of("a", 5), 5), "in order");
}

// The slot of a feed's symbol has its key in its channel's name.
TEST(KeyLogTest, WhatHasNoKeyIsKeptByItsChannel) {
  KeyLog log(4);
  log.Append(SealedOf("ticker:a", "1", 1), 1);
  const KeyLog::Change change = log.Append(SealedOf("ticker:a", "2", 2), 2);
  EXPECT_EQ(change.replaced->data(), "1");
  EXPECT_EQ(change.replaced_sequence, 1u);
  EXPECT_EQ(log.size(), 1u);
  EXPECT_EQ(log.Find("ticker:a"), change.index);
}

TEST(KeyLogTest, AWalkEndsWhenItsVisitorHasEnough) {
  KeyLog log(4);
  for (std::uint64_t n = 1; n <= 3; ++n) log.Append(Of(std::to_string(n), n), n);
  int visited = 0;
  log.ForEachAfter(0, [&](const PublicationRef&, std::uint64_t) { return ++visited < 2; });
  EXPECT_EQ(visited, 2);
}

// Random changes against a map of what each key's last change was.
TEST(KeyLogTest, RandomChangesAreToldAsAPlainMapTellsThem) {
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const std::size_t max_tombstones = random() % 6;
    KeyLog log(max_tombstones);
    std::map<std::string, std::pair<std::uint64_t, bool>> keys;  // Last change, whether a removal.
    std::uint64_t forgotten = 0;
    std::uint64_t sequence = 0;
    const auto drop_oldest = [&](std::size_t most, std::uint64_t up_to) {
      for (;;) {
        auto oldest = keys.end();
        std::size_t count = 0;
        for (auto at = keys.begin(); at != keys.end(); ++at) {
          if (!at->second.second) continue;
          ++count;
          if (oldest == keys.end() || at->second.first < oldest->second.first) oldest = at;
        }
        if (count == 0 || (count <= most && oldest->second.first > up_to)) return;
        forgotten = oldest->second.first;
        keys.erase(oldest);
      }
    };
    for (int step = 0; step < 50; ++step) {
      if (random() % 20 == 0) {
        const std::uint64_t up_to = random() % (sequence + 1);
        log.DropTombstones(up_to);
        drop_oldest(max_tombstones, up_to);
      } else if (random() % 60 == 0) {
        log.Clear(++sequence);
        keys.clear();
        forgotten = sequence;
      } else {
        const std::string key(1, static_cast<char>('a' + random() % 9));
        const bool removed = random() % 3 == 0;
        sequence += 1 + random() % 3;
        log.Append(Of(key, sequence, removed), sequence);
        keys[key] = {sequence, removed};
        drop_oldest(max_tombstones, 0);
      }
      for (std::uint64_t since = 0; since <= sequence; ++since) {
        ASSERT_EQ(log.complete_after(since), since >= forgotten);
        if (since < forgotten) continue;
        std::map<std::uint64_t, std::string> in_order;
        for (const auto& [key, last] : keys) {
          if (last.first <= since) continue;
          in_order[last.first] = (last.second ? "-" : "") + key + "=" + std::to_string(last.first);
        }
        Walk expected;
        for (const auto& [number, text] : in_order) expected.push_back(text);
        ASSERT_EQ(After(log, since), expected);
      }
      std::size_t bytes = 0;
      for (const auto& [key, last] : keys) {
        const KeyLog::Index index = log.Find(key);
        ASSERT_NE(index, KeyLog::kNone);
        bytes += log.publication(index)->footprint_bytes();
      }
      ASSERT_EQ(log.footprint_bytes(), bytes);
      ASSERT_EQ(log.size() + log.tombstones(), keys.size());
    }
  }
}

}  // namespace
}  // namespace tickcast::shards
