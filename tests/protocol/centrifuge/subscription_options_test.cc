#include "protocol/centrifuge/subscription_options.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/centrifuge/command.h"
#include "protocol/json/payload.h"

namespace tickcast::protocol {
namespace {

using testing::IsEmpty;
using testing::StartsWith;

constexpr std::string_view kBadInterval =
    "bad request: interval_ms must be a whole number from 0 to 60000";
constexpr std::string_view kBadMinChange =
    "bad request: min_change must be a number from 0 to less than 1";
constexpr std::string_view kBadPriority = "bad request: priority must be true or false";

class SubscriptionOptionsTest : public testing::Test {
 protected:
  // In a block of exactly its size, so that the address sanitizer sees a byte read too far.
  std::string_view Parse(std::string_view data) {
    const auto block = std::make_unique<char[]>(data.size());
    data.copy(block.get(), data.size());
    return parser_.Parse({block.get(), data.size()}, options_);
  }
  std::string_view ParseRequest(std::string_view data) {
    const auto block = std::make_unique<char[]>(data.size());
    data.copy(block.get(), data.size());
    return parser_.ParseRequest({block.get(), data.size()}, request_);
  }

  SubscriptionOptionsParser parser_;
  SubscriptionOptions options_;
  OptionsRequest request_;
};

std::string Granted(std::uint32_t interval_ms, double min_change, bool priority) {
  std::string out;
  AppendGrantedOptions(interval_ms, min_change, priority, out);
  return out;
}

TEST_F(SubscriptionOptionsTest, AreReadFromAnObject) {
  EXPECT_THAT(Parse(R"({"interval_ms":250,"min_change":0.001,"priority":true})"), IsEmpty());
  EXPECT_EQ(options_, (SubscriptionOptions{.has_interval = true,
                                           .has_min_change = true,
                                           .has_priority = true,
                                           .interval_ms = 250,
                                           .min_change = 0.001,
                                           .priority = true}));
}

// A value of 0 or false is asked for, which differs from nothing asked for: the namespace's default
// interval then does not hold.
TEST_F(SubscriptionOptionsTest, TellZeroFromAbsent) {
  EXPECT_THAT(Parse(R"({"interval_ms":0})"), IsEmpty());
  EXPECT_EQ(options_, SubscriptionOptions{.has_interval = true});
  EXPECT_THAT(Parse(R"({"min_change":0})"), IsEmpty());
  EXPECT_EQ(options_, SubscriptionOptions{.has_min_change = true});
  EXPECT_THAT(Parse(R"({"priority":false})"), IsEmpty());
  EXPECT_EQ(options_, SubscriptionOptions{.has_priority = true});
}

TEST_F(SubscriptionOptionsTest, WhatIsNotOursIsLeftAlone) {
  for (const char* data :
       {"", "{}", "null", "true", "5", "\"interval_ms\"", "[]", R"([{"interval_ms":-1}])",
        R"({"user":{"interval_ms":-1}})", R"({"Interval_ms":"x","interval":[],"min_change ":7})",
        R"({"interval_ms":null,"min_change":null,"priority":null})"}) {
    options_.has_interval = true;
    EXPECT_THAT(Parse(data), IsEmpty()) << data;
    EXPECT_EQ(options_, SubscriptionOptions()) << data;
  }
}

TEST_F(SubscriptionOptionsTest, RangesAreTakenOnBothSides) {
  for (const auto& [text, value] :
       {std::pair{"0", 0u}, {"1", 1u}, {"59999", 59'999u}, {"60000", 60'000u}}) {
    EXPECT_THAT(Parse(std::string(R"({"interval_ms":)") + text + "}"), IsEmpty()) << text;
    EXPECT_EQ(options_.interval_ms, value);
  }
  for (const char* bad : {"60001", "-1", "4294967296", "18446744073709551616", "1.0", "1e2",
                          "\"250\"", "true", "[]", "{}"}) {
    EXPECT_EQ(Parse(std::string(R"({"interval_ms":)") + bad + "}"), kBadInterval) << bad;
  }
  for (const auto& [text, value] : {std::pair{"0", 0.0},
                                    {"0.5", 0.5},
                                    {"1e-3", 0.001},
                                    {"0.0010", 0.001},
                                    {"-0.0", 0.0},
                                    {"0.9999999999999999", 0.9999999999999999},
                                    {"5e-324", 5e-324},
                                    {"1e-400", 0.0}}) {
    EXPECT_THAT(Parse(std::string(R"({"min_change":)") + text + "}"), IsEmpty()) << text;
    EXPECT_EQ(options_.min_change, value) << text;
  }
  // The last has so many digits that simdjson 3.0 reads it as 0.0777.
  for (const char* bad : {"1", "1.0", "-0.001", "1e400", "-1e400", "\"0.1\"", "true", "[0]", "{}",
                          "1.99999999999999999999", "0.99999999999999999999"}) {
    EXPECT_EQ(Parse(std::string(R"({"min_change":)") + bad + "}"), kBadMinChange) << bad;
  }
  for (const char* bad : {"0", "1", "\"true\"", "[]", "{}"}) {
    EXPECT_EQ(Parse(std::string(R"({"priority":)") + bad + "}"), kBadPriority) << bad;
  }
}

// Digits beyond what a double holds change the last bit at most.
TEST_F(SubscriptionOptionsTest, LongNumbersAreReadToTheirEnd) {
  EXPECT_THAT(Parse(R"({"min_change":0.10000000000000000000000000000000000001})"), IsEmpty());
  EXPECT_EQ(options_.min_change, 0.1);
}

TEST_F(SubscriptionOptionsTest, TheLastOfARepeatedMemberCounts) {
  EXPECT_THAT(Parse(R"({"interval_ms":5,"priority":true,"interval_ms":7})"), IsEmpty());
  EXPECT_EQ(options_.interval_ms, 7u);
  EXPECT_THAT(Parse(R"({"interval_ms":5,"interval_ms":null})"), IsEmpty());
  EXPECT_EQ(options_.interval_ms, 5u);
  EXPECT_EQ(Parse(R"({"interval_ms":"5","interval_ms":7})"), kBadInterval);
}

TEST_F(SubscriptionOptionsTest, NamesMayBeEscaped) {
  EXPECT_THAT(Parse(R"({"interv\u0061l_ms":9})"), IsEmpty());
  EXPECT_EQ(options_.interval_ms, 9u);
}

// Half of a request must not take effect.
TEST_F(SubscriptionOptionsTest, AMistakeLeavesNothingAskedFor) {
  EXPECT_EQ(Parse(R"({"priority":true,"interval_ms":250,"min_change":2})"), kBadMinChange);
  EXPECT_EQ(options_, SubscriptionOptions());
  EXPECT_EQ(ParseRequest(R"({"channel":"a","priority":true,"interval_ms":-250})"), kBadInterval);
  EXPECT_EQ(request_.options, SubscriptionOptions());
  EXPECT_THAT(request_.channel, IsEmpty());
}

TEST_F(SubscriptionOptionsTest, OneParserServesMany) {
  const std::string long_data =
      R"({"note":")" + std::string(100'000, 'x') + R"(","interval_ms":3})";
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Parse(long_data), IsEmpty());
    EXPECT_EQ(options_.interval_ms, 3u);
    EXPECT_THAT(Parse(R"({"priority":true})"), IsEmpty());
    EXPECT_EQ(options_, (SubscriptionOptions{.has_priority = true, .priority = true}));
    EXPECT_EQ(Parse(R"({"priority":3})"), kBadPriority);
  }
}

TEST_F(SubscriptionOptionsTest, ARequestNamesItsChannel) {
  EXPECT_THAT(ParseRequest(R"({"channel":"ticker:\u0078","interval_ms":250,"other":1})"),
              IsEmpty());
  EXPECT_EQ(request_.channel, "ticker:x");
  EXPECT_EQ(request_.options, (SubscriptionOptions{.has_interval = true, .interval_ms = 250}));
  EXPECT_THAT(ParseRequest(R"({"channel":"b"})"), IsEmpty());
  EXPECT_EQ(request_.channel, "b");
  EXPECT_EQ(request_.options, SubscriptionOptions());

  for (const char* bad : {"{}", R"({"channel":""})", R"({"channel":null})", R"({"channel":5})",
                          R"({"channel":["a"]})", R"({"interval_ms":1})"}) {
    EXPECT_EQ(ParseRequest(bad), "bad request: channel must be the name of a channel") << bad;
  }
  for (const char* bad : {"", "null", "\"a\"", "[\"a\"]", "1"}) {
    EXPECT_EQ(ParseRequest(bad), "bad request: data must be an object with a channel") << bad;
  }
}

// No command has such data, but the parser's safety must not depend on who calls it.
TEST_F(SubscriptionOptionsTest, DataThatIsCutAnywhereIsTold) {
  constexpr std::string_view kWhole =
      R"({"channel":"ticker:\u00e9","interval_ms":250,"min_change":1e-3,"priority":true,"x":[{}]})";
  for (std::size_t cut = 1; cut < kWhole.size(); ++cut) {
    EXPECT_EQ(Parse(kWhole.substr(0, cut)), "bad request: data must be JSON") << cut;
    EXPECT_EQ(options_, SubscriptionOptions()) << cut;
    EXPECT_EQ(ParseRequest(kWhole.substr(0, cut)), "bad request: data must be JSON") << cut;
  }
  EXPECT_THAT(Parse(kWhole), IsEmpty());
  EXPECT_THAT(ParseRequest(kWhole), IsEmpty());
  EXPECT_EQ(request_.channel, "ticker:\u00e9");
}

// As they arrive: the data of a command is minified, so white space in it does not matter.
TEST_F(SubscriptionOptionsTest, AreReadFromACommand) {
  const std::string frame =
      R"({"id":1,"subscribe":{"channel":"c","data": { "interval_ms" : 250 , "min_change" : 0.5 }}})"
      "\n"
      R"({"id":2,"rpc":{"method":"tickcast.options","data": {"channel": "c", "priority": true}}})";
  const std::string padded = frame + std::string(kJsonPaddingBytes, ' ');
  CommandParser commands;
  commands.Begin(std::string_view(padded).substr(0, frame.size()));
  ASSERT_EQ(commands.Next(), CommandVerdict::kCommand);
  EXPECT_THAT(Parse(commands.command().subscribe.data), IsEmpty());
  EXPECT_EQ(options_.interval_ms, 250u);
  EXPECT_EQ(options_.min_change, 0.5);
  ASSERT_EQ(commands.Next(), CommandVerdict::kCommand);
  EXPECT_EQ(commands.command().rpc.method, "tickcast.options");
  EXPECT_THAT(ParseRequest(commands.command().rpc.data), IsEmpty());
  EXPECT_EQ(request_.channel, "c");
  EXPECT_TRUE(request_.options.priority);
}

TEST_F(SubscriptionOptionsTest, WhatWasGrantedIsAlwaysToldWhole) {
  EXPECT_EQ(Granted(250, 0.001, true), R"({"interval_ms":250,"min_change":0.001,"priority":true})");
  EXPECT_EQ(Granted(0, 0, false), R"({"interval_ms":0,"min_change":0,"priority":false})");
  std::string out = "before";
  AppendGrantedOptions(60'000, 0.5, false, out);
  EXPECT_THAT(out, StartsWith(R"(before{"interval_ms":60000,)"));
}

// A client that asks again for what it was granted gets the same.
TEST_F(SubscriptionOptionsTest, WhatWasGrantedReadsBackAsItself) {
  for (const double min_change : {0.0, 0.1, 1.0 / 3, 1e-5, 0.9999999999999999, 5e-324}) {
    EXPECT_THAT(Parse(Granted(60'000, min_change, true)), IsEmpty()) << min_change;
    EXPECT_EQ(options_.interval_ms, 60'000u);
    EXPECT_EQ(options_.min_change, min_change);
    EXPECT_TRUE(options_.priority);
  }
}

}  // namespace
}  // namespace tickcast::protocol
