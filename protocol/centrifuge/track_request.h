// What a sub_refresh tracks and untracks: the keys on a client's screen.
//
// A command keeps both lists as JSON text, as few commands have them; here they become views. Keys
// come in batches, each with the signature that an application's backend gave for exactly these
// keys in this order (track_signature.h). SDKs send several batches at once when they are back, and
// name in the same command what was untracked meanwhile.
// Source: SubRefreshRequest, TrackBatch and KeyedItem in definitions/client.proto of
// github.com/centrifugal/protocol. Threading: a TrackRequestParser belongs to one thread; one
// serves all connections of a shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace tickcast::protocol {

// SubRefreshRequest::type.
inline constexpr std::int32_t kSubRefreshToken = 0;
inline constexpr std::int32_t kSubRefreshTrack = 1;
inline constexpr std::int32_t kSubRefreshUntrack = 2;

struct TrackItem {
  std::string_view key;       // As it came: may be empty, too long, or twice in a request.
  std::uint64_t version = 0;  // What the client has of it; 0: nothing.

  bool operator==(const TrackItem&) const = default;
};

struct TrackBatch {
  std::string_view signature;  // Empty where the member was absent.
  std::span<const TrackItem> items;
};

// How many there may be is bounded by the frame: an item takes at least two bytes there. Memory
// grows to the largest request that was ever read, and no further.
class TrackRequestParser {
 public:
  TrackRequestParser();
  TrackRequestParser(TrackRequestParser&&) noexcept;
  TrackRequestParser& operator=(TrackRequestParser&&) noexcept;
  ~TrackRequestParser();

  // Reads the members `track` and `untrack` of a SubRefreshRequest, each JSON or empty. False, with
  // nothing left to ask for, where a member has a wrong type: close 3501, as for any such command.
  // A null in place of a batch or of an item is one, too (Centrifugo 6.9.1 ends the process).
  bool Parse(std::string_view track, std::string_view untrack);

  // In the order of the request. Views live until the next Parse().
  std::span<const TrackBatch> batches() const;
  std::span<const TrackItem> items() const;  // Of all batches, one behind the other.
  std::span<const std::string_view> untrack() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tickcast::protocol
