#include "shards/parked.h"

#include <gtest/gtest.h>

namespace tickcast::shards {
namespace {

TEST(ParkedTest, FramesComeBackInTheOrderTheyWereSent) {
  Parked parked;
  EXPECT_FALSE(parked.Holds(3));
  parked.Park(3, "first\nsecond");
  EXPECT_TRUE(parked.Holds(3));
  EXPECT_EQ(parked.Append(3, "third"), 17u);
  EXPECT_EQ(parked.Append(3, "fourth"), 23u);
  EXPECT_EQ(parked.Take(3), "first\nsecond");
  // Its second command waits again: what is left of the frame goes before what came later.
  parked.Park(3, "second");
  EXPECT_EQ(parked.Append(3, "5"), 18u);
  EXPECT_EQ(parked.Take(3), "second");
  EXPECT_EQ(parked.Take(3), "third");
  EXPECT_EQ(parked.Take(3), "fourth");
  EXPECT_EQ(parked.Take(3), "5");
  EXPECT_TRUE(parked.Holds(3));
  EXPECT_EQ(parked.Take(3), std::nullopt);
  EXPECT_FALSE(parked.Holds(3));
}

TEST(ParkedTest, ConnectionsDoNotWaitForEachOther) {
  Parked parked;
  parked.Park(1, "a");
  EXPECT_FALSE(parked.Holds(2));
  parked.Park(2, "b");
  parked.Drop(1);
  EXPECT_FALSE(parked.Holds(1));
  parked.Drop(1);
  EXPECT_EQ(parked.Take(2), "b");
}

TEST(ParkedDeathTest, NothingIsAppendedWhereNothingWaits) {
  Parked parked;
  EXPECT_DEATH(parked.Append(1, "a"), "only behind a command that waits");
}

}  // namespace
}  // namespace tickcast::shards
