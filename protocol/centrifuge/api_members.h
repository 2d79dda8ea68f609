// The members of each method's request, and what a request must have: a part of ApiRequestParser.
// For .cc files only, as json/object_reader.h.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/centrifuge/api.h"
#include "protocol/json/object_reader.h"

namespace tickcast::protocol {

// A request being read: its command, and what is only needed until it is checked.
struct ApiDraft {
  ApiCommand& command;
  // The names of the request's list, in the end of a vector that all requests of a body share:
  // `channels`, or the `whitelist` of a disconnect.
  std::vector<std::string_view>& names;
  std::size_t first_name;

  std::string_view b64data = {};
  std::string_view b64info = {};
  std::string_view key_mode = {};  // map_publish.
  std::string_view method = {};    // rpc.
  bool has_disconnect = false;
  std::uint32_t disconnect_code = 0;
  std::string_view disconnect_reason = {};
};

// Reads one member. False: it has a wrong type, and the body is no request at all.
bool ReadApiMember(ApiDraft& draft, std::string_view name, JsonValue& value);

// What is wrong with a request of right types; kNone makes its command complete. `decoded` keeps
// what came as base64.
ApiError CheckApiRequest(ApiDraft& draft, JsonValidator& validator,
                         std::deque<std::string>& decoded);

}  // namespace tickcast::protocol
