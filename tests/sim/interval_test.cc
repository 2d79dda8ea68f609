// What an interval and a least change do.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/options_world.h"

namespace tickcast::shards::sim {
namespace {

using Kind = Heard::Kind;

class IntervalTest : public OptionsTest {};

std::string Priced(std::uint64_t number, std::string_view price) {
  return absl::StrCat(R"({"source":0,"number":)", number, R"(,"price":")", std::string(price),
                      "\"}");
}

TEST_F(IntervalTest, AnIntervalBringsTheNewestValueOncePerInterval) {
  ClusterOptions options;
  options.config.client.ping_interval_ns = 0;
  Begin(options);
  std::vector<std::uint64_t> times;
  cluster_->on_heard = [&](SimClient&, const Heard& heard) {
    if (heard.kind == Kind::kPublication) times.push_back(cluster_->now_ns());
  };
  Subscribe("state:a", R"({"interval_ms":100})");
  running_ = true;
  cluster_->RunFor(2 * kSecond);
  EXPECT_NEAR(static_cast<double>(times.size()), 20, 1);
  for (std::size_t i = 1; i < times.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(times[i] - times[i - 1]), 100e6, 6e6)
        << "the period of the feed, and the network";
  }
  const std::vector<std::uint64_t> numbers = NumbersOf("state:a");
  for (std::size_t i = 1; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], numbers[i - 1] + 20);
  // What it did not get was conflated, to the publication.
  const Ledger ledger = cluster_->ledger();
  EXPECT_EQ(ledger.owed, number_);
  EXPECT_EQ(ledger.delivered, numbers.size());
  EXPECT_EQ(ledger.conflated, numbers.back() - numbers.size());
  EXPECT_EQ(ledger.outstanding, number_ - numbers.back());
  // Without news nothing comes.
  running_ = false;
  cluster_->RunFor(kSecond);
  EXPECT_EQ(NumbersOf("state:a").back(), number_);
  const std::size_t all = times.size();
  const std::int64_t sends = cluster_->Metric("tickcast_sends_total");
  cluster_->RunFor(kSecond);
  EXPECT_EQ(times.size(), all);
  EXPECT_EQ(cluster_->Metric("tickcast_sends_total"), sends);
}

TEST_F(IntervalTest, AllOfOneIntervalLeavesInOneSend) {
  std::vector<std::string> channels;
  for (int i = 0; i < 20; ++i) channels.push_back(absl::StrCat("state:", i));
  Begin({}, channels);
  for (const std::string& channel : channels) {
    client_->Subscribe(channel, {.data = R"({"interval_ms":100})"});
  }
  client_->Flush();
  cluster_->RunFor(50 * kMillisecond);
  running_ = true;
  cluster_->RunFor(200 * kMillisecond);
  const std::int64_t sends = cluster_->Metric("tickcast_sends_total");
  const std::size_t heard = client_->HeardOf(Kind::kPublication).size();
  cluster_->RunFor(kSecond);
  EXPECT_EQ(cluster_->Metric("tickcast_sends_total") - sends, 10);
  EXPECT_EQ(client_->HeardOf(Kind::kPublication).size() - heard, 200u);
}

// Two intervals that fall due at once bring no third one along.
TEST_F(IntervalTest, EachIntervalHoldsWhateverElseIsDue) {
  Begin({}, {"state:a", "state:b", "state:c"}, kMillisecond);
  Subscribe("state:a", R"({"interval_ms":10})");
  Subscribe("state:b", R"({"interval_ms":20})");
  Subscribe("state:c", R"({"interval_ms":10000})");
  running_ = true;
  for (int i = 0; i < 50; ++i) {
    cluster_->Stall(0, cluster_->now_ns() + 30 * kMillisecond);
    cluster_->RunFor(60 * kMillisecond);
  }
  EXPECT_GT(NumbersOf("state:a").size(), 50u);
  EXPECT_GT(NumbersOf("state:b").size(), 50u);
  EXPECT_LE(NumbersOf("state:c").size(), 1u) << "in three seconds";
}

class ChangeTest : public OptionsTest {
 protected:
  void Begin() {
    OptionsTest::Begin();
    publisher_ = &cluster_->AddConnected();
  }
  // The last price that the client has, after this one.
  std::string After(std::string_view price) {
    publisher_->Publish("state:m", Priced(++published_, price));
    publisher_->Flush();
    cluster_->RunFor(50 * kMillisecond);
    const std::vector<std::string> data = client_->DataOf("state:m");
    if (data.empty()) return {};
    const std::size_t at = data.back().find(R"("price":")") + 9;
    return data.back().substr(at, data.back().find('"', at) - at);
  }

  SimClient* publisher_ = nullptr;
  std::uint64_t published_ = 0;
};

TEST_F(ChangeTest, WhatChangesLessThanAskedForIsNotSent) {
  Begin();
  Subscribe("state:m", R"({"interval_ms":10,"min_change":0.01})");
  EXPECT_EQ(After("100"), "100") << "there was none before";
  EXPECT_EQ(After("100.9"), "100");
  EXPECT_EQ(After("99.1"), "100");
  EXPECT_EQ(After("101"), "101") << "1 % of what was sent last";
  EXPECT_EQ(After("100"), "101") << "0.99 % of 101";
  EXPECT_EQ(After("99.9"), "99.9");
  EXPECT_EQ(After("100.9"), "100.9") << "1.001 %";
  // Small steps add up.
  EXPECT_EQ(After("101.5"), "100.9");
  EXPECT_EQ(After("102.1"), "102.1");
  const Ledger ledger = cluster_->ledger();
  EXPECT_EQ(ledger.owed, 9u);
  EXPECT_EQ(ledger.delivered, 5u);
  EXPECT_EQ(ledger.conflated, 4u);
}

TEST_F(ChangeTest, ThePriceInTheReplyIsWhatTheNextIsMeasuredAgainst) {
  Begin();
  After("100");
  Subscribe("state:m", R"({"interval_ms":10,"min_change":0.01})");
  EXPECT_EQ(After("100.9"), "");
  EXPECT_EQ(After("101.1"), "101.1");
}

TEST_F(ChangeTest, WhatHasNoNumberIsNews) {
  Begin();
  Subscribe("state:m", R"({"interval_ms":10,"min_change":0.5})");
  After("100");
  EXPECT_EQ(After("closed"), "closed");
  EXPECT_EQ(After("100.1"), "100.1") << "after no number any is";
  EXPECT_EQ(After("100.2"), "100.1");
  EXPECT_EQ(After("0"), "0");
  EXPECT_EQ(After("0.1"), "0.1") << "of nothing everything is more than a half";
}

// While nothing was held back, other values were sent than the one that had been compared last.
TEST_F(ChangeTest, AFilterSetAgainMeasuresAgainstWhatWasSentMeanwhile) {
  Begin();
  for (const char* between : {R"({"interval_ms":10})", R"({"interval_ms":0})"}) {
    SCOPED_TRACE(between);
    Subscribe("state:m", R"({"interval_ms":10,"min_change":0.01})");
    EXPECT_EQ(After("100"), "100");
    Subscribe("state:m", between);
    EXPECT_EQ(After("200"), "200");
    Subscribe("state:m", R"({"interval_ms":10,"min_change":0.01})");
    EXPECT_EQ(After("100.5"), "100.5");
    Subscribe("state:m", between);
    EXPECT_EQ(After("300"), "300");
  }
}

}  // namespace
}  // namespace tickcast::shards::sim
