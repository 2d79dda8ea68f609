// TrackSignature: an application's word that a user may follow certain keys of a track channel.
//
//   <issued>:<expiry>:<hex>
//
// Times are Unix seconds; an expiry of 0 is none. <hex> is HMAC-SHA256, in lower case, over
// issued NUL expiry NUL user NUL channel NUL hex(SHA-256(keys joined by NUL)), the keys in the
// order of the batch. It is what the application's backend makes (docs/keyed.md shows how) and what
// SDKs send again each time they connect until it has expired. Source:
// internal/client/track_signature.go and OnTrack of github.com/centrifugal/centrifugo. Threading: a
// TrackSignatureVerifier belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocol/centrifuge/track_request.h"

namespace tickcast::protocol {

// A signature is taken for so long after its expiry: the time of clocks that differ, and of an SDK
// that is about to get a new one.
inline constexpr std::int64_t kTrackSignatureGraceS = 5;

// A longer one is refused unread: two numbers of 64 bits, two colons and 64 digits.
inline constexpr std::size_t kMaxTrackSignatureBytes = 19 + 1 + 19 + 1 + 64;

// Source: the keys `shared_poll.hmac_…` of Centrifugo's configuration.
struct TrackSecrets {
  std::string current;                      // Empty: no signature is good.
  std::string previous;                     // Empty: none. Taken besides while keys are rotated.
  std::int64_t previous_valid_until_s = 0;  // What was issued later is not taken; 0: no such end.
};

enum class TrackSignatureVerdict : std::uint8_t {
  kGood,
  kWrong,    // Error 103: malformed, by another secret, for other keys, or somebody else's.
  kExpired,  // Error 109: SDKs get a new one.
};

struct TrackSignature {
  TrackSignatureVerdict verdict = TrackSignatureVerdict::kWrong;
  std::int64_t expires_s = 0;  // Unix seconds; 0: never. Only where it is good.

  // What the answer tells as `ttl`: seconds from `now_s` on, 0 where it has expired. Meaningless,
  // as in the answer, where it never expires.
  std::uint32_t TtlS(std::int64_t now_s) const;
};

class TrackSignatureVerifier {
 public:
  explicit TrackSignatureVerifier(const TrackSecrets& secrets);
  TrackSignatureVerifier(TrackSignatureVerifier&&) noexcept;
  TrackSignatureVerifier& operator=(TrackSignatureVerifier&&) noexcept;
  ~TrackSignatureVerifier();

  // Whether `batch` was signed for `user` (empty: anonymous) and `channel`. `now_s` are Unix
  // seconds. Whether an empty signature is enough, as where a channel is public, is not asked here:
  // it is kWrong. Of a wrong signature nothing is learnt from the time that this takes.
  //
  // Stricter than the original: times have digits only (one that is none counts as 0 there, which
  // is no expiry), and no key holds a NUL, or one key could be passed off as two.
  TrackSignature Verify(const TrackBatch& batch, std::string_view user, std::string_view channel,
                        std::int64_t now_s);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tickcast::protocol
