#include "tools/loadgen/mix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tickcast::loadgen {
namespace {

using testing::HasSubstr;
using Behaviour = Kind::Behaviour;

std::vector<Kind> Parsed(const std::string& text, std::uint32_t connections) {
  absl::StatusOr<std::vector<Kind>> kinds = ParseMix(text, connections, {});
  EXPECT_TRUE(kinds.ok()) << kinds.status();
  return kinds.ok() ? *std::move(kinds) : std::vector<Kind>(1);
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<std::vector<Kind>> kinds = ParseMix(text, 1000, {});
  EXPECT_TRUE(absl::IsInvalidArgument(kinds.status())) << text;
  return std::string(kinds.status().message());
}

TEST(MixTest, NothingSaidIsAllFast) {
  const std::vector<Kind> kinds = Parsed("", 7);
  ASSERT_EQ(kinds.size(), 1U);
  EXPECT_EQ(kinds[0].name, "fast");
  EXPECT_EQ(kinds[0].behaviour, Behaviour::kFast);
  EXPECT_EQ(kinds[0].count, 7U);
}

TEST(MixTest, SizesAreNumbersPercentagesAndTheRest) {
  const std::vector<Kind> kinds =
      Parsed("slow=10%:rate=2000,silent=150,reconnecting=2.5%:every=10s,fast,no-pong=1", 1000);
  ASSERT_EQ(kinds.size(), 5U);
  EXPECT_EQ(kinds[0].count, 100U);
  EXPECT_EQ(kinds[0].read_rate, 2000);
  EXPECT_EQ(kinds[1].count, 150U);
  EXPECT_EQ(kinds[2].count, 25U);
  EXPECT_EQ(kinds[2].every_ns, 10'000'000'000U);
  EXPECT_EQ(kinds[3].count, 724U);
  EXPECT_EQ(kinds[4].count, 1U);
  EXPECT_EQ(kinds[4].behaviour, Behaviour::kNoPong);
}

TEST(MixTest, WhoeverIsNotNamedIsFast) {
  const std::vector<Kind> kinds = Parsed("silent=40%", 10);
  ASSERT_EQ(kinds.size(), 2U);
  EXPECT_EQ(kinds[0].count, 4U);
  EXPECT_EQ(kinds[1].name, "fast");
  EXPECT_EQ(kinds[1].count, 6U);
  EXPECT_EQ(Parsed("fast=40%", 10)[1].name, "rest");
}

TEST(MixTest, AKindMayStandTwiceUnderTwoNamesWithItsOwnOptions) {
  const SubscribeOptions defaults{.interval_ms = 1000, .priority_share = 0.5};
  const absl::StatusOr<std::vector<Kind>> kinds = ParseMix(
      "fast=50%,fast=50%:name=calm:interval=250:min-change=0.001:priority-share=0", 10, defaults);
  ASSERT_TRUE(kinds.ok()) << kinds.status();
  EXPECT_EQ((*kinds)[0].subscribe, defaults);
  EXPECT_EQ((*kinds)[1].name, "calm");
  EXPECT_EQ((*kinds)[1].subscribe, (SubscribeOptions{.interval_ms = 250, .min_change = 0.001}));
}

TEST(MixTest, AMistakeIsNamedWithWhatWouldBeRight) {
  EXPECT_THAT(ErrorOf("quick=1"), HasSubstr("kinds are fast, slow"));
  EXPECT_THAT(ErrorOf("fast=many"), HasSubstr("a number of connections or a percentage"));
  EXPECT_THAT(ErrorOf("fast=101%"), HasSubstr("a number of connections or a percentage"));
  EXPECT_THAT(ErrorOf("slow=1"), HasSubstr("slow:rate=2000"));
  EXPECT_THAT(ErrorOf("slow=1:rate=0"), HasSubstr("rate is 1 to"));
  EXPECT_THAT(ErrorOf("reconnecting=1"), HasSubstr("reconnecting:every=10s"));
  EXPECT_THAT(ErrorOf("reconnecting=1:every=99ms"), HasSubstr("every is a time, 100ms"));
  EXPECT_THAT(ErrorOf("fast=1:rate=5"), HasSubstr("'rate' is no key of it"));
  EXPECT_THAT(ErrorOf("fast=1:interval=60001"), HasSubstr("0 to 60000"));
  EXPECT_THAT(ErrorOf("fast=1:min-change=1.1"), HasSubstr("a fraction, 0 to 1"));
  EXPECT_THAT(ErrorOf("fast=1:priority-share=-1"), HasSubstr("a fraction, 0 to 1"));
  EXPECT_THAT(ErrorOf("fast=1:name=A"), HasSubstr("small letters"));
  EXPECT_THAT(ErrorOf("silent=1:awake=maybe"), HasSubstr("awake has no value"));
  EXPECT_THAT(ErrorOf("fast,silent"), HasSubstr("only one kind may have no size"));
  EXPECT_THAT(ErrorOf("fast=1,fast=2"), HasSubstr("that name is taken"));
  EXPECT_THAT(ErrorOf("silent=600,fast=401"), HasSubstr("1001 of 1000"));
}

TEST(MixTest, LimitsAreTriedOnTheirGoodSideToo) {
  EXPECT_EQ(Parsed("silent=600,fast=400", 1000).size(), 2U);
  EXPECT_EQ(Parsed("reconnecting=1:every=100ms", 10)[0].every_ns, 100'000'000U);
  EXPECT_EQ(Parsed("fast=1:interval=60000", 10)[0].subscribe.interval_ms, 60'000U);
  EXPECT_EQ(Parsed("fast=100%", 10)[0].count, 10U);
}

TEST(MixTest, EveryKindHasItsCountAndIsSpreadEvenly) {
  const Mix mix(Parsed("slow=10%:rate=1,silent=30,reconnecting=2%:every=1s", 1000));
  std::vector<std::uint32_t> counts(mix.size());
  for (std::uint32_t connection = 0; connection < 1000; ++connection) {
    ++counts[mix.kind(connection)];
    // At no point is a kind further than one from its share.
    for (std::size_t k = 0; k < mix.size(); ++k) {
      const double share = (connection + 1.0) * mix.kinds()[k].count / 1000;
      ASSERT_NEAR(counts[k], share, 1.0 + 1e-9) << connection << " " << mix.kinds()[k].name;
    }
  }
  for (std::size_t k = 0; k < mix.size(); ++k) EXPECT_EQ(counts[k], mix.kinds()[k].count);
}

TEST(MixTest, PromptKindsMayBeWaitedFor) {
  const std::vector<Kind> kinds =
      Parsed("fast=1,slow=1:rate=1,silent=1,no-pong=1,reconnecting=6:every=1s", 10);
  const bool prompt[] = {true, false, false, true, false};
  const bool small[] = {false, true, true, false, false};
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    EXPECT_EQ(kinds[k].prompt(), prompt[k]) << kinds[k].name;
    EXPECT_EQ(kinds[k].small_buffer(), small[k]) << kinds[k].name;
  }
}

TEST(MixTest, ThePriorityShareIsMetAtEveryLength) {
  for (const double share : {0.0, 0.1, 0.25, 1.0}) {
    std::uint64_t chosen = 0;
    for (std::uint64_t number = 0; number < 1000; ++number) {
      chosen += IsPriority(number, share) ? 1 : 0;
      ASSERT_NEAR(static_cast<double>(chosen), share * static_cast<double>(number + 1), 1.0);
    }
    EXPECT_EQ(chosen, static_cast<std::uint64_t>(share * 1000));
  }
}

}  // namespace
}  // namespace tickcast::loadgen
