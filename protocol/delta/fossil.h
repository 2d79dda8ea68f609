// Fossil deltas: a publication written as what changed since the one before.
//
// A delta rebuilds a target from a base by copying stretches of the base and inserting the rest:
//
//   <size of target> '\n'  { <size> '@' <offset> ','  |  <size> ':' <bytes> }…  <checksum> ';'
//
// with all numbers in base 64 of the digits 0-9 A-Z _ a-z ~. It is the `fossil` delta type of the
// Centrifuge protocol, and what every official SDK can apply. The format leaves open which
// stretches are copied. The original looks for 16 equal bytes at every 16th place, as files of
// source code want it; a tick is 150 bytes of JSON of which each number changes and only the names
// between them stay, so here all places of the base are known and the cheapest way to write the
// target is computed, which is affordable because what lies between the common beginning and the
// common end is short.
// Sources: https://fossil-scm.org/home/doc/trunk/www/delta_format.wiki, and what readers accept:
// github.com/shadowspore/fossil-delta, src/fossil.ts of centrifugal/centrifuge-js.
// Threading: pure functions; a DeltaScratch belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tickcast::protocol {

// The largest target that a delta may promise, so that a few bytes of delta cannot ask for
// gigabytes. Far above any message that the server takes.
inline constexpr std::size_t kMaxDeltaTargetBytes = std::size_t{16} << 20;

// Memory that AppendDelta works in. It grows to the largest texts seen (about 28 bytes per byte)
// and is then reused.
class DeltaScratch {
 private:
  friend class DeltaWriter;

  // How the target is best written from one place on.
  struct Step {
    std::uint32_t cost_bytes;   // Of the delta from here to the end, where a command begins here.
    std::uint32_t in_literal;   // The same where the byte here continues an insertion.
    std::uint32_t copy_bytes;   // Of the copy that begins here; 0: an insertion does.
    std::uint32_t copy_offset;  // Of that copy, in the base.
    bool literal_ends;          // An insertion that comes here ends with this byte.
  };

  std::vector<std::uint32_t> first_;  // By hash of four bytes: first place in the base, plus 1.
  std::vector<std::uint32_t> next_;   // By place in the base: the next with that hash, plus 1.
  std::vector<Step> steps_;           // By place in the middle of the target.
};

// Appends the delta that makes `target` of `base`. It may be longer than the target where the two
// have little in common; then the target itself is what should be sent (the original compares the
// sizes, and so should the caller). Where both are valid UTF-8 so is the delta: insertions never
// cut a character, as the delta has to pass through a JSON string. Allocates nothing once `scratch`
// and `out` have grown. REQUIRES: both have at most kMaxDeltaTargetBytes; `out` is neither of them.
void AppendDelta(std::string_view base, std::string_view target, std::string& out,
                 DeltaScratch& scratch);

// Appends to `out` what `delta` makes of `base`. False, and `out` as it was, where `delta` is not
// well formed to its last byte, copies from outside `base`, or does not give a text of the size
// (at most kMaxDeltaTargetBytes) and the checksum that it promises. `out` is neither of them.
[[nodiscard]] bool ApplyDelta(std::string_view base, std::string_view delta, std::string& out);

}  // namespace tickcast::protocol
