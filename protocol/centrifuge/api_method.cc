#include "protocol/centrifuge/api_method.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "protocol/abseil.h"

namespace tickcast::protocol {
namespace {

struct Row {
  std::string_view name;
  std::int32_t legacy_number;
};

// By ApiMethod.
constexpr Row kMethods[] = {
    {"publish", 0},
    {"broadcast", 1},
    {"subscribe", 11},
    {"unsubscribe", 2},
    {"disconnect", 3},
    {"history", 6},
    {"history_remove", 7},
    {"presence", 4},
    {"presence_stats", 5},
    {"info", 9},
    {"rpc", 10},
    {"refresh", 12},
    {"channels", 8},
    {"map_publish", 33},
    {"map_remove", 34},
    {"map_read_state", 35},
    {"map_read_stream", 36},
    {"map_stats", 37},
    {"map_clear", 38},
    {"shared_poll_publish", 39},
    {"block_user", 18},
    {"unblock_user", 19},
    {"revoke_token", 20},
    {"invalidate_user_tokens", 21},
};
static_assert(std::size(kMethods) == kApiMethods);

// What the legacy form may name besides, and is answered as not found.
constexpr std::string_view kLegacyOnly[] = {
    "connections",       "update_user_status",     "get_user_status",    "delete_user_status",
    "device_register",   "device_update",          "device_remove",      "device_list",
    "device_topic_list", "device_topic_update",    "user_topic_list",    "user_topic_update",
    "cancel_push",       "send_push_notification", "update_push_status",
};

bool SameName(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(Abseil(a), Abseil(b));
}

template <typename Matches>
ApiMethod Find(Matches&& matches) {
  return static_cast<ApiMethod>(std::find_if(std::begin(kMethods), std::end(kMethods), matches) -
                                std::begin(kMethods));
}

}  // namespace

std::string_view NameOf(ApiMethod method) {
  return method == ApiMethod::kNone ? std::string_view()
                                    : kMethods[static_cast<std::size_t>(method)].name;
}

ApiMethod ApiMethodNamed(std::string_view name) {
  return Find([name](const Row& row) { return row.name == name; });
}

std::optional<ApiMethod> LegacyMethodNamed(std::string_view name) {
  const ApiMethod method = Find([name](const Row& row) { return SameName(row.name, name); });
  if (method != ApiMethod::kNone) return method;
  const bool known = std::any_of(std::begin(kLegacyOnly), std::end(kLegacyOnly),
                                 [name](std::string_view other) { return SameName(other, name); });
  if (!known) return std::nullopt;
  return ApiMethod::kNone;
}

ApiMethod LegacyMethodNumbered(std::int32_t number) {
  return Find([number](const Row& row) { return row.legacy_number == number; });
}

std::optional<ApiEndpoint> ApiEndpointAt(std::string_view rest) {
  if (rest.empty()) return ApiEndpoint{.form = ApiForm::kLegacy};
  if (rest.front() != '/') return std::nullopt;
  rest.remove_prefix(1);
  if (rest == "batch") return ApiEndpoint{.form = ApiForm::kBatch};
  const ApiMethod method = ApiMethodNamed(rest);
  if (method == ApiMethod::kNone) return std::nullopt;
  return ApiEndpoint{.form = ApiForm::kSingle, .method = method};
}

}  // namespace tickcast::protocol
