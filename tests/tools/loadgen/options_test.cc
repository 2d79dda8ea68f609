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

TEST(OptionsTest, HelpListsEveryOption) {
  EXPECT_TRUE(absl::IsCancelled(ParseOptions({"--help"}).status()));
  EXPECT_THAT(Usage(), HasSubstr("--server-pid PID"));
  EXPECT_THAT(Usage(), HasSubstr("--expect LIST"));
}

}  // namespace
}  // namespace tickcast::loadgen
