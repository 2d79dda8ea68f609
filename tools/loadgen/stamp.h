// Stamp: what every publication of loadgen carries, and how it is found again without parsing.
//
//   {"stamp":"rrrrrrrrccccccccnnnnnnnnpppppppptttttttttttttttt......"}
//            run     channel number  publication time (hex)   padding
//
// A client that parses JSON can't keep up with a server that doesn't, so a delivery is recognised
// by the marker {"stamp":" and read as fixed-width digits. Servers keep the payload as it is, and
// all lines of a run have the same shape, so the marker is looked for first where it was last.
// Threading: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tickcast::loadgen {

struct Stamp {
  std::uint32_t run = 0;          // Tells this process's publications from others'.
  std::uint32_t channel = 0;      // Index of the channel.
  std::uint32_t number = 0;       // Of the publication within its channel, from 0.
  std::uint32_t publication = 0;  // Within the run, from 0.
  std::uint64_t time_ns = 0;      // CLOCK_MONOTONIC when it was (or should have been) sent.

  friend bool operator==(const Stamp&, const Stamp&) = default;
};

// The smallest payload that holds a stamp.
inline constexpr std::size_t kMinPayloadBytes = 60;

// Appends a payload of exactly `payload_bytes`. REQUIRES: payload_bytes >= kMinPayloadBytes.
void AppendStamped(const Stamp& stamp, std::size_t payload_bytes, std::string& out);

class StampFinder {
 public:
  // The stamp in `line`; false when it has none.
  bool Find(std::string_view line, Stamp& stamp);

 private:
  std::size_t last_offset_ = 0;
};

}  // namespace tickcast::loadgen
