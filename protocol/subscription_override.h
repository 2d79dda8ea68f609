// SubscriptionOverride: options of a channel that somebody with the right to sets for one
// subscription: a token, the server API, or the backend's answer to a proxy.
// Source: SubscribeOptionOverride and BoolValue in internal/apiproto/api.proto of
// github.com/centrifugal/centrifugo.
// Threading: a value; the reader is pure.
#pragma once

#include <optional>

namespace tickcast::protocol {

class JsonValue;

// Absent: as the channel's namespace says.
struct SubscriptionOverride {
  std::optional<bool> presence;
  std::optional<bool> join_leave;
  std::optional<bool> force_push_join_leave;
  std::optional<bool> force_positioning;
  std::optional<bool> force_recovery;

  bool operator==(const SubscriptionOverride&) const = default;
};

// Reads `{"presence":{"value":true},…}` into `out`. An option that is `{}` is false, one that is
// null says nothing, unknown ones are read over. False: a wrong type.
bool ReadSubscriptionOverride(JsonValue& value, SubscriptionOverride& out);

}  // namespace tickcast::protocol
