// ApiMethod: what the server API can be asked, and all that is known of each method.
//
// One table holds them all: the path /api/NAME, the member of a batch command, the method of the
// legacy form and the member of a batch reply come from it, and how a request is read, who is asked
// and what is answered.
// Sources: internal/api/handler.go, handler_legacy.go and api.go of
// github.com/centrifugal/centrifugo 6.9. Threading: constants and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/centrifuge/api_error.h"

namespace tickcast::protocol {

// In the order of the original: of several in one command of a batch the first one counts.
enum class ApiMethod : std::uint8_t {
  kPublish,
  kBroadcast,
  kSubscribe,
  kUnsubscribe,
  kDisconnect,
  kHistory,
  kHistoryRemove,
  kPresence,
  kPresenceStats,
  kInfo,
  kRpc,
  kRefresh,
  kChannels,
  kMapPublish,
  kMapRemove,
  kMapReadState,
  kMapReadStream,
  kMapStats,
  kMapClear,
  kSharedPollPublish,
  // Centrifugo PRO has these, and only these of its own are here.
  kBlockUser,
  kUnblockUser,
  kRevokeToken,
  kInvalidateUserTokens,
  kNone,  // Named no method of ours: always with an error, answered and not run.
};
inline constexpr int kApiMethods = static_cast<int>(ApiMethod::kNone);

struct ApiMethodFacts {
  // Whether its request names a channel.
  enum class Channel : std::uint8_t {
    kNone,
    kOptional,
    kRequired,
    kList,  // Several, and each has to have a name.
  };
  // Which other members are read.
  enum class Members : std::uint8_t {
    kNone,
    kPublication,
    kSubscribe,
    kTarget,
    kDisconnect,
    kHistory,
    kRefresh,
    kRpc,
    kChannels,
    kMapPublish,
    kMapRemove,
    kMapReadState,
    kMapReadStream,
    kSharedPollPublish,
    kRevocation,
  };
  enum class Asks : std::uint8_t {
    kNobody,  // It is always answered with `unserved`.
    kHome,    // Of its channel.
    kShards,  // All: what comes behind it in a batch has to wait for it, and it for what is before.
  };
  // Of a command that went well.
  enum class Answer : std::uint8_t {
    kEmpty,
    kPosition,
    kResponses,  // One per channel.
    kHistory,
    kPresence,
    kPresenceStats,
    kInfo,
    kChannels,
    kMapWrite,
    kMapPage,
    kMapStats,
  };

  std::string_view name;  // "" for kNone.
  std::int32_t legacy_number = -1;
  Channel channel = Channel::kNone;
  Members members = Members::kNone;
  Asks asks = Asks::kNobody;
  Answer answer = Answer::kEmpty;
  ApiError unserved = ApiError::kNotFound;

  // Its channel has to be a map.
  bool is_of_map() const { return name.starts_with("map_"); }
};

const ApiMethodFacts& FactsOf(ApiMethod method);

// "publish" and so on; "" for kNone.
std::string_view NameOf(ApiMethod method);

// The method of that name, exactly; kNone when there is none.
ApiMethod ApiMethodNamed(std::string_view name);

// The method of a legacy command: names are read without case. kNone for one that the original
// knows and nobody answers here; nothing for a name that the original does not know either.
std::optional<ApiMethod> LegacyMethodNamed(std::string_view name);
ApiMethod LegacyMethodNumbered(std::int32_t number);

// How a request carries its commands.
enum class ApiForm : std::uint8_t {
  kSingle,  // POST /api/NAME: the request of one method.
  kBatch,   // POST /api/batch: {commands: [{publish: {…}}, …], parallel}
  kLegacy,  // POST /api:       {id, method, params}, several with white space between
};

struct ApiEndpoint {
  ApiForm form = ApiForm::kSingle;
  ApiMethod method = ApiMethod::kNone;  // kSingle.
};

// The endpoint at /api `rest`: "" is the legacy one, else "/batch" or "/" and a method.
std::optional<ApiEndpoint> ApiEndpointAt(std::string_view rest);

}  // namespace tickcast::protocol
