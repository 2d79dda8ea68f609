#include "engine/log.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace tickcast::engine {
namespace {

constexpr std::int64_t kIntervalMs = 1'000;

// Lines that wait for a reader of standard error that stalls; then the oldest go.
constexpr std::size_t kQueueLines = 1'024;

// A guard against a caller that makes up reasons: beyond this they share one.
constexpr std::size_t kMaxReasons = 1'024;
constexpr std::string_view kOtherReason = "other";

std::int64_t SystemUnixMs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// RFC 3339 in UTC with milliseconds.
std::string FormatTime(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1'000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                         utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                         static_cast<int>(unix_ms % 1'000));
}

// The length of the UTF-8 sequence at `text[at]`, or 0 when there is none (RFC 3629 section 4).
std::size_t Utf8Length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) > 0x9F;
  const bool beyond = lead == 0xF4 && byte(1) > 0x8F;
  return overlong || surrogate || beyond ? 0 : length;
}

// Appends `text` so that it is one line of valid UTF-8 and, within JSON's quotes, a string.
void AppendEscaped(std::string_view text, bool json, std::string& line) {
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const std::size_t length = Utf8Length(text, at);
    const auto code = static_cast<unsigned char>(c);
    if (length == 0) {
      absl::StrAppend(&line, json ? "\\\\x" : "\\x", absl::Hex(code, absl::kZeroPad2));
    } else if (json && (c == '"' || c == '\\')) {
      line += {'\\', c};
    } else if (code < 0x20 || code == 0x7F) {
      absl::StrAppend(&line, "\\u", absl::Hex(code, absl::kZeroPad4));
    } else {
      line.append(text.substr(at, length));
    }
    at += length == 0 ? 1 : length;
  }
}

spdlog::level::level_enum SpdlogLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kNone:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

std::string_view LogLevelName(LogLevel level) {
  constexpr std::string_view kNames[] = {"trace", "debug", "info", "warn", "error", "none"};
  return kNames[static_cast<std::size_t>(level)];
}

std::string FormatLogLine(const LogLine& line, LogFormat format) {
  const bool json = format == LogFormat::kJson;
  const std::string_view level = LogLevelName(line.level);
  std::string text = json ? "{\"time\":\"" : "";
  absl::StrAppend(&text, FormatTime(line.unix_ms), json ? "\",\"level\":\"" : " ",
                  absl::string_view(level.data(), level.size()), json ? "\",\"reason\":\"" : " ");
  AppendEscaped(line.reason, json, text);
  text += json ? "\",\"message\":\"" : ": ";
  AppendEscaped(line.message, json, text);
  if (json) text += '"';
  if (line.suppressed > 0) {
    absl::StrAppend(&text, json ? ",\"suppressed\":" : " (", line.suppressed,
                    json ? "" : " like this left out)");
  }
  if (json) text += '}';
  return text;
}

struct Logger::Impl {
  struct Reason {
    std::int64_t written_ms = 0;
    std::uint64_t suppressed = 0;
  };

  Options options;
  std::mutex mutex;
  std::map<std::string, Reason, std::less<>> reasons;
  // Only where lines go to standard error. The pool is destroyed first: it writes what is queued,
  // and the end of its thread is what orders its last use of the logger before the logger's end.
  std::shared_ptr<spdlog::logger> out;
  std::shared_ptr<spdlog::details::thread_pool> pool;

  Reason& Find(std::string_view& reason) {
    auto found = reasons.find(reason);
    if (found != reasons.end()) return found->second;
    if (reasons.size() >= kMaxReasons) reason = kOtherReason;
    return reasons.try_emplace(std::string(reason), Reason{-kIntervalMs, 0}).first->second;
  }
};

Logger::Logger(Options options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
  if (!impl_->options.clock) impl_->options.clock = SystemUnixMs;
  if (impl_->options.sink) return;

  impl_->pool = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
  impl_->out = std::make_shared<spdlog::async_logger>(
      "tickcast", std::make_shared<spdlog::sinks::stderr_sink_mt>(), impl_->pool,
      spdlog::async_overflow_policy::overrun_oldest);
  impl_->out->set_pattern("%v");
  impl_->out->set_level(spdlog::level::trace);
  impl_->out->flush_on(spdlog::level::trace);
}

Logger::~Logger() = default;

void Logger::Write(LogLevel level, std::string_view reason, std::string_view message) {
  Impl& impl = *impl_;
  if (level < impl.options.level || level == LogLevel::kNone) return;

  const std::lock_guard lock(impl.mutex);
  const std::int64_t now_ms = impl.options.clock();
  Impl::Reason& known = impl.Find(reason);
  // A clock that was set back must not silence a reason until it has caught up.
  if (now_ms >= known.written_ms && now_ms - known.written_ms < kIntervalMs) {
    ++known.suppressed;
    return;
  }
  known.written_ms = now_ms;
  const std::string line = FormatLogLine({.level = level,
                                          .reason = reason,
                                          .message = message,
                                          .suppressed = std::exchange(known.suppressed, 0),
                                          .unix_ms = now_ms},
                                         impl.options.format);
  if (impl.options.sink) return impl.options.sink(line);
  // Passed as a value, not as a format: a brace in a message is a brace.
  impl.out->log(SpdlogLevel(level), "{}", line);
}

namespace {

// The program's log. The lock is only held to look at it and to change it. Both are never
// destroyed, since a thread may log while the program's statics are.
std::mutex& ProgramMutex() {
  static std::mutex& mutex = *new std::mutex;
  return mutex;
}
std::shared_ptr<Logger>& ProgramLog() {
  static std::shared_ptr<Logger>& log = *new std::shared_ptr<Logger>;
  return log;
}

}  // namespace

void StartLog(LogLevel level, LogFormat format) {
  auto log = std::make_shared<Logger>(Logger::Options{.level = level, .format = format});
  const std::lock_guard lock(ProgramMutex());
  ProgramLog().swap(log);
}

void StopLog() {
  std::shared_ptr<Logger> log;
  const std::lock_guard lock(ProgramMutex());
  ProgramLog().swap(log);
}

void Log(LogLevel level, std::string_view reason, std::string_view message) {
  std::shared_ptr<Logger> log;
  {
    const std::lock_guard lock(ProgramMutex());
    log = ProgramLog();
  }
  if (log != nullptr) return log->Write(level, reason, message);
  if (level < LogLevel::kInfo || level == LogLevel::kNone) return;
  const std::string line = FormatLogLine(
      {.level = level, .reason = reason, .message = message, .unix_ms = SystemUnixMs()},
      LogFormat::kText);
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace tickcast::engine
