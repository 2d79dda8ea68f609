// Log: the server's log, on standard error, one line per message.
//
// A message has a reason, a fixed word such as "feed_gap", and of one reason at most one line a
// second is written; how many were left out is told by the reason's next line. So a client or feed
// that misbehaves fast cannot fill the disk. spdlog writes on a thread of its own and drops its
// oldest lines when the reader of standard error stalls: no caller waits for a terminal.
// Threading: any thread. It takes a lock, so nothing on the path of a frame may call it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tickcast::engine {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kNone };

enum class LogFormat : std::uint8_t {
  kText,  // 2026-01-02T03:04:05.678Z warn feed_gap: kucoin BTC-USDT lost 3 (12 like this left out)
  kJson,  // {"time":"2026-…Z","level":"warn","reason":"feed_gap","message":"…","suppressed":12}
};

// "trace" … "none", as `log.level` spells it.
std::string_view LogLevelName(LogLevel level);

struct LogLine {
  LogLevel level = LogLevel::kInfo;
  std::string_view reason;
  std::string_view message;
  std::uint64_t suppressed = 0;  // Lines of this reason left out since the last written one.
  std::int64_t unix_ms = 0;
};

// The line's text without a newline. Control characters in the message are escaped in both formats:
// what a peer sent cannot forge a line.
std::string FormatLogLine(const LogLine& line, LogFormat format);

// One log. Tests make their own; the program has Log().
class Logger {
 public:
  struct Options {
    LogLevel level = LogLevel::kInfo;  // What is below is dropped, uncounted.
    LogFormat format = LogFormat::kText;
    // Takes a finished line (no newline). Called under the log's lock. Empty: standard error.
    std::function<void(std::string_view line)> sink = {};
    // Unix time in ms. Empty: the system's.
    std::function<std::int64_t()> clock = {};
  };

  explicit Logger(Options options);
  ~Logger();  // Everything accepted has been written.
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  // `reason` is short and of a small set: the log remembers every one it has seen.
  void Write(LogLevel level, std::string_view reason, std::string_view message);

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

// Sets level and format of the program's log. Before the first StartLog(), and after StopLog(), it
// is at `info` in text and writes on the caller's thread.
void StartLog(LogLevel level, LogFormat format);

// Waits until what was logged is written. Before the program ends.
void StopLog();

// Writes to the program's log.
void Log(LogLevel level, std::string_view reason, std::string_view message);

}  // namespace tickcast::engine
