// Command: one line of --control.
//
//   run SECONDS [WARMUP [RATE]] [storm=AT[:rate=R]]   a phase
//   cut [RATE [SECONDS]]     a phase of a storm at once, until all are back (or 120 seconds)
//   silence N                N clients of the silent kinds stop reading, the others of them read
//   scroll N                 connections replace N keys at a time from now on; 0: none
//   finish                   closes all connections; what a feed's ledger says then
//   quit
//
// Threading: plain values.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "tools/loadgen/phase.h"

namespace tickcast::loadgen {

struct Command {
  enum class Kind : std::uint8_t { kRun, kSilence, kScroll, kFinish, kQuit };
  Kind kind = Kind::kQuit;
  Phase phase;
  std::uint32_t clients = 0;
  std::uint32_t keys = 0;
};

// `rate` is that of phases that do not name one. InvalidArgument says what would be right.
absl::StatusOr<Command> ParseCommand(const std::string& line, double rate);

}  // namespace tickcast::loadgen
