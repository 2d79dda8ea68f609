#include "shards/map_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

constexpr std::string_view kChannel = "map:1";
constexpr std::size_t kNoLimit = ~std::size_t{0};

// A log, and beside it all that it was ever told.
class Told {
 public:
  explicit Told(std::size_t max_tombstones = 100, std::uint64_t begin = 0)
      : log(max_tombstones, begin), begin_(begin) {}

  // The key's next change, with the next number.
  const PublicationRef& Append(const std::string& key, bool removed = false) {
    const std::uint64_t sequence = last() + 1;
    PublicationRef publication =
        Publication::Draft({.channel = kChannel,
                            .push_prefix = Publication::PushPrefix(kChannel),
                            .data = removed ? std::string() : std::to_string(sequence),
                            .key = key,
                            .removed = removed});
    publication->Seal(sequence, 0);
    PublicationRef replaced = NewestBefore(key, sequence);
    if (replaced && replaced->removed()) replaced = {};
    log.Append(publication, replaced, sequence);
    changes_.push_back({publication, replaced});
    return changes_.back().publication;
  }
  const PublicationRef& Remove(const std::string& key) { return Append(key, true); }

  // As Trim() has to: what is known one by one then begins here.
  void Trim(std::size_t limit_bytes, std::uint64_t flushed) {
    log.Trim(limit_bytes, flushed);
    while (footprint_bytes() > limit_bytes && begin_ + trimmed_ + 1 <= flushed) ++trimmed_;
  }

  std::uint64_t last() const { return begin_ + changes_.size(); }
  const Publication* Find(std::uint64_t sequence) const {
    return IsKnown(sequence) ? changes_[sequence - begin_ - 1].publication.get() : nullptr;
  }
  // What a reader that has seen everything up to `seen` has of the key, as far as that can be
  // known: the first change since then, which has to be there still, says what it replaced.
  const Publication* BaseOf(std::uint64_t sequence, std::uint64_t seen) const {
    if (!IsKnown(sequence)) return nullptr;
    const std::string_view key = Find(sequence)->key();
    const Change* first = nullptr;
    for (std::uint64_t at = std::max(seen, begin_) + 1; at <= sequence; ++at) {
      const Change& change = changes_[at - begin_ - 1];
      if (change.publication->key() != key) continue;
      if (first == nullptr) first = &change;
      // What is new to the map is told whole, whatever was before it.
      if (!change.replaced) return nullptr;
      if (!IsKnown(at)) return nullptr;
    }
    return first == nullptr ? nullptr : first->replaced.get();
  }
  std::size_t footprint_bytes() const {
    std::size_t bytes = 0;
    for (std::size_t i = trimmed_; i < changes_.size(); ++i) {
      bytes += changes_[i].publication->footprint_bytes();
      if (changes_[i].replaced) bytes += changes_[i].replaced->footprint_bytes();
    }
    return bytes;
  }

  MapLog log;

 private:
  struct Change {
    PublicationRef publication;
    PublicationRef replaced;
  };
  bool IsKnown(std::uint64_t sequence) const {
    return sequence > begin_ + trimmed_ && sequence <= last();
  }
  PublicationRef NewestBefore(std::string_view key, std::uint64_t sequence) const {
    for (std::uint64_t at = sequence - 1; at > begin_; --at) {
      const PublicationRef& publication = changes_[at - begin_ - 1].publication;
      if (publication->key() == key) return publication;
    }
    return {};
  }

  const std::uint64_t begin_;
  std::vector<Change> changes_;
  std::size_t trimmed_ = 0;
};

TEST(MapLogTest, ChangesAreFoundByTheirNumbers) {
  Told told;
  EXPECT_EQ(told.log.Find(0), nullptr);
  EXPECT_EQ(told.log.Find(1), nullptr);
  const Publication* const first = told.Append("a").get();
  const Publication* const second = told.Remove("a").get();
  EXPECT_EQ(told.log.Find(0), nullptr);
  EXPECT_EQ(told.log.Find(1), first);
  EXPECT_EQ(told.log.Find(2), second);
  EXPECT_EQ(told.log.Find(3), nullptr);
  EXPECT_EQ(told.log.footprint_bytes(), told.footprint_bytes());
}

TEST(MapLogTest, ALogMayBeginAtAnyNumber) {
  Told told(100, 7);
  const Publication* const first = told.Append("a").get();
  EXPECT_EQ(told.log.Find(7), nullptr);
  EXPECT_EQ(told.log.Find(8), first);
  EXPECT_FALSE(told.log.keys().complete_after(6));
  EXPECT_TRUE(told.log.keys().complete_after(7));
  // The reader has seen what was before the log, and of that the home tells.
  Told later(100, 7);
  const PublicationRef known = SealedOf(kChannel, "1", 3);
  later.log.Append(SealedOf(kChannel, "2", 8), known, 8);
  EXPECT_EQ(later.log.BaseOf(8, 7), known.get());
}

// However many changes of the key the reader was not told of one by one.
TEST(MapLogTest, ABaseIsWhatTheReaderHasOfTheSameKey) {
  Told told;
  const Publication* const a1 = told.Append("a").get();
  told.Append("b");
  const Publication* const a3 = told.Append("a").get();
  told.Append("b");
  const Publication* const a5 = told.Append("a").get();
  told.Append("a");
  EXPECT_EQ(told.log.BaseOf(6, 5), a5);
  EXPECT_EQ(told.log.BaseOf(6, 4), a3);
  EXPECT_EQ(told.log.BaseOf(6, 3), a3);
  EXPECT_EQ(told.log.BaseOf(6, 2), a1);
  EXPECT_EQ(told.log.BaseOf(6, 1), a1);
  EXPECT_EQ(told.log.BaseOf(6, 0), nullptr) << "it had none";
  EXPECT_EQ(told.log.BaseOf(3, 2), a1);
  EXPECT_EQ(told.log.BaseOf(1, 0), nullptr);
}

TEST(MapLogTest, ARemovalLeavesNothingToTellAgainst) {
  Told told;
  const Publication* const a1 = told.Append("a").get();
  told.Remove("a");
  told.Append("a");
  EXPECT_EQ(told.log.BaseOf(2, 1), a1);
  EXPECT_EQ(told.log.BaseOf(3, 2), nullptr);
  // Also not for who was never told of the removal: what is new tells no base to look behind.
  EXPECT_EQ(told.log.BaseOf(3, 1), nullptr);
  // Whatever the caller says the removal was.
  const PublicationRef removal = told.Remove("a");
  PublicationRef again = SealedOf(kChannel, "5", 5);
  told.log.Append(again, removal, 5);
  EXPECT_EQ(told.log.BaseOf(5, 4), nullptr);
}

TEST(MapLogTest, NothingIsDroppedThatHasNotBeenFlushed) {
  Told told;
  for (int i = 0; i < 4; ++i) told.Append("a");
  const std::size_t whole = told.log.footprint_bytes();
  told.log.Trim(whole, 4);
  EXPECT_NE(told.log.Find(1), nullptr);
  told.log.Trim(whole - 1, 0);
  EXPECT_NE(told.log.Find(1), nullptr);
  told.log.Trim(whole - 1, 4);
  EXPECT_EQ(told.log.Find(1), nullptr);
  EXPECT_NE(told.log.Find(2), nullptr);
  told.log.Trim(0, 3);
  EXPECT_EQ(told.log.Find(3), nullptr);
  EXPECT_NE(told.log.Find(4), nullptr);
  told.log.Trim(0, 4);
  EXPECT_EQ(told.log.Find(4), nullptr);
  EXPECT_EQ(told.log.footprint_bytes(), 0u);
  // What each key is now is no part of it, and numbers go on.
  EXPECT_EQ(told.log.keys().size(), 1u);
  const Publication* const next = told.Append("a").get();
  EXPECT_EQ(told.log.Find(5), next);
  EXPECT_NE(told.log.BaseOf(5, 4), nullptr);
  EXPECT_EQ(told.log.BaseOf(5, 3), nullptr) << "what came between is not known any more";
}

TEST(MapLogDeathTest, OfAMapEveryChangeComes) {
  MapLog log(4, 1);
  EXPECT_DEATH(log.Append(SealedOf(kChannel, "3", 3), {}, 3), "every change");
}

// Every answer about every pair of numbers, after each of some hundred random steps.
TEST(MapLogTest, RandomChangesAreAnsweredAsAPlainListAnswers) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    // Few: a removal that is forgotten may cost a base, but never give a wrong one.
    const bool forgets = seed % 3 == 0;
    Told told(forgets ? random() % 3 : kNoLimit, random() % 3);
    const std::uint64_t begin = told.last();
    for (int step = 0; step < 60; ++step) {
      const std::string key(1, static_cast<char>('a' + random() % 4));
      told.Append(key, random() % 4 == 0);
      if (random() % 8 == 0) {
        const std::size_t limit = random() % (told.footprint_bytes() + 1);
        told.Trim(limit, told.last() - random() % (told.last() - begin));
      }
      ASSERT_EQ(told.log.footprint_bytes(), told.footprint_bytes());
      for (std::uint64_t number = begin; number <= told.last() + 1; ++number) {
        ASSERT_EQ(told.log.Find(number), told.Find(number)) << number;
        for (std::uint64_t seen = begin; seen < number && number <= told.last(); ++seen) {
          const Publication* const base = told.log.BaseOf(number, seen);
          if (forgets && base == nullptr) continue;
          ASSERT_EQ(base, told.BaseOf(number, seen)) << number << " for who saw " << seen;
        }
      }
    }
  }
}

}  // namespace
}  // namespace tickcast::shards
