#include "protocol/exchange/exchange_time.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace tickcast::protocol {
namespace {

TEST(ExchangeTimeTest, TheMagnitudeOfAnIntegerTellsItsUnit) {
  EXPECT_EQ(TimeFromInteger(1'704'873'323'416)->ms, 1'704'873'323'416);
  EXPECT_FALSE(TimeFromInteger(1'704'873'323'416)->ns);
  EXPECT_EQ(TimeFromInteger(1'704'873'323'416'789)->ms, 1'704'873'323'416);
  EXPECT_EQ(TimeFromInteger(1'704'873'323'416'789)->ns, 1'704'873'323'416'789'000);
  EXPECT_EQ(TimeFromInteger(1'704'873'323'416'789'012)->ms, 1'704'873'323'416);
  EXPECT_EQ(TimeFromInteger(1'704'873'323'416'789'012)->ns, 1'704'873'323'416'789'012);
}

TEST(ExchangeTimeTest, RefusesIntegersBeyondInt64) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  EXPECT_TRUE(TimeFromInteger(kMax));
  EXPECT_FALSE(TimeFromInteger(kMax + 1));
  EXPECT_TRUE(TimeFromInteger(9'223'372'036'854'775));  // As microseconds: the last that fits.
  EXPECT_FALSE(TimeFromInteger(9'223'372'036'854'776));
}

// Expected values by date(1).
TEST(ExchangeTimeTest, ReadsRfc3339) {
  EXPECT_EQ(TimeFromRfc3339("2021-04-17T16:43:30.244075Z")->ms, 1'618'677'810'244);
  EXPECT_EQ(TimeFromRfc3339("2021-04-17T16:43:30.244075Z")->ns, 1'618'677'810'244'075'000);
  EXPECT_EQ(TimeFromRfc3339("2021-04-17T16:43:30Z")->ms, 1'618'677'810'000);
  EXPECT_FALSE(TimeFromRfc3339("2021-04-17T16:43:30.244Z")->ns);
  EXPECT_EQ(TimeFromRfc3339("2021-04-17T18:43:30.5+02:00")->ms, 1'618'677'810'500);
  EXPECT_EQ(TimeFromRfc3339("2021-04-17T11:13:30.5-05:30")->ms, 1'618'677'810'500);
  EXPECT_EQ(TimeFromRfc3339("1970-01-01T00:00:00Z")->ms, 0);
  EXPECT_EQ(TimeFromRfc3339("2000-02-29T23:59:59Z")->ms, 951'868'799'000);
  EXPECT_EQ(TimeFromRfc3339("2000-03-01T00:00:00Z")->ms, 951'868'800'000);
  EXPECT_EQ(TimeFromRfc3339("2024-12-31T23:59:59.999999999Z")->ns, 1'735'689'599'999'999'999);
}

TEST(ExchangeTimeTest, RefusesWhatIsNoTime) {
  for (const char* const text : {"",
                                 "2021-04-17",
                                 "2021-04-17T16:43Z",
                                 "2021-04-17 16:43:30Z",
                                 "2021-04-17T16:43:30",
                                 "2021-02-29T00:00:00Z",
                                 "2021-13-01T00:00:00Z",
                                 "2021-00-01T00:00:00Z",
                                 "2021-04-31T00:00:00Z",
                                 "2021-04-17T24:00:00Z",
                                 "2021-04-17T16:60:30Z",
                                 "2021-04-17T16:43:60Z",
                                 "2021-04-17T16:43:30.Z",
                                 "2021-04-17T16:43:30.1234567890Z",
                                 "1969-12-31T23:59:59Z",
                                 "2262-01-01T00:00:00Z",
                                 "2021-04-17T16:43:30Zx",
                                 "1970-01-01T00:00:00+00:01",
                                 "2021-04-17T16:43:30+0200",
                                 "-021-04-17T16:43:30Z"}) {
    EXPECT_FALSE(TimeFromRfc3339(text)) << text;
  }
}

TEST(ExchangeTimeTest, RefusesATimeThatWasCut) {
  const std::string whole = "2021-04-17T16:43:30.244075+02:00";
  ASSERT_TRUE(TimeFromRfc3339(whole));
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    EXPECT_FALSE(TimeFromRfc3339(whole.substr(0, cut))) << cut;
  }
}

}  // namespace
}  // namespace tickcast::protocol
