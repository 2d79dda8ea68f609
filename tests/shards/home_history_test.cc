// Home: recovery and the history commands, beside what home_test.cc has of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/shards/home_test_world.h"

namespace tickcast::shards {
namespace {

using protocol::ErrorCode;
using testing::ElementsAre;
using testing::IsEmpty;

class HomeHistoryTest : public HomeTest {
 protected:
  HomeHistoryTest() {
    for (engine::Namespace& ns : config_.channel.namespaces) {
      if (ns.name == "room") cache_ = &ns;
    }
  }
  void UseCache(bool automatic = false) {
    cache_->force_recovery_mode = engine::RecoveryMode::kCache;
    cache_->auto_cache_recover = automatic;
  }
  std::unique_ptr<Request> Remove(std::string_view channel) {
    return Ask(New(Request::Kind::kHistoryRemove, channel));
  }
  engine::Namespace* cache_ = nullptr;
};

TEST_F(HomeHistoryTest, WithoutTheGrantNothingIsRecoveredAndNothingRejected) {
  PublishRoom(2);
  auto request = New(Request::Kind::kSubscribe, "room:1");
  request->recover = true;
  request->reject_unrecovered = true;
  const auto answer = Ask(std::move(request));
  EXPECT_FALSE(answer->failed);
  EXPECT_FALSE(answer->recovered);
  EXPECT_TRUE(answer->recover);
  EXPECT_THAT(answer->publications, IsEmpty());
  EXPECT_EQ(answer->offset, 2u);
}

TEST_F(HomeHistoryTest, ReverseBeforeTheFirstOneIsABadRequestWhateverItsEpoch) {
  PublishRoom(1);
  EXPECT_EQ(HistorySince(0, "", -1, true)->error, ErrorCode::kBadRequest);
  const auto answer = HistorySince(0, "other", -1, true);
  EXPECT_TRUE(answer->failed);
  EXPECT_EQ(answer->error, ErrorCode::kBadRequest);
  EXPECT_FALSE(HistorySince(0, "", -1)->failed);
}

TEST_F(HomeHistoryTest, ABackendIsGivenTheWholeHistory) {
  PublishRoom(7);
  const auto offsets = [this](std::int32_t limit, bool reverse) {
    auto request = New(Request::Kind::kHistory, "room:1");
    request->asker = Request::Asker::kApiCall;
    request->limit = limit;
    request->reverse = reverse;
    return OffsetsOf(Ask(std::move(request))->publications);
  };
  EXPECT_THAT(offsets(-1, false), ElementsAre(3u, 4u, 5u, 6u, 7u));
  EXPECT_THAT(offsets(100, true), ElementsAre(7u, 6u, 5u, 4u, 3u));
  EXPECT_THAT(offsets(2, false), ElementsAre(3u, 4u));
  EXPECT_THAT(offsets(0, false), IsEmpty());
}

TEST_F(HomeHistoryTest, TheCacheGivesTheNewestHoweverMuchWasMissed) {
  UseCache();
  PublishRoom(9);
  const std::string epoch = EpochOf("room:1");
  const auto answer = Recover(1, epoch);
  EXPECT_TRUE(answer->recovered);
  EXPECT_THAT(OffsetsOf(answer->publications), ElementsAre(9u));
  EXPECT_EQ(answer->offset, 1u);  // As it was asked from.
  // Neither an unknown offset nor another epoch is in the way of the newest.
  EXPECT_THAT(OffsetsOf(Recover(100, epoch)->publications), ElementsAre(9u));
  EXPECT_THAT(OffsetsOf(Recover(9, "other")->publications), ElementsAre(9u));
  EXPECT_THAT(OffsetsOf(Recover(9, "")->publications), ElementsAre(9u));
  EXPECT_THAT(OffsetsOf(Recover(0, "")->publications), ElementsAre(9u));
  // Who has it already is not given it again.
  const auto same = Recover(9, epoch);
  EXPECT_TRUE(same->recovered);
  EXPECT_THAT(same->publications, IsEmpty());
}

TEST_F(HomeHistoryTest, AnEmptyCacheRecoversOnlyWhoMissedNothing) {
  UseCache();
  PublishRoom(3);
  const std::string epoch = EpochOf("room:1");
  now_ns_ += kTtlNs;
  EXPECT_TRUE(Recover(3, epoch)->recovered);
  const auto behind = Recover(2, epoch, /*reject_unrecovered=*/true);
  EXPECT_FALSE(behind->failed);  // The flag is the stream's.
  EXPECT_FALSE(behind->recovered);
  EXPECT_EQ(behind->offset, 3u);
  EXPECT_FALSE(Recover(3, "")->recovered);
  // Nothing was ever published: there is no newest, and offset 0 is no state.
  auto request = New(Request::Kind::kSubscribe, "room:new");
  request->recoverable = true;
  request->recover = true;
  EXPECT_FALSE(Ask(std::move(request))->recovered);
}

TEST_F(HomeHistoryTest, TheCacheMayRecoverByItself) {
  const auto subscribe = [this](bool recoverable) {
    auto request = New(Request::Kind::kSubscribe, "room:1");
    request->recoverable = recoverable;
    return Ask(std::move(request));
  };
  UseCache(/*automatic=*/true);
  PublishRoom(2);
  const auto answer = subscribe(true);
  EXPECT_TRUE(answer->recover);
  EXPECT_TRUE(answer->recovered);
  EXPECT_THAT(OffsetsOf(answer->publications), ElementsAre(2u));
  EXPECT_EQ(answer->offset, 0u);
  EXPECT_FALSE(subscribe(false)->recover);
  UseCache(/*automatic=*/false);
  EXPECT_FALSE(subscribe(true)->recover);
}

TEST_F(HomeHistoryTest, RemovingAHistoryKeepsItsPosition) {
  PublishRoom(3);
  const std::string epoch = EpochOf("room:1");
  EXPECT_FALSE(Remove("room:1")->failed);
  EXPECT_EQ(home_.history_bytes(), 0u);
  const auto history = HistoryOf("room:1", -1);
  EXPECT_THAT(history->publications, IsEmpty());
  EXPECT_EQ(history->offset, 3u);
  EXPECT_EQ(history->epoch, epoch);
  EXPECT_TRUE(Recover(3, epoch)->recovered);
  EXPECT_FALSE(Recover(2, epoch)->recovered);
  PublishRoom(1);
  EXPECT_THAT(OffsetsOf(Recover(3, epoch)->publications), ElementsAre(4u));
  EXPECT_EQ(Remove("trade:a")->error, ErrorCode::kNotAvailable);
  EXPECT_EQ(Remove("nobody:a")->error, ErrorCode::kUnknownChannel);
}

// Whether or not a sweep came by.
TEST_F(HomeHistoryTest, APositionIsForgottenAfterItsTime) {
  config_.channel.history_meta_ttl_ns = 100 * kSecondNs;
  PublishRoom(3);
  const std::string epoch = EpochOf("room:1");
  now_ns_ += 100 * kSecondNs - 1;
  EXPECT_EQ(EpochOf("room:1"), epoch);  // Asking for it is a use, too.
  now_ns_ += 100 * kSecondNs - 1;
  EXPECT_TRUE(Recover(3, epoch)->recovered);
  // A subscriber keeps it.
  now_ns_ += 1000 * kSecondNs;
  EXPECT_EQ(EpochOf("room:1"), epoch);
  Request leave;
  leave.channel = "room:1";
  leave.local = kNoChannel;
  home_.Leave(0, leave, now_ns_);
  now_ns_ += 100 * kSecondNs;
  EXPECT_FALSE(Recover(3, epoch)->recovered);
  EXPECT_NE(EpochOf("room:1"), epoch);
  EXPECT_EQ(HistoryOf("room:1", 0)->offset, 0u);
  // A namespace's own time counts before the general one.
  cache_->history_meta_ttl_ns = 10 * kSecondNs;
  home_.Leave(0, leave, now_ns_);
  const std::string second = EpochOf("room:1");
  now_ns_ += 10 * kSecondNs;
  EXPECT_NE(EpochOf("room:1"), second);
}

TEST_F(HomeHistoryTest, AnOldVersionProlongsTheHistory) {
  const auto publish = [this](std::uint64_t version) {
    auto request = New(Request::Kind::kPublish, "room:1");
    request->draft = DraftOf("room:1", "1");
    request->version = version;
    return Ask(std::move(request));
  };
  publish(2);
  now_ns_ += kTtlNs - 1;
  EXPECT_TRUE(publish(1)->suppressed);
  now_ns_ += kTtlNs - 1;
  EXPECT_THAT(OffsetsOf(HistoryOf("room:1", -1)->publications), ElementsAre(1u));
  now_ns_ += 1;
  EXPECT_THAT(HistoryOf("room:1", -1)->publications, IsEmpty());
  // What has expired is not revived.
  EXPECT_TRUE(publish(1)->suppressed);
  EXPECT_THAT(HistoryOf("room:1", -1)->publications, IsEmpty());
}

}  // namespace
}  // namespace tickcast::shards
