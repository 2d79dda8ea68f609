#include "protocol/centrifuge/track_signature.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tickcast::protocol {
namespace {

constexpr std::int64_t kIssuedS = 1'700'000'000;
constexpr std::int64_t kExpiryS = 1'700'003'600;
constexpr std::int64_t kNowS = kIssuedS + 10;
constexpr std::string_view kChannel = "watch:kucoin";

// Made by hmac and hashlib of Python with the secret "poll", from the rule in the header.
constexpr std::string_view kOfTwoKeys =  // BTC-USDT, ETH-USDT of user 42.
    "1700000000:1700003600:16d93b949d320e12132d6f2fa979de385e5be0abaa5b38bcabd625aa65d2fc81";
constexpr std::string_view kEndless =  // BTC-USDT of the anonymous.
    "1700000000:0:aebf89b75b331db1d2683bf716d674bd48eaf394b16996436f1babd1ba69cf85";
constexpr std::string_view kOfNoKeys =  // Of the anonymous.
    "1700000000:1700003600:94b030d456a41d8c172589aca3c14679066012ce4887d2b0a408f57661e43c15";

using Keys = std::vector<std::string_view>;
const Keys kTwoKeys = {"BTC-USDT", "ETH-USDT"};

class TrackSignatureTest : public testing::Test {
 protected:
  TrackSignature Verify(std::string_view signature, const Keys& keys, std::string_view user,
                        std::int64_t now_s = kNowS, std::string_view channel = kChannel) {
    std::vector<TrackItem> items;
    for (const std::string_view key : keys) items.push_back({key, 7});
    // In a block of exactly its size, so that the address sanitizer sees a byte read too far.
    const auto block = std::make_unique<char[]>(signature.size());
    signature.copy(block.get(), signature.size());
    return verifier_.Verify({{block.get(), signature.size()}, items}, user, channel, now_s);
  }
  TrackSignatureVerdict VerdictOf(std::string_view signature, const Keys& keys,
                                  std::string_view user, std::int64_t now_s = kNowS,
                                  std::string_view channel = kChannel) {
    return Verify(signature, keys, user, now_s, channel).verdict;
  }

  TrackSignatureVerifier verifier_{{.current = "poll"}};
};

TEST_F(TrackSignatureTest, GoodForItsKeysUserAndChannel) {
  const TrackSignature signature = Verify(kOfTwoKeys, kTwoKeys, "42");
  EXPECT_EQ(signature.verdict, TrackSignatureVerdict::kGood);
  EXPECT_EQ(signature.expires_s, kExpiryS);
  EXPECT_EQ(VerdictOf(kOfNoKeys, {}, ""), TrackSignatureVerdict::kGood);
  // One verifier serves many.
  EXPECT_EQ(VerdictOf(kOfTwoKeys, kTwoKeys, "42"), TrackSignatureVerdict::kGood);
}

TEST_F(TrackSignatureTest, WrongForAnythingElse) {
  const std::vector<Keys> others = {{},
                                    {""},
                                    {"BTC-USDT"},
                                    {"ETH-USDT", "BTC-USDT"},
                                    {"BTC-USDT", "ETH-USDT", "ETH-USDT"},
                                    {"BTC-USDT", "ETH-USDT", ""},
                                    {"BTC-USDT", "eth-usdt"},
                                    {"BTC-USDTETH-USDT"}};
  for (const Keys& keys : others) {
    EXPECT_EQ(VerdictOf(kOfTwoKeys, keys, "42"), TrackSignatureVerdict::kWrong) << keys.size();
  }
  for (const char* user : {"", "4", "43", "42 "}) {
    EXPECT_EQ(VerdictOf(kOfTwoKeys, kTwoKeys, user), TrackSignatureVerdict::kWrong) << user;
  }
  for (const char* channel : {"", "watch:binance", "watch:kucoin2", "tickers:kucoin"}) {
    EXPECT_EQ(VerdictOf(kOfTwoKeys, kTwoKeys, "42", kNowS, channel), TrackSignatureVerdict::kWrong)
        << channel;
  }
}

// Joined, the two keys are the same bytes as one with a NUL in it, which nobody signed.
TEST_F(TrackSignatureTest, AKeyWithANulIsNotTwoKeys) {
  const std::string joined("BTC-USDT\0ETH-USDT", 17);
  EXPECT_EQ(VerdictOf(kOfTwoKeys, {joined}, "42"), TrackSignatureVerdict::kWrong);
}

TEST_F(TrackSignatureTest, AnyOtherByteMakesItWrong) {
  for (std::size_t at = 0; at < kOfTwoKeys.size(); ++at) {
    for (const char byte : {'\0', ':', '0', 'A', 'f', '\xff'}) {
      std::string changed(kOfTwoKeys);
      if (changed[at] == byte) continue;
      changed[at] = byte;
      EXPECT_EQ(VerdictOf(changed, kTwoKeys, "42"), TrackSignatureVerdict::kWrong) << changed;
    }
  }
}

TEST_F(TrackSignatureTest, CutAtEveryByteOrWithMoreBehindItIsWrong) {
  for (std::size_t size = 0; size < kOfTwoKeys.size(); ++size) {
    EXPECT_EQ(VerdictOf(kOfTwoKeys.substr(0, size), kTwoKeys, "42"), TrackSignatureVerdict::kWrong)
        << size;
  }
  for (const char* more : {"0", ":", " ", "\n"}) {
    EXPECT_EQ(VerdictOf(std::string(kOfTwoKeys) + more, kTwoKeys, "42"),
              TrackSignatureVerdict::kWrong);
  }
}

TEST_F(TrackSignatureTest, ExpiresFiveSecondsAfterItsTime) {
  for (const std::int64_t now_s : {std::int64_t{0}, kExpiryS, kExpiryS + 1, kExpiryS + 5}) {
    EXPECT_EQ(VerdictOf(kOfTwoKeys, kTwoKeys, "42", now_s), TrackSignatureVerdict::kGood) << now_s;
  }
  for (const std::int64_t now_s : {kExpiryS + 6, kExpiryS + 86'400, std::int64_t{1} << 62}) {
    EXPECT_EQ(VerdictOf(kOfTwoKeys, kTwoKeys, "42", now_s), TrackSignatureVerdict::kExpired);
  }
  // Who could not have made it learns nothing of its time.
  EXPECT_EQ(VerdictOf(kOfTwoKeys, kTwoKeys, "43", kExpiryS + 6), TrackSignatureVerdict::kWrong);
}

TEST_F(TrackSignatureTest, AnExpiryOfZeroIsNone) {
  const TrackSignature signature = Verify(kEndless, {"BTC-USDT"}, "", std::int64_t{1} << 62);
  EXPECT_EQ(signature.verdict, TrackSignatureVerdict::kGood);
  EXPECT_EQ(signature.expires_s, 0);
}

TEST_F(TrackSignatureTest, TellsTheSecondsThatAreLeft) {
  const TrackSignature signature = Verify(kOfTwoKeys, kTwoKeys, "42");
  EXPECT_EQ(signature.TtlS(kIssuedS), 3600u);
  EXPECT_EQ(signature.TtlS(kExpiryS - 1), 1u);
  EXPECT_EQ(signature.TtlS(kExpiryS), 0u);
  EXPECT_EQ(signature.TtlS(kExpiryS + 5), 0u);
  EXPECT_EQ((TrackSignature{.expires_s = INT64_MAX}).TtlS(0), UINT32_MAX);
}

TEST_F(TrackSignatureTest, AMalformedOneIsWrong) {
  const std::string hex(64, 'a');
  const std::vector<std::string> malformed = {"",
                                              ":",
                                              "::",
                                              "::" + hex,
                                              "1::" + hex,
                                              ":1:" + hex,
                                              "x:1:" + hex,
                                              "1:x:" + hex,
                                              "-1:1:" + hex,
                                              "1:-1:" + hex,
                                              "+1:1:" + hex,
                                              "1: 1:" + hex,
                                              "1.5:1:" + hex,
                                              "9223372036854775808:1:" + hex,
                                              "1:9223372036854775808:" + hex,
                                              "1:1:",
                                              "1:1:2:" + hex,
                                              hex,
                                              std::string(100'000, '1')};
  for (const std::string& signature : malformed) {
    EXPECT_EQ(VerdictOf(signature, {"BTC-USDT"}, ""), TrackSignatureVerdict::kWrong) << signature;
  }
}

TEST_F(TrackSignatureTest, DuringARotationBothSecretsAreGood) {
  for (const auto& [current, previous] : {std::pair{"new", "poll"}, {"poll", "old"}}) {
    verifier_ = TrackSignatureVerifier({.current = current, .previous = previous});
    EXPECT_EQ(VerdictOf(kOfTwoKeys, kTwoKeys, "42"), TrackSignatureVerdict::kGood) << current;
  }
  verifier_ = TrackSignatureVerifier({.current = "new", .previous = "old"});
  EXPECT_EQ(VerdictOf(kOfTwoKeys, kTwoKeys, "42"), TrackSignatureVerdict::kWrong);
}

// What counts is when it was issued, not when it comes.
TEST_F(TrackSignatureTest, ThePreviousSecretIsGoodForWhatWasIssuedInTime) {
  for (const auto& [until_s, verdict] : {std::pair{kIssuedS, TrackSignatureVerdict::kGood},
                                         {kIssuedS - 1, TrackSignatureVerdict::kWrong},
                                         {std::int64_t{0}, TrackSignatureVerdict::kGood}}) {
    verifier_ = TrackSignatureVerifier(
        {.current = "new", .previous = "poll", .previous_valid_until_s = until_s});
    EXPECT_EQ(VerdictOf(kOfTwoKeys, kTwoKeys, "42"), verdict) << until_s;
  }
  // The end of the previous one does not concern the current one.
  verifier_ = TrackSignatureVerifier(
      {.current = "poll", .previous = "old", .previous_valid_until_s = kIssuedS - 1});
  EXPECT_EQ(VerdictOf(kOfTwoKeys, kTwoKeys, "42"), TrackSignatureVerdict::kGood);
}

// HMAC takes an empty secret, which everybody knows.
TEST_F(TrackSignatureTest, WithoutASecretNothingIsGood) {
  constexpr std::string_view kByNobody =  // The keys and user of kEndless, the secret empty.
      "1700000000:0:e1927851cf3f89cc5cf7151c67cff8362956854642875193121ae0cac4fd02ae";
  verifier_ = TrackSignatureVerifier({});
  EXPECT_EQ(VerdictOf(kByNobody, {"BTC-USDT"}, ""), TrackSignatureVerdict::kWrong);
  EXPECT_EQ(VerdictOf(kEndless, {"BTC-USDT"}, ""), TrackSignatureVerdict::kWrong);
  EXPECT_EQ(VerdictOf("", {"BTC-USDT"}, ""), TrackSignatureVerdict::kWrong);
}

}  // namespace
}  // namespace tickcast::protocol
