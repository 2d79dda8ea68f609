#include "protocol/centrifuge/api_method.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "protocol/abseil.h"

namespace tickcast::protocol {
namespace {

using Channel = ApiMethodFacts::Channel;
using Members = ApiMethodFacts::Members;
using Asks = ApiMethodFacts::Asks;
using Answer = ApiMethodFacts::Answer;

// By ApiMethod. shared_poll_publish answers what the original answers for a channel that is no
// shared poll.
constexpr ApiMethodFacts kMethods[] = {
    {"publish", 0, Channel::kRequired, Members::kPublication, Asks::kHome, Answer::kPosition},
    {"broadcast", 1, Channel::kList, Members::kPublication, Asks::kHome, Answer::kResponses},
    {"subscribe", 11, Channel::kRequired, Members::kSubscribe, Asks::kShards},
    {"unsubscribe", 2, Channel::kOptional, Members::kTarget, Asks::kShards},
    {"disconnect", 3, Channel::kNone, Members::kDisconnect, Asks::kShards},
    {"history", 6, Channel::kRequired, Members::kHistory, Asks::kHome, Answer::kHistory},
    {"history_remove", 7, Channel::kRequired, Members::kNone, Asks::kHome},
    {"presence", 4, Channel::kRequired, Members::kNone, Asks::kHome, Answer::kPresence},
    {"presence_stats", 5, Channel::kRequired, Members::kNone, Asks::kHome, Answer::kPresenceStats},
    {"info", 9, Channel::kNone, Members::kNone, Asks::kShards, Answer::kInfo},
    {.name = "rpc", .legacy_number = 10, .members = Members::kRpc},
    {"refresh", 12, Channel::kNone, Members::kRefresh, Asks::kShards},
    {"channels", 8, Channel::kNone, Members::kChannels, Asks::kShards, Answer::kChannels},
    {"map_publish", 33, Channel::kRequired, Members::kMapPublish, Asks::kHome, Answer::kMapWrite},
    {"map_remove", 34, Channel::kRequired, Members::kMapRemove, Asks::kHome, Answer::kMapWrite},
    {"map_read_state", 35, Channel::kRequired, Members::kMapReadState, Asks::kHome,
     Answer::kMapPage},
    {"map_read_stream", 36, Channel::kRequired, Members::kMapReadStream, Asks::kHome,
     Answer::kMapPage},
    {"map_stats", 37, Channel::kRequired, Members::kNone, Asks::kHome, Answer::kMapStats},
    {"map_clear", 38, Channel::kRequired, Members::kNone, Asks::kHome},
    {"shared_poll_publish", 39, Channel::kRequired, Members::kSharedPollPublish, Asks::kHome},
    {"block_user", 18, Channel::kNone, Members::kRevocation, Asks::kShards},
    {"unblock_user", 19, Channel::kNone, Members::kRevocation, Asks::kShards},
    {"revoke_token", 20, Channel::kNone, Members::kRevocation, Asks::kShards},
    {"invalidate_user_tokens", 21, Channel::kOptional, Members::kRevocation, Asks::kShards},
    {},
};
static_assert(std::size(kMethods) == kApiMethods + 1);

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
  const auto* const end = std::begin(kMethods) + kApiMethods;  // Behind it is that of kNone.
  return static_cast<ApiMethod>(std::find_if(std::begin(kMethods), end, matches) -
                                std::begin(kMethods));
}

}  // namespace

const ApiMethodFacts& FactsOf(ApiMethod method) {
  return kMethods[static_cast<std::size_t>(method)];
}

std::string_view NameOf(ApiMethod method) { return FactsOf(method).name; }

ApiMethod ApiMethodNamed(std::string_view name) {
  return Find([name](const ApiMethodFacts& row) { return row.name == name; });
}

std::optional<ApiMethod> LegacyMethodNamed(std::string_view name) {
  const ApiMethod method =
      Find([name](const ApiMethodFacts& row) { return SameName(row.name, name); });
  if (method != ApiMethod::kNone) return method;
  const bool known = std::any_of(std::begin(kLegacyOnly), std::end(kLegacyOnly),
                                 [name](std::string_view other) { return SameName(other, name); });
  if (!known) return std::nullopt;
  return ApiMethod::kNone;
}

ApiMethod LegacyMethodNumbered(std::int32_t number) {
  return Find([number](const ApiMethodFacts& row) { return row.legacy_number == number; });
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
