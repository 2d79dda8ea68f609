// Options of loadgen: one table of names, meanings and places, from which both parsing and --help
// are made.
// Threading: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/loadgen/dialect.h"
#include "tools/loadgen/expectation.h"
#include "tools/loadgen/keyed_channel.h"
#include "tools/loadgen/mix.h"
#include "tools/loadgen/topology.h"

namespace tickcast::loadgen {

enum class Mode : std::uint8_t {
  kFanout,  // Publish and receive, closed loop or at a rate.
  kIdle,    // Connect, subscribe and hold.
  kChurn,   // Connect, say one command, close, again.
};

struct Options {
  Mode mode = Mode::kFanout;
  std::string host;  // An IPv4 literal.
  std::uint16_t port = 0;
  std::string path = "/connection/websocket";
  TopologyOptions topology;
  SubscribeOptions subscribe;  // Of kinds that do not say otherwise.
  DialectOptions dialect;
  std::string mix;
  std::vector<Kind> kinds;  // Made of `mix`.

  bool feed = false;             // Values come from the server's own market, not from publishers.
  std::string exchange = "sim";  // Whose tickers.

  Address address = Address::kStream;
  std::uint32_t page_keys = 1000;  // Of a map.
  double scroll_every_ns = 0;      // 0 = nobody scrolls.
  std::uint32_t scroll_keys = 0;   // Of each connection, each time.

  std::uint32_t publishers = 1;
  std::uint32_t window = 8;
  bool lockstep = false;
  double rate = 0;  // Publications or lives per second; 0 = closed loop.
  std::uint32_t payload_bytes = 128;

  double duration_ns = 10e9;
  double warmup_ns = 1e9;
  double stall_ns = 2e9;
  double connect_rate = 0;  // Connections per second; 0 = as fast as they are accepted.
  std::uint32_t connecting = 256;
  std::uint32_t lives = 0;
  std::uint32_t sources = 0;
  std::uint32_t rings = 0;        // 0 = as many as the connections need.
  std::int64_t storm_at_ns = -1;  // Into the measured time; negative = never.
  double storm_rate = 0;          // Connections per second; 0 = as fast as they are accepted.

  std::int32_t server_pid = 0;
  std::int32_t pin = -1;
  std::string json;
  std::vector<Expectation> expectations;
  bool control = false;
  bool quiet = false;
};

// `arguments` without the program's name. InvalidArgument says which one is wrong and what would be
// right; Cancelled means that --help was asked for.
absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& arguments);

// AT or AT:rate=R. False when it is neither.
bool ParseStorm(const std::string& text, std::int64_t& at_ns, double& rate);

std::string Usage();

}  // namespace tickcast::loadgen
