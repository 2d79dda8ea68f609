#include "protocol/subscription_override.h"

#include <string_view>

#include "protocol/json/object_reader.h"

namespace tickcast::protocol {
namespace {

bool ReadChoice(JsonValue& value, std::optional<bool>& out) {
  if (value.is_null()) return true;
  out = false;
  return value.ReadObject([&out](std::string_view name, JsonValue& member) {
    return name != "value" || member.Read(*out);
  });
}

}  // namespace

bool ReadSubscriptionOverride(JsonValue& value, SubscriptionOverride& out) {
  if (value.is_null()) return true;
  return value.ReadObject([&out](std::string_view name, JsonValue& member) {
    if (name == "presence") return ReadChoice(member, out.presence);
    if (name == "join_leave") return ReadChoice(member, out.join_leave);
    if (name == "force_push_join_leave") return ReadChoice(member, out.force_push_join_leave);
    if (name == "force_positioning") return ReadChoice(member, out.force_positioning);
    if (name == "force_recovery") return ReadChoice(member, out.force_recovery);
    return true;
  });
}

}  // namespace tickcast::protocol
