// Signatures of tracked keys: nothing but what was signed is good, whatever it looks like, and the
// verdict does not depend on what was verified before.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/centrifuge/track_signature.h"
#include "tests/fuzz/require.h"

namespace {

using tickcast::fuzz::Require;
using tickcast::protocol::TrackBatch;
using tickcast::protocol::TrackItem;
using tickcast::protocol::TrackSignature;
using tickcast::protocol::TrackSignatureVerdict;
using tickcast::protocol::TrackSignatureVerifier;

constexpr std::int64_t kNowS = 1'700'000'010;
// Of the key BTC-USDT in watch:kucoin for the anonymous by the secret "poll", without an end.
constexpr std::string_view kGood =
    "1700000000:0:aebf89b75b331db1d2683bf716d674bd48eaf394b16996436f1babd1ba69cf85";

}  // namespace

// A signature, a user, a channel and keys, each on a line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static TrackSignatureVerifier verifier({.current = "poll", .previous = "old"});
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto line = [&rest] {
    const std::string_view taken = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(taken.size() == rest.size() ? rest.size() : taken.size() + 1);
    return taken;
  };
  const std::string_view signature = line();
  const std::string_view user = line();
  const std::string_view channel = line();
  std::vector<TrackItem> items;
  while (!rest.empty()) items.push_back({line(), 0});

  const TrackSignature result = verifier.Verify({signature, items}, user, channel, kNowS);
  // No fuzzer breaks HMAC: what is good is what the corpus holds.
  const std::vector<TrackItem> signed_items = {{"BTC-USDT", 0}};
  const bool is_signed =
      signature == kGood && user.empty() && channel == "watch:kucoin" && items == signed_items;
  Require((result.verdict == TrackSignatureVerdict::kGood) == is_signed);
  Require(result.expires_s == 0 && result.TtlS(kNowS) == 0);
  Require(verifier.Verify({kGood, signed_items}, "", "watch:kucoin", kNowS).verdict ==
          TrackSignatureVerdict::kGood);
  return 0;
}
