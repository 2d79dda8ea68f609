#include "tools/loadgen/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/loadgen/stamp.h"

namespace tickcast::loadgen {
namespace {

using testing::HasSubstr;

std::string ErrorOf(std::vector<std::string> arguments) {
  const absl::StatusOr<Options> options = ParseOptions(arguments);
  EXPECT_TRUE(absl::IsInvalidArgument(options.status())) << options.status();
  return std::string(options.status().message());
}

TEST(OptionsTest, TheServerAloneIsEnough) {
  const absl::StatusOr<Options> options = ParseOptions({"127.0.0.1:8000"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->mode, Mode::kFanout);
  EXPECT_EQ(options->host, "127.0.0.1");
  EXPECT_EQ(options->port, 8000);
  EXPECT_EQ(options->topology.connections, 1000U);
  EXPECT_EQ(options->payload_bytes, 128U);
  EXPECT_EQ(options->rate, 0);
}

TEST(OptionsTest, ValuesFollowASpaceOrAnEqualsSign) {
  const absl::StatusOr<Options> options = ParseOptions(
      {"churn", "localhost:1", "--connections", "20", "--spread=zipf:1.5", "--lockstep",
       "--duration=250ms", "--expect", "p99<5ms", "--channel-prefix=a=b:"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->mode, Mode::kChurn);
  EXPECT_EQ(options->host, "127.0.0.1");
  EXPECT_EQ(options->topology.connections, 20U);
  EXPECT_EQ(options->topology.spread, Spread::kZipf);
  EXPECT_EQ(options->topology.zipf_exponent, 1.5);
  EXPECT_EQ(options->topology.channel_prefix, "a=b:");
  EXPECT_TRUE(options->lockstep);
  EXPECT_EQ(options->duration_ns, 250e6);
  EXPECT_EQ(options->expectations.size(), 1U);
}

TEST(OptionsTest, AMistakeIsNamedWithItsOption) {
  EXPECT_THAT(ErrorOf({}), HasSubstr("ADDRESS:PORT of the server is missing"));
  EXPECT_THAT(ErrorOf({"somewhere"}), HasSubstr("'somewhere' is no ADDRESS:PORT"));
  EXPECT_THAT(ErrorOf({"127.0.0.1:0"}), HasSubstr("no ADDRESS:PORT"));
  EXPECT_THAT(ErrorOf({"127.0.0.1:65536"}), HasSubstr("no ADDRESS:PORT"));
  EXPECT_THAT(ErrorOf({"h:1", "--conections=1"}), HasSubstr("--conections is no option"));
  EXPECT_THAT(ErrorOf({"h:1", "--connections"}), HasSubstr("--connections needs a value"));
  EXPECT_THAT(ErrorOf({"h:1", "--connections=ten"}),
              HasSubstr("--connections: 'ten' is not a whole number from 1 to 1000000"));
  EXPECT_THAT(ErrorOf({"h:1", "--connections=0"}),
              HasSubstr("--connections: '0' is not a whole number from 1"));
  EXPECT_THAT(ErrorOf({"h:1", "--lockstep=yes"}), HasSubstr("--lockstep takes no value"));
  EXPECT_THAT(ErrorOf({"h:1", "--spread=sideways"}), HasSubstr("--spread: 'sideways'"));
  EXPECT_THAT(ErrorOf({"h:1", "--rate=-1"}), HasSubstr("--rate: '-1'"));
  EXPECT_THAT(ErrorOf({"h:1", "--path=websocket"}),
              HasSubstr("--path: 'websocket' is not a path, which begins with '/'"));
  EXPECT_THAT(ErrorOf({"h:1", "--window=0"}), HasSubstr("--window"));
}

TEST(OptionsTest, LimitsAreTriedOnBothSides) {
  EXPECT_TRUE(ParseOptions({"h:65535", "--channels=5", "--subscriptions=5"}).ok());
  EXPECT_THAT(ErrorOf({"h:1", "--channels=5", "--subscriptions=6"}), HasSubstr("6 of 5 channels"));
  const std::string smallest = std::to_string(kMinPayloadBytes);
  const std::string too_small = std::to_string(kMinPayloadBytes - 1);
  EXPECT_TRUE(ParseOptions({"h:1", "--payload", smallest}).ok());
  EXPECT_THAT(ErrorOf({"h:1", "--payload", too_small}),
              HasSubstr("--payload: '" + too_small + "' is not a whole number from 60"));
}

TEST(OptionsTest, KeysAreOfAFeedOrOfAPrefixThatHasThem) {
  const absl::StatusOr<Options> scrolling =
      ParseOptions({"h:1", "--feed", "--address=track", "--subscriptions=30", "--scroll-every=5s",
                    "--scroll-keys=30"});
  ASSERT_TRUE(scrolling.ok()) << scrolling.status();
  EXPECT_EQ(scrolling->address, Address::kTrack);
  EXPECT_EQ(scrolling->scroll_every_ns, 5e9);
  EXPECT_EQ(scrolling->scroll_keys, 30U);
  EXPECT_TRUE(ParseOptions({"h:1", "--address=track", "--channel-prefix=ticker:a."}).ok());
  EXPECT_THAT(ErrorOf({"h:1", "--address=track"}), HasSubstr("--channel-prefix"));
  EXPECT_THAT(ErrorOf({"h:1", "--address=list"}), HasSubstr("stream, track or map"));
  const absl::StatusOr<Options> map = ParseOptions({"h:1", "--feed", "--address=map"});
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_EQ(map->topology.subscriptions, 1000U);  // All there are.
  EXPECT_THAT(ErrorOf({"churn", "h:1", "--address=track"}), HasSubstr("--address"));
  EXPECT_THAT(ErrorOf({"h:1", "--feed", "--address=track", "--protobuf"}),
              HasSubstr("--address track and map: in plain JSON"));
}

TEST(OptionsTest, ScrollingNeedsKeysAndOthersInTheirPlace) {
  const auto with = [](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"h:1", "--feed", "--address=track", "--channels=60"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  EXPECT_TRUE(
      ParseOptions(with({"--subscriptions=30", "--scroll-every=100ms", "--scroll-keys=30"})).ok());
  EXPECT_THAT(ErrorOf(with({"--subscriptions=31", "--scroll-every=1", "--scroll-keys=30"})),
              HasSubstr("--scroll-keys: 30 of 31 keys by others of 60"));
  EXPECT_THAT(ErrorOf(with({"--subscriptions=29", "--scroll-every=1", "--scroll-keys=30"})),
              HasSubstr("--scroll-keys"));
  EXPECT_THAT(ErrorOf(with({"--scroll-every=99ms"})), HasSubstr("at least 100ms"));
  EXPECT_THAT(ErrorOf(with({"--scroll-keys=1"})), HasSubstr("--scroll-every"));
  EXPECT_THAT(ErrorOf({"h:1", "--feed", "--scroll-every=1"}), HasSubstr("only --address track"));
  EXPECT_THAT(ErrorOf({"h:1", "--address=track", "--channel-prefix=ticker:a.", "--channels=60",
                       "--scroll-every=1"}),
              HasSubstr("what scrolls is a feed"));
}

TEST(OptionsTest, EveryNumberHasItsRange) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"--connections=1000001", "1 to 1000000"},
      {"--channels=0", "1 to 1000000"},
      {"--subscriptions=10001", "0 to 10000"},
      {"--interval=60001", "0 to 60000"},
      {"--min-change=1.01", "a number from 0 to 1"},
      {"--priority-share=nan", "a number from 0 to 1"},
      {"--publishers=0", "1 to 1000"},
      {"--window=0", "1 to 1000000"},
      {"--payload=60001", "60 to 60000"},
      {"--duration=32000000", "a time up to 31 days"},
      {"--warmup=-1", "a time up to 31 days"},
      {"--connect-rate=-1", "a number from 0 to 1000000"},
      {"--connecting=0", "1 to 100000"},
      {"--sources=60001", "0 to 60000"},
      {"--rings=1001", "0 to 1000"},
      {"--server-pid=0", "1 to"},
      {"--pin=1024", "0 to 1023"},
      {"--spread=zipf:11", "an exponent from 0 to 10"},
      {"--storm=later", "as 10s or 10s:rate=3000"},
      {"--storm=1s:rate=0", "as 10s or 10s:rate=3000"},
      {"--expect=p99", "comparisons like"},
  };
  for (const auto& [option, right] : wrong) {
    const std::string name = option.substr(0, option.find('='));
    EXPECT_THAT(ErrorOf({"h:1", option}), testing::AllOf(HasSubstr(name), HasSubstr(right)));
  }
}

TEST(OptionsTest, AFeedHasAThousandChannelsUnlessItIsTold) {
  EXPECT_EQ(ParseOptions({"h:1", "--feed"})->topology.channels, 1000U);
  EXPECT_EQ(ParseOptions({"h:1", "--feed", "--channels=600"})->topology.channels, 600U);
  EXPECT_EQ(ParseOptions({"h:1", "--feed"})->exchange, "sim");
  EXPECT_THAT(ErrorOf({"churn", "h:1", "--feed"}), HasSubstr("--feed"));
}

TEST(OptionsTest, TheMixTakesOverTheSubscribesOptions) {
  const absl::StatusOr<Options> options = ParseOptions(
      {"h:1", "--interval=250", "--min-change=0.001", "--mix=slow=10%:rate=2000,fast"});
  ASSERT_TRUE(options.ok()) << options.status();
  ASSERT_EQ(options->kinds.size(), 2U);
  EXPECT_EQ(options->kinds[0].count, 100U);
  EXPECT_EQ(options->kinds[0].subscribe.interval_ms, 250U);
  EXPECT_EQ(options->kinds[1].subscribe.min_change, 0.001);
  EXPECT_THAT(ErrorOf({"h:1", "--mix=slow"}), HasSubstr("--mix: 'slow'"));
  EXPECT_THAT(ErrorOf({"churn", "h:1", "--mix=fast"}), HasSubstr("--mix"));
}

TEST(OptionsTest, AStormComesBeforeTheEnd) {
  const absl::StatusOr<Options> options =
      ParseOptions({"h:1", "--duration=60s", "--storm=20s:rate=5000"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->storm_at_ns, 20'000'000'000);
  EXPECT_EQ(options->storm_rate, 5000);
  EXPECT_THAT(ErrorOf({"h:1", "--duration=10s", "--storm=10s"}), HasSubstr("--storm: before"));
  EXPECT_TRUE(ParseOptions({"h:1", "--duration=0", "--storm=10s"}).ok());
}

TEST(OptionsTest, HelpListsEveryOption) {
  EXPECT_TRUE(absl::IsCancelled(ParseOptions({"--help"}).status()));
  EXPECT_THAT(Usage(), HasSubstr("--server-pid PID"));
  EXPECT_THAT(Usage(), HasSubstr("--expect LIST"));
}

}  // namespace
}  // namespace tickcast::loadgen
