// The model test of maps: random lives of a map, held against everything that was ever written.
//
// The reference keeps each change of the life and says what the map was at any number, so that a
// mirror which read pages in the midst of changes, or was away for a while, can be compared with
// what it has to be. TICKCAST_HISTORIES says how many lives there are (2,000 without it); life n is
// that of seed n.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "shards/map_state.h"
#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

constexpr std::string_view kChannel = "map:1";
constexpr std::uint64_t kSecondNs = 1'000'000'000;

using Mirror = std::map<std::string, std::string>;

struct Change {
  std::string key;
  std::string data;  // Empty: removed.
};

// Plain and slow.
class Reference {
 public:
  explicit Reference(const engine::MapConfig& options)
      : options_(options), tombstones_(options.tombstones()) {}

  void Append(const Change& change, std::uint64_t now) {
    Look(now);
    log_.push_back(change);
    ++in_stream_;
    in_stream_ =
        options_.has_stream() ? std::min<std::uint64_t>(in_stream_, options_.stream_size) : 0;
    stream_gone_at_ = now + options_.stream_ttl_ns;
    Forget(tombstones_);
  }
  void Look(std::uint64_t now) {
    if (!options_.has_stream() || now < stream_gone_at_) return;
    in_stream_ = 0;
    Forget(0);
  }
  void Clear() {
    begin_ += log_.size();
    log_.clear();
    in_stream_ = 0;
    forgotten_ = 0;
  }

  std::uint64_t sequence() const { return begin_ + log_.size(); }
  std::uint64_t begin() const { return begin_; }
  std::uint64_t offset() const { return options_.has_stream() ? log_.size() : 0; }
  Mirror At(std::uint64_t sequence) const {
    Mirror mirror;
    for (std::uint64_t i = 0; i < sequence - begin_; ++i) {
      if (log_[i].data.empty()) {
        mirror.erase(log_[i].key);
      } else {
        mirror[log_[i].key] = log_[i].data;
      }
    }
    return mirror;
  }
  bool Knows(std::uint64_t sequence) const {
    if (sequence < begin_ || sequence > this->sequence()) return false;
    return sequence - begin_ >= forgotten_ || this->sequence() - sequence <= in_stream_;
  }
  // The numbers that are told to who has seen `sequence`, which is known.
  std::vector<std::uint64_t> Told(std::uint64_t sequence) const {
    std::vector<std::uint64_t> told;
    const bool all = this->sequence() - sequence <= in_stream_;
    for (std::uint64_t i = sequence - begin_; i < log_.size(); ++i) {
      const auto same = [&](const Change& other) { return other.key == log_[i].key; };
      const auto next = log_.begin() + static_cast<std::ptrdiff_t>(i) + 1;
      if (all || std::none_of(next, log_.end(), same)) told.push_back(begin_ + i + 1);
    }
    return told;
  }
  const Change& ChangeAt(std::uint64_t sequence) const { return log_[sequence - begin_ - 1]; }

 private:
  // Keeps the newest `most` removals that are their key's last change.
  void Forget(std::size_t most) {
    std::vector<std::uint64_t> removals;
    for (std::uint64_t i = log_.size(); i > forgotten_; --i) {
      if (!log_[i - 1].data.empty()) continue;
      const auto same = [&](const Change& other) { return other.key == log_[i - 1].key; };
      if (std::none_of(log_.begin() + static_cast<std::ptrdiff_t>(i), log_.end(), same)) {
        removals.push_back(i);
      }
    }
    if (removals.size() > most) forgotten_ = removals[most];
  }

  const engine::MapConfig options_;
  const std::size_t tombstones_;
  std::vector<Change> log_;
  std::uint64_t begin_ = 0;
  std::uint64_t in_stream_ = 0;
  std::uint64_t stream_gone_at_ = 0;
  std::uint64_t forgotten_ = 0;  // Of this life.
};

class Life {
 public:
  explicit Life(std::uint64_t seed)
      : random_(seed), options_(SomeOptions()), reference_(options_) {}

  void Run() {
    const std::uint64_t steps = Below(40) + 5;
    for (std::uint64_t step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      Step();
      Compare();
    }
    while (!readers_.empty() && !testing::Test::HasFailure()) Finish(readers_.size() - 1);
  }

 private:
  // Someone who reads the pages, a step at a time, and then what came since the first.
  struct Reader {
    std::uint64_t sequence = 0;
    std::string epoch;
    std::string cursor;
    std::size_t limit = 1;
    bool at_end = false;
    Mirror mirror;
  };
  struct Key {
    std::uint64_t expires = 0;
    std::optional<std::pair<std::uint64_t, std::string>> version;
  };

  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }
  bool Chance(std::uint64_t percent) { return Below(100) < percent; }
  std::string SomeKey() { return std::string(Below(2) + 1, static_cast<char>('a' + Below(5))); }

  engine::MapConfig SomeOptions() {
    engine::MapConfig options;
    options.mode = static_cast<engine::MapMode>(1 + Below(3));
    if (options.mode != engine::MapMode::kPersistent)
      options.key_ttl_ns = (Below(20) + 1) * kSecondNs;
    if (options.has_stream()) {
      options.stream_size = static_cast<std::uint32_t>(Below(6) + 1);
      options.stream_ttl_ns = (Below(20) + 1) * kSecondNs;
    }
    return options;
  }

  void Step() {
    const std::uint64_t die = Below(100);
    if (die < 50) {
      Write({.key = key_ = SomeKey(),
             .mode = Chance(70) ? KeyMode::kReplace : static_cast<KeyMode>(Below(3)),
             .keep_alive = Chance(50),
             .version = Chance(30) ? Below(4) : 0,
             .version_epoch = Chance(30) ? "x" : ""});
    } else if (die < 70) {
      Write({.key = key_ = SomeKey(), .remove = true});
    } else if (die < 80) {
      now_ += Below(5 * kSecondNs);
      // Nobody may have looked before the next write.
      if (Chance(60)) Expire();
    } else if (die < 82) {
      map_.Clear("epoch" + std::to_string(++epochs_), reference_.sequence());
      reference_.Clear();
      keys_.clear();
    } else if (die < 88) {
      readers_.push_back(
          {.sequence = map_.sequence(), .epoch = map_.epoch(), .limit = Below(4) + 1});
      ReadPage(readers_.back());
    } else if (!readers_.empty()) {
      const std::size_t which = Below(readers_.size());
      if (readers_[which].at_end && Chance(60)) {
        Finish(which);
      } else if (!readers_[which].at_end) {
        ReadPage(readers_[which]);
      }
    }
  }

  MapSuppression Expected(const MapWrite& write) {
    const auto known = keys_.find(std::string(write.key));
    const bool exists = known != keys_.end();
    if (write.remove) return exists ? MapSuppression::kNone : MapSuppression::kKeyNotFound;
    if (exists && write.version != 0 && known->second.version &&
        (write.version_epoch.empty() || write.version_epoch == known->second.version->second) &&
        write.version <= known->second.version->first) {
      return MapSuppression::kVersion;
    }
    if (write.mode == KeyMode::kIfNew && exists) return MapSuppression::kKeyExists;
    if (write.mode == KeyMode::kIfExists && !exists) return MapSuppression::kKeyNotFound;
    return MapSuppression::kNone;
  }

  void Write(const MapWrite& write) {
    const std::string key(write.key);
    const MapSuppression expected = Expected(write);
    ASSERT_EQ(map_.Check(write, now_), expected);
    if (expected == MapSuppression::kKeyExists && write.keep_alive) {
      keys_[key].expires = now_ + options_.key_ttl_ns;
    }
    if (expected != MapSuppression::kNone) return;
    const std::string data = write.remove ? "" : std::to_string(++written_);
    PublicationRef change = Publication::Draft({.channel = kChannel,
                                                .push_prefix = prefix_,
                                                .data = data,
                                                .key = write.key,
                                                .removed = write.remove});
    change->Seal(map_.sequence() + 1, map_.next_offset());
    map_.Apply(std::move(change), write, now_);
    reference_.Append({key, data}, now_);
    if (write.remove) {
      keys_.erase(key);
      return;
    }
    keys_[key].expires = now_ + options_.key_ttl_ns;
    if (write.version != 0) {
      keys_[key].version = {write.version, std::string(write.version_epoch)};
    }
  }

  void Expire() {
    map_.ExpireStream(now_);
    reference_.Look(now_);
    std::size_t gone = 0;
    while (const Publication* expired = map_.FirstExpired(now_)) {
      key_ = expired->key();
      ASSERT_LE(keys_.at(key_).expires, now_);
      for (const auto& [key, facts] : keys_) ASSERT_GE(facts.expires, keys_.at(key_).expires);
      Write({.key = key_, .remove = true});
      ASSERT_LE(++gone, 100u);
    }
    if (options_.key_ttl_ns == 0) return;
    for (const auto& [key, facts] : keys_) ASSERT_GT(facts.expires, now_) << key;
  }

  void Compare() {
    ASSERT_EQ(map_.sequence(), reference_.sequence());
    ASSERT_EQ(map_.offset(), reference_.offset());
    ASSERT_EQ(map_.size(), keys_.size());
    const Mirror now = reference_.At(reference_.sequence());
    for (const auto& [key, data] : now) {
      const PublicationRef* const found = map_.Find(key);
      ASSERT_NE(found, nullptr);
      ASSERT_EQ((*found)->data(), data);
    }
    const std::uint64_t since = Below(reference_.sequence() + 2);
    std::vector<PublicationRef> out;
    if (!reference_.Knows(since)) {
      ASSERT_EQ(map_.ReadChanges(since, 1000, out), MapState::Changes::kUnable);
      ASSERT_TRUE(out.empty());
      return;
    }
    std::vector<std::uint64_t> told = reference_.Told(since);
    const std::size_t limit = Below(6) + 1;
    const bool all = told.size() <= limit;
    if (!all) told.resize(limit);
    ASSERT_EQ(map_.ReadChanges(since, limit, out),
              all ? MapState::Changes::kAll : MapState::Changes::kPart);
    ASSERT_EQ(out.size(), told.size());
    Mirror mirror = reference_.At(since);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const Change& change = reference_.ChangeAt(told[i]);
      ASSERT_EQ(out[i]->sequence(), told[i]);
      ASSERT_EQ(out[i]->key(), change.key);
      ASSERT_EQ(out[i]->data(), change.data);
      ASSERT_EQ(out[i]->removed(), change.data.empty());
      Take(*out[i], mirror);
    }
    if (all) {
      ASSERT_EQ(mirror, now);
    }
  }

  static void Take(const Publication& publication, Mirror& mirror) {
    if (publication.removed()) {
      mirror.erase(std::string(publication.key()));
    } else {
      mirror[std::string(publication.key())] = publication.data();
    }
  }

  void ReadPage(Reader& reader) {
    std::vector<PublicationRef> out;
    const std::string behind = reader.cursor;
    reader.at_end = !map_.ReadState(reader.cursor, reader.limit, reader.sequence, out);
    ASSERT_LE(out.size(), reader.limit);
    std::string last = behind;
    for (const PublicationRef& each : out) {
      ASSERT_GT(std::string(each->key()), last);
      last = each->key();
      ASSERT_TRUE(reader.mirror.emplace(each->key(), each->data()).second);
    }
  }

  // It must be what the map is now, or be told to begin anew.
  void Finish(std::size_t which) {
    Reader reader = std::move(readers_[which]);
    readers_.erase(readers_.begin() + static_cast<std::ptrdiff_t>(which));
    if (reader.epoch != map_.epoch()) return;
    while (!reader.at_end) ReadPage(reader);
    for (;;) {
      std::vector<PublicationRef> out;
      const MapState::Changes read = map_.ReadChanges(reader.sequence, reader.limit, out);
      if (read == MapState::Changes::kUnable) {
        ASSERT_FALSE(reference_.Knows(reader.sequence));
        return;
      }
      for (const PublicationRef& each : out) {
        ASSERT_GT(each->sequence(), reader.sequence);
        reader.sequence = each->sequence();
        Take(*each, reader.mirror);
      }
      if (read == MapState::Changes::kAll) break;
      ASSERT_FALSE(out.empty());
    }
    ASSERT_EQ(reader.mirror, reference_.At(reference_.sequence()));
  }

  std::mt19937_64 random_;
  const std::string prefix_ = Publication::PushPrefix(kChannel);
  const engine::MapConfig options_;
  Reference reference_;
  MapState map_{options_, "epoch0", 0};
  std::map<std::string, Key> keys_;
  std::vector<Reader> readers_;
  std::uint64_t now_ = 1000 * kSecondNs;
  std::string key_;
  int written_ = 0;
  int epochs_ = 0;
};

std::uint64_t Histories() {
  const char* const asked = std::getenv("TICKCAST_HISTORIES");
  return asked == nullptr ? 2000 : std::strtoull(asked, nullptr, 10);
}

TEST(MapStateModelTest, RandomLivesAreWhatWasWritten) {
  const std::uint64_t histories = Histories();
  ASSERT_GT(histories, 0u);
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Life(seed).Run();
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

}  // namespace
}  // namespace tickcast::shards
