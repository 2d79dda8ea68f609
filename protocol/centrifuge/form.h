// Form: how a connection's messages are written.
//
// One connection has one form from its upgrade on. What a message says does not depend on it.
// Threading: plain values.
#pragma once

#include <cstdint>

namespace tickcast::protocol {

enum class Encoding : std::uint8_t {
  kJson,      // One line of JSON per message; several are joined by '\n'.
  kProtobuf,  // A varint with the message's length and the message; several are concatenated.
};

struct Form {
  Encoding encoding = Encoding::kJson;
  // Unidirectional transports: there are no commands to reply to, so pushes come without the reply
  // around them, and the result of connecting is a push too.
  bool bare = false;

  bool operator==(const Form&) const = default;
};

}  // namespace tickcast::protocol
