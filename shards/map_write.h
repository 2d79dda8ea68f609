// MapWrite: what somebody wants of a key of a map channel, and why it may come to nothing.
// Threading: values.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/centrifuge/key_mode.h"

namespace tickcast::shards {

using protocol::KeyMode;

// Why a write changed nothing.
enum class MapSuppression : std::uint8_t {
  kNone,  // It did.
  kIdempotency,
  kVersion,
  kKeyExists,
  kKeyNotFound,
};

// As the server API tells it; "" for kNone. Source: SuppressReason in map_broker.go of
// github.com/centrifugal/centrifuge.
constexpr std::string_view ReasonOf(MapSuppression suppression) {
  switch (suppression) {
    case MapSuppression::kNone:
      return "";
    case MapSuppression::kIdempotency:
      return "idempotency";
    case MapSuppression::kVersion:
      return "version";
    case MapSuppression::kKeyExists:
      return "key_exists";
    case MapSuppression::kKeyNotFound:
      return "key_not_found";
  }
  return "";
}

struct MapWrite {
  std::string_view key;
  bool remove = false;
  KeyMode mode = KeyMode::kReplace;
  // A key that is there already lives on as if it were written (kIfNew): who is present.
  bool keep_alive = false;
  // 0: none. Of a key with versions only a higher one is written, unless its epoch is another; ""
  // is any epoch.
  std::uint64_t version = 0;
  std::string_view version_epoch = {};
};

}  // namespace tickcast::shards
