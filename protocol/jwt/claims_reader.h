// ClaimsReader: a token's second part, from JSON to JwtClaims.
//
// Strict where two readers of one token could come to two opinions: a claim that we know may be
// there once, has its own type, and what names somebody or something holds no NUL.
// For .cc files only: it includes simdjson. Threading: belongs to one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "protocol/json/object_reader.h"
#include "protocol/json/payload.h"
#include "protocol/jwt/claims.h"

namespace tickcast::protocol {

class ClaimsReader {
 public:
  // `user_claim` names the claim that holds the user's id; empty: `sub`.
  explicit ClaimsReader(std::string_view user_claim);

  // Before the first member of a token.
  void Begin();

  // A member of the payload. False when the token cannot be accepted for it.
  bool Read(std::string_view name, JsonValue& value, JwtClaims& claims);

  // Behind the last one: puts `b64info` and `b64data` in their places. What is in base64 has to be
  // JSON too, as it is shown to JSON clients (docs/decisions.md).
  bool Finish(JwtClaims& claims);

 private:
  bool ReadUser(JsonValue& value, std::string_view& user);
  bool ReadSubscriptions(JsonValue& value, JwtClaims& claims);
  bool ReadSubscription(JsonValue& value, TokenSubscription& subscription);
  bool DecodeJson(std::string_view base64, std::string_view& json);

  const std::string user_claim_;
  std::uint32_t seen_ = 0;  // Bit i: claim i of the table was there.
  std::string_view b64info_;
  std::string_view b64data_;
  std::deque<std::string> decoded_;  // What views point into that came from base64.
  JsonValidator validator_;
};

}  // namespace tickcast::protocol
