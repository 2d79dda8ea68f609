#include "tools/loadgen/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tickcast::loadgen {
namespace {

using testing::HasSubstr;

Command Parsed(const std::string& line, double rate = 0) {
  const absl::StatusOr<Command> command = ParseCommand(line, rate);
  EXPECT_TRUE(command.ok()) << command.status();
  return command.value_or(Command{});
}

TEST(CommandTest, ARunHasUpToThreeNumbers) {
  const Command whole = Parsed("run 2 0.5 1500");
  EXPECT_EQ(whole.kind, Command::Kind::kRun);
  EXPECT_EQ(whole.phase.duration_ns, 2'000'000'000U);
  EXPECT_EQ(whole.phase.warmup_ns, 500'000'000U);
  EXPECT_EQ(whole.phase.rate, 1500);
  EXPECT_LT(whole.phase.storm_at_ns, 0);
  const Command shortest = Parsed("run 1.5", 77);
  EXPECT_EQ(shortest.phase.duration_ns, 1'500'000'000U);
  EXPECT_EQ(shortest.phase.warmup_ns, 0U);
  EXPECT_EQ(shortest.phase.rate, 77);
}

TEST(CommandTest, ARunMayHaveAStorm) {
  const Command paced = Parsed("run 60 5 storm=10s:rate=3000");
  EXPECT_EQ(paced.phase.storm_at_ns, 10'000'000'000);
  EXPECT_EQ(paced.phase.storm_rate, 3000);
  EXPECT_FALSE(paced.phase.until_back);
  EXPECT_EQ(Parsed("run 60 storm=0").phase.storm_at_ns, 0);
}

TEST(CommandTest, ACutIsAStormAtOnceUntilAllAreBack) {
  const Command cut = Parsed("cut", 9);
  EXPECT_EQ(cut.kind, Command::Kind::kRun);
  EXPECT_EQ(cut.phase.storm_at_ns, 0);
  EXPECT_EQ(cut.phase.storm_rate, 0);
  EXPECT_EQ(cut.phase.rate, 9);
  EXPECT_TRUE(cut.phase.until_back);
  EXPECT_EQ(cut.phase.duration_ns, 120'000'000'000U);
  EXPECT_EQ(Parsed("cut 3000 30").phase.duration_ns, 30'000'000'000U);
  EXPECT_EQ(Parsed("cut 3000 30").phase.storm_rate, 3000);
}

TEST(CommandTest, TheOthers) {
  EXPECT_EQ(Parsed("quit").kind, Command::Kind::kQuit);
  EXPECT_EQ(Parsed("finish").kind, Command::Kind::kFinish);
  EXPECT_EQ(Parsed("silence 1000").kind, Command::Kind::kSilence);
  EXPECT_EQ(Parsed("silence 1000").clients, 1000U);
  EXPECT_EQ(Parsed("scroll 30").kind, Command::Kind::kScroll);
  EXPECT_EQ(Parsed("scroll 30").keys, 30U);
}

TEST(CommandTest, AnythingElseIsAnsweredWithWhatThereIs) {
  for (const char* line : {"",
                           "run",
                           "run fast",
                           "run 1 2 3 4",
                           "run -1",
                           "run nan",
                           "run 1 storm=",
                           "run storm=1",
                           "run 1 storm=1:rate=0",
                           "run 1 storm=1:pace=5",
                           "cut 1 2 3",
                           "cut x",
                           "cut 1 0",
                           "silence",
                           "silence -1",
                           "silence 1 2",
                           "quit now",
                           "finish 3",
                           "runs 1",
                           "run 99999999"}) {
    const absl::StatusOr<Command> command = ParseCommand(line, 0);
    EXPECT_TRUE(absl::IsInvalidArgument(command.status())) << line;
    EXPECT_THAT(std::string(command.status().message()), HasSubstr("run SECONDS")) << line;
  }
}

}  // namespace
}  // namespace tickcast::loadgen
