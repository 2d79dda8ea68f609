#include "engine/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace tickcast::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kNow = 1'767'323'045'678;  // 2026-01-02T03:04:05.678Z

// A log whose time stands where the test puts it.
class LoggerTest : public testing::Test {
 protected:
  Logger Make(LogLevel level = LogLevel::kTrace, LogFormat format = LogFormat::kText) {
    return Logger({.level = level,
                   .format = format,
                   .sink = [this](std::string_view line) { lines_.emplace_back(line); },
                   .clock = [this] { return now_ms_; }});
  }

  std::int64_t now_ms_ = kNow;
  std::vector<std::string> lines_;
};

TEST_F(LoggerTest, ALineHasTimeLevelReasonAndMessage) {
  Logger log = Make();
  log.Write(LogLevel::kWarn, "feed_gap", "kucoin BTC-USDT lost 3");
  EXPECT_THAT(lines_,
              ElementsAre("2026-01-02T03:04:05.678Z warn feed_gap: kucoin BTC-USDT lost 3"));
}

TEST_F(LoggerTest, OfOneReasonOneLineASecondIsWrittenAndTheRestCounted) {
  Logger log = Make();
  log.Write(LogLevel::kWarn, "gap", "a");
  log.Write(LogLevel::kWarn, "gap", "b");
  now_ms_ += 999;
  log.Write(LogLevel::kWarn, "gap", "c");
  EXPECT_THAT(lines_, SizeIs(1));
  now_ms_ += 1;
  log.Write(LogLevel::kWarn, "gap", "d");
  now_ms_ += 1'000;
  log.Write(LogLevel::kWarn, "gap", "e");
  EXPECT_THAT(lines_, ElementsAre("2026-01-02T03:04:05.678Z warn gap: a",
                                  "2026-01-02T03:04:06.678Z warn gap: d (2 like this left out)",
                                  "2026-01-02T03:04:07.678Z warn gap: e"));
}

TEST_F(LoggerTest, ReasonsAreLimitedApart) {
  Logger log = Make();
  for (int i = 0; i < 3; ++i) {
    log.Write(LogLevel::kWarn, "gap", "x");
    log.Write(LogLevel::kError, "feed_end", "x");
  }
  EXPECT_THAT(lines_, SizeIs(2));
}

TEST_F(LoggerTest, AClockThatIsSetBackSilencesNothing) {
  Logger log = Make();
  log.Write(LogLevel::kWarn, "gap", "a");
  now_ms_ -= 3'600'000;
  log.Write(LogLevel::kWarn, "gap", "b");
  EXPECT_THAT(lines_, SizeIs(2));
}

TEST_F(LoggerTest, WhatIsBelowTheLevelIsNeitherWrittenNorCounted) {
  Logger log = Make(LogLevel::kWarn);
  log.Write(LogLevel::kInfo, "gap", "a");
  log.Write(LogLevel::kWarn, "gap", "b");
  now_ms_ += 1'000;
  log.Write(LogLevel::kError, "gap", "c");
  EXPECT_THAT(lines_, ElementsAre("2026-01-02T03:04:05.678Z warn gap: b",
                                  "2026-01-02T03:04:06.678Z error gap: c"));

  lines_.clear();
  Logger none = Make(LogLevel::kNone);
  none.Write(LogLevel::kError, "gap", "a");
  none.Write(LogLevel::kNone, "gap", "a");
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(LoggerTest, JsonLinesCarryTheSameAsMembers) {
  Logger log = Make(LogLevel::kInfo, LogFormat::kJson);
  log.Write(LogLevel::kInfo, "a", "say \"x\" \\ {}");
  log.Write(LogLevel::kInfo, "a", "left out");
  now_ms_ += 1'000;
  log.Write(LogLevel::kInfo, "a", "y");
  EXPECT_THAT(lines_,
              ElementsAre(R"({"time":"2026-01-02T03:04:05.678Z","level":"info","reason":"a",)"
                          R"("message":"say \"x\" \\ {}"})",
                          R"({"time":"2026-01-02T03:04:06.678Z","level":"info","reason":"a",)"
                          R"("message":"y","suppressed":1})"));
}

// What a peer sent ends up in messages: it must not be able to write a line of its own.
TEST_F(LoggerTest, MessagesCannotForgeALineOrBreakItsEncoding) {
  EXPECT_EQ(
      FormatLogLine({.reason = "r", .message = "a\nb\x1b[31m\x7f", .unix_ms = 0}, LogFormat::kText),
      "1970-01-01T00:00:00.000Z info r: a\\u000ab\\u001b[31m\\u007f");
  EXPECT_EQ(FormatLogLine(
                {.reason = "r", .message = "\xff\xc0\x80 \xe2\x82\xac \xed\xa0\x80", .unix_ms = 0},
                LogFormat::kText),
            "1970-01-01T00:00:00.000Z info r: \\xff\\xc0\\x80 \xe2\x82\xac \\xed\\xa0\\x80");
  EXPECT_EQ(FormatLogLine({.reason = "r", .message = "\xe2\x82", .unix_ms = 0}, LogFormat::kJson),
            R"({"time":"1970-01-01T00:00:00.000Z","level":"info","reason":"r",)"
            R"("message":"\\xe2\\x82"})");
}

TEST_F(LoggerTest, ReasonsThatNeverEndShareOne) {
  Logger log = Make();
  for (int i = 0; i < 3'000; ++i) log.Write(LogLevel::kInfo, "r" + std::to_string(i), "x");
  EXPECT_THAT(lines_, SizeIs(1'025));
  EXPECT_THAT(lines_.back(), testing::HasSubstr(" other: x"));
}

TEST_F(LoggerTest, ThreadsMayWriteAtOnce) {
  Logger log = Make();
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < kLines; ++i) {
        log.Write(LogLevel::kInfo, "t" + std::to_string(t) + "_" + std::to_string(i % 100), "x");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(lines_, SizeIs(kThreads * 100));
}

TEST(ProgramLogTest, WritesToStandardErrorAndStopLogWaitsForIt) {
  testing::internal::CaptureStderr();
  Log(LogLevel::kInfo, "before", "{} %s");
  Log(LogLevel::kDebug, "before", "too little");
  StartLog(LogLevel::kDebug, LogFormat::kText);
  for (int i = 0; i < 500; ++i) Log(LogLevel::kDebug, "r" + std::to_string(i), "{} %s");
  StopLog();
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 501);
  EXPECT_THAT(text, testing::HasSubstr(" info before: {} %s\n"));
  EXPECT_THAT(text, testing::EndsWith(" debug r499: {} %s\n"));
}

}  // namespace
}  // namespace tickcast::engine
