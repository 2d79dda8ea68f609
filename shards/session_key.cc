#include "shards/session_key.h"

#include <sys/random.h>

#include <charconv>
#include <limits>

#include "absl/strings/str_cat.h"
#include "engine/invariant.h"

namespace tickcast::shards {
namespace {

// Digits of the address's numbers, and of the secret.
constexpr std::size_t kNumberDigits = 8;
constexpr std::size_t kSecretDigits = 32;
constexpr std::size_t kKeyDigits = 3 * kNumberDigits + kSecretDigits;

// The number in the next digits of `key`, which are taken off. Nothing where one of them is none.
std::optional<std::uint32_t> TakeNumber(std::string_view& key) {
  std::uint32_t number = 0;
  const char* const end = key.data() + kNumberDigits;
  const auto [rest, error] = std::from_chars(key.data(), end, number, 16);
  if (error != std::errc() || rest != end) return std::nullopt;
  key.remove_prefix(kNumberDigits);
  return number;
}

}  // namespace

std::string NewSessionKey(const SessionAddress& address) {
  std::uint64_t secret[2];
  const ssize_t got = getrandom(secret, sizeof(secret), 0);
  INVARIANT(got == sizeof(secret), "getrandom(2) gives up to 256 bytes whole once it is seeded");
  return absl::StrCat(
      absl::Hex(address.shard, absl::kZeroPad8), absl::Hex(address.slot, absl::kZeroPad8),
      absl::Hex(address.generation, absl::kZeroPad8), absl::Hex(secret[0], absl::kZeroPad16),
      absl::Hex(secret[1], absl::kZeroPad16));
}

std::optional<SessionAddress> AddressOf(std::string_view key) {
  if (key.size() != kKeyDigits) return std::nullopt;
  const auto shard = TakeNumber(key);
  if (!shard || *shard > std::numeric_limits<ShardId>::max()) return std::nullopt;
  const auto slot = TakeNumber(key);
  if (!slot) return std::nullopt;
  const auto generation = TakeNumber(key);
  if (!generation) return std::nullopt;
  return SessionAddress{
      .shard = static_cast<ShardId>(*shard), .slot = *slot, .generation = *generation};
}

bool SameKey(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

}  // namespace tickcast::shards
