#include "protocol/centrifuge/api_members.h"

#include <optional>

#include "absl/strings/escaping.h"
#include "protocol/abseil.h"

namespace tickcast::protocol {
namespace {

bool ReadNames(ApiDraft& draft, JsonValue& value) {
  draft.names.resize(draft.first_name);  // Of two members of this name the last counts.
  if (value.is_null()) return true;
  return value.ReadArray([&](JsonValue& one) { return one.Read(draft.names.emplace_back()); });
}

bool ReadChannel(ApiDraft& draft, JsonValue& value) {
  draft.names.resize(draft.first_name);
  return value.Read(draft.names.emplace_back());
}

bool ReadPublication(ApiDraft& draft, std::string_view name, JsonValue& value) {
  ApiCommand& command = draft.command;
  if (name == "data") return value.ReadJson(command.data);
  if (name == "b64data") return value.Read(draft.b64data);
  if (name == "skip_history") return value.Read(command.skip_history);
  if (name == "tags") return value.ReadStringMapJson(command.tags);
  if (name == "idempotency_key") return value.Read(command.idempotency_key);
  if (name == "delta") return value.Read(command.delta);
  if (name == "version") return value.Read(command.version);
  if (name == "version_epoch") return value.Read(command.version_epoch);
  return true;
}

// Whose connections are meant. Labels and `all_users` are Centrifugo PRO's: read over, as there.
bool ReadTarget(ApiCommand& command, std::string_view name, JsonValue& value) {
  if (name == "user") return value.Read(command.user);
  if (name == "client") return value.Read(command.client);
  if (name == "session") return value.Read(command.session);
  return true;
}

bool ReadSince(ApiCommand& command, JsonValue& value) {
  command.has_since = !value.is_null();
  if (!command.has_since) return true;
  command.since_offset = 0;
  command.since_epoch = {};
  return value.ReadObject([&](std::string_view name, JsonValue& member) {
    if (name == "offset") return member.Read(command.since_offset);
    if (name == "epoch") return member.Read(command.since_epoch);
    return true;
  });
}

// {"value": true}; {} is false, null and an absent one say nothing.
bool ReadChoice(std::optional<bool>& choice, JsonValue& value) {
  if (value.is_null()) return true;
  choice = false;
  return value.ReadObject([&](std::string_view name, JsonValue& member) {
    return name != "value" || member.Read(*choice);
  });
}

bool ReadOverride(SubscriptionOverride& by, JsonValue& value) {
  if (value.is_null()) return true;
  return value.ReadObject([&](std::string_view name, JsonValue& member) {
    if (name == "presence") return ReadChoice(by.presence, member);
    if (name == "join_leave") return ReadChoice(by.join_leave, member);
    if (name == "force_recovery") return ReadChoice(by.force_recovery, member);
    if (name == "force_positioning") return ReadChoice(by.force_positioning, member);
    if (name == "force_push_join_leave") return ReadChoice(by.force_push_join_leave, member);
    return true;
  });
}

bool ReadSubscribe(ApiDraft& draft, std::string_view name, JsonValue& value) {
  ApiCommand& command = draft.command;
  if (name == "data") return value.ReadJson(command.data);
  if (name == "b64data") return value.Read(draft.b64data);
  if (name == "info") return value.ReadJson(command.info);
  if (name == "b64info") return value.Read(draft.b64info);
  if (name == "expire_at") return value.Read(command.expire_at);
  if (name == "recover_since") return ReadSince(command, value);
  if (name == "override") return ReadOverride(command.override_options, value);
  return ReadTarget(command, name, value);
}

bool ReadDisconnect(ApiDraft& draft, std::string_view name, JsonValue& value) {
  if (name == "whitelist") return ReadNames(draft, value);
  if (name != "disconnect") return ReadTarget(draft.command, name, value);
  draft.has_disconnect = !value.is_null();
  if (!draft.has_disconnect) return true;
  return value.ReadObject([&](std::string_view member_name, JsonValue& member) {
    if (member_name == "code") return member.Read(draft.disconnect_code);
    if (member_name == "reason") return member.Read(draft.disconnect_reason);
    return true;
  });
}

bool ReadRefresh(ApiCommand& command, std::string_view name, JsonValue& value) {
  if (name == "expired") return value.Read(command.expired);
  if (name == "expire_at") return value.Read(command.expire_at);
  if (name == "info") return value.ReadJson(command.info);
  return ReadTarget(command, name, value);
}

bool ReadHistory(ApiCommand& command, std::string_view name, JsonValue& value) {
  if (name == "limit") return value.Read(command.limit);
  if (name == "since") return ReadSince(command, value);
  if (name == "reverse") return value.Read(command.reverse);
  return true;
}

bool ReadRevocation(ApiCommand& command, std::string_view name, JsonValue& value) {
  const ApiMethod method = command.method;
  if (method != ApiMethod::kRevokeToken && name == "user") return value.Read(command.user);
  if (method == ApiMethod::kRevokeToken && name == "uid") return value.Read(command.uid);
  if (method != ApiMethod::kUnblockUser && name == "expire_at") {
    return value.Read(command.expire_at);
  }
  if (method == ApiMethod::kInvalidateUserTokens && name == "issued_before") {
    return value.Read(command.issued_before);
  }
  return true;
}

// Of the requests that are read here; a broadcast has several, in another member.
bool HasChannel(ApiMethod method) {
  switch (method) {
    case ApiMethod::kPublish:
    case ApiMethod::kSubscribe:
    case ApiMethod::kUnsubscribe:
    case ApiMethod::kHistory:
    case ApiMethod::kHistoryRemove:
    case ApiMethod::kPresence:
    case ApiMethod::kPresenceStats:
    case ApiMethod::kMapPublish:
    case ApiMethod::kMapRemove:
    case ApiMethod::kMapReadState:
    case ApiMethod::kMapReadStream:
    case ApiMethod::kMapStats:
    case ApiMethod::kMapClear:
    case ApiMethod::kSharedPollPublish:
    case ApiMethod::kInvalidateUserTokens:
      return true;
    case ApiMethod::kBroadcast:
    case ApiMethod::kDisconnect:
    case ApiMethod::kInfo:
    case ApiMethod::kRpc:
    case ApiMethod::kRefresh:
    case ApiMethod::kChannels:
    case ApiMethod::kBlockUser:
    case ApiMethod::kUnblockUser:
    case ApiMethod::kRevokeToken:
    case ApiMethod::kNone:
      return false;
  }
  return false;
}

// Replaces `json` by what `base64` holds, which wins as in the original, and makes it empty where
// that is no JSON. False: it is not base64. `raw` is what it holds.
bool Decode(std::string_view base64, std::string_view& json, std::string_view& raw,
            JsonValidator& validator, std::deque<std::string>& decoded) {
  if (base64.empty()) return true;
  std::string& payload = decoded.emplace_back();
  if (!absl::Base64Unescape(Abseil(base64), &payload)) return false;
  const std::size_t payload_bytes = payload.size();
  payload.append(kJsonPaddingBytes, ' ');
  raw = std::string_view(payload).substr(0, payload_bytes);
  const std::optional<std::string_view> line = validator.Minify(raw);
  json = line ? std::string_view(decoded.emplace_back(*line)) : std::string_view();
  return true;
}

// The same where it has to be JSON.
bool DecodeJson(std::string_view base64, std::string_view& json, JsonValidator& validator,
                std::deque<std::string>& decoded) {
  std::string_view raw;
  return Decode(base64, json, raw, validator, decoded) && (base64.empty() || !json.empty());
}

bool DecodePublication(ApiDraft& draft, JsonValidator& validator,
                       std::deque<std::string>& decoded) {
  ApiCommand& command = draft.command;
  return Decode(draft.b64data, command.data, command.raw, validator, decoded) &&
         !(command.data.empty() && command.raw.empty());
}

bool CheckDisconnect(ApiDraft& draft) {
  if (!draft.has_disconnect) return true;
  if (draft.disconnect_code < kMinDisconnectCode || draft.disconnect_code > kMaxDisconnectCode ||
      draft.disconnect_reason.size() > kMaxDisconnectReasonBytes) {
    return false;
  }
  draft.command.disconnect_code = static_cast<std::uint16_t>(draft.disconnect_code);
  draft.command.disconnect_reason = draft.disconnect_reason;
  return true;
}

}  // namespace

bool ReadApiMember(ApiDraft& draft, std::string_view name, JsonValue& value) {
  ApiCommand& command = draft.command;
  if (name == "channel" && HasChannel(command.method)) return ReadChannel(draft, value);
  switch (command.method) {
    case ApiMethod::kBroadcast:
      if (name == "channels") return ReadNames(draft, value);
      return ReadPublication(draft, name, value);
    case ApiMethod::kPublish:
      return ReadPublication(draft, name, value);
    case ApiMethod::kSubscribe:
      return ReadSubscribe(draft, name, value);
    case ApiMethod::kUnsubscribe:
      return ReadTarget(command, name, value);
    case ApiMethod::kDisconnect:
      return ReadDisconnect(draft, name, value);
    case ApiMethod::kHistory:
      return ReadHistory(command, name, value);
    case ApiMethod::kRefresh:
      return ReadRefresh(command, name, value);
    case ApiMethod::kRpc:
      return name != "method" || value.Read(draft.method);
    case ApiMethod::kChannels:
      return name != "pattern" || value.Read(command.pattern);
    case ApiMethod::kMapPublish:
    case ApiMethod::kMapRemove:
    case ApiMethod::kSharedPollPublish:
      if (name == "key") return value.Read(draft.key);
      return name != "version" || value.Read(command.version);
    case ApiMethod::kBlockUser:
    case ApiMethod::kUnblockUser:
    case ApiMethod::kRevokeToken:
    case ApiMethod::kInvalidateUserTokens:
      return ReadRevocation(command, name, value);
    case ApiMethod::kHistoryRemove:
    case ApiMethod::kPresence:
    case ApiMethod::kPresenceStats:
    case ApiMethod::kInfo:
    case ApiMethod::kMapReadState:
    case ApiMethod::kMapReadStream:
    case ApiMethod::kMapStats:
    case ApiMethod::kMapClear:
    case ApiMethod::kNone:
      return true;
  }
  return true;
}

ApiError CheckApiRequest(ApiDraft& draft, JsonValidator& validator,
                         std::deque<std::string>& decoded) {
  ApiCommand& command = draft.command;
  const auto bad_unless = [](bool good) { return good ? ApiError::kNone : ApiError::kBadRequest; };
  const bool has_channel =
      draft.names.size() > draft.first_name && !draft.names[draft.first_name].empty();
  switch (command.method) {
    case ApiMethod::kPublish:
      return bad_unless(has_channel && DecodePublication(draft, validator, decoded));
    case ApiMethod::kBroadcast:
      return bad_unless(draft.names.size() > draft.first_name &&
                        DecodePublication(draft, validator, decoded));
    case ApiMethod::kSubscribe:
      return bad_unless(has_channel &&
                        Decode(draft.b64data, command.data, command.raw, validator, decoded) &&
                        DecodeJson(draft.b64info, command.info, validator, decoded));
    case ApiMethod::kDisconnect:
      return bad_unless(CheckDisconnect(draft));
    case ApiMethod::kRpc:
      // The original answers by what was compiled into it, and by default nothing is.
      return draft.method.empty() ? ApiError::kBadRequest : ApiError::kNotFound;
    case ApiMethod::kHistory:
    case ApiMethod::kHistoryRemove:
    case ApiMethod::kPresence:
    case ApiMethod::kPresenceStats:
    case ApiMethod::kMapReadState:
    case ApiMethod::kMapReadStream:
    case ApiMethod::kMapStats:
    case ApiMethod::kMapClear:
      return bad_unless(has_channel);
    case ApiMethod::kMapPublish:
    case ApiMethod::kMapRemove:
      return bad_unless(has_channel && !draft.key.empty());
    case ApiMethod::kSharedPollPublish:
      return bad_unless(has_channel && !draft.key.empty() && command.version != 0);
    case ApiMethod::kBlockUser:
    case ApiMethod::kUnblockUser:
    case ApiMethod::kInvalidateUserTokens:
      return bad_unless(!command.user.empty());
    case ApiMethod::kRevokeToken:
      return bad_unless(!command.uid.empty());
    case ApiMethod::kUnsubscribe:
    case ApiMethod::kInfo:
    case ApiMethod::kRefresh:
    case ApiMethod::kChannels:
      return ApiError::kNone;
    case ApiMethod::kNone:
      return ApiError::kNotFound;
  }
  return ApiError::kNotFound;
}

}  // namespace tickcast::protocol
