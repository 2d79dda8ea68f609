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

bool ReadSubscribe(ApiDraft& draft, std::string_view name, JsonValue& value) {
  ApiCommand& command = draft.command;
  if (name == "data") return value.ReadJson(command.data);
  if (name == "b64data") return value.Read(draft.b64data);
  if (name == "info") return value.ReadJson(command.info);
  if (name == "b64info") return value.Read(draft.b64info);
  if (name == "expire_at") return value.Read(command.expire_at);
  if (name == "recover_since") return ReadSince(command, value);
  if (name == "override") return ReadSubscriptionOverride(value, command.override_options);
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

// `stream_data` and `score` are read over, as there.
bool ReadMapPublish(ApiDraft& draft, std::string_view name, JsonValue& value) {
  if (name == "key") return value.Read(draft.command.key);
  if (name == "key_mode") return value.Read(draft.key_mode);
  return name == "skip_history" || ReadPublication(draft, name, value);
}

bool ReadMapRemove(ApiCommand& command, std::string_view name, JsonValue& value) {
  if (name == "key") return value.Read(command.key);
  return name != "idempotency_key" || value.Read(command.idempotency_key);
}

// `asc` is of ordered maps, which nobody can configure there either.
bool ReadMapReadState(ApiCommand& command, std::string_view name, JsonValue& value) {
  if (name == "key") return value.Read(command.key);
  if (name == "cursor") return value.Read(command.cursor);
  if (name == "limit") return value.Read(command.limit);
  if (name == "revision_offset") return value.Read(command.since_offset);
  return name != "revision_epoch" || value.Read(command.since_epoch);
}

bool ReadMapReadStream(ApiCommand& command, std::string_view name, JsonValue& value) {
  if (name == "limit") return value.Read(command.limit);
  if (name == "reverse") return value.Read(command.reverse);
  if (name == "since_offset") return value.Read(command.since_offset);
  return name != "since_epoch" || value.Read(command.since_epoch);
}

bool ReadSharedPollPublish(ApiDraft& draft, std::string_view name, JsonValue& value) {
  if (name == "key") return value.Read(draft.command.key);
  if (name == "data") return value.ReadJson(draft.command.data);
  if (name == "b64data") return value.Read(draft.b64data);
  if (name == "version") return value.Read(draft.command.version);
  return name != "epoch" || value.Read(draft.command.version_epoch);
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

bool CheckMapPublish(ApiDraft& draft, JsonValidator& validator, std::deque<std::string>& decoded) {
  ApiCommand& command = draft.command;
  const std::optional<KeyMode> mode = KeyModeNamed(draft.key_mode);
  command.key_mode = mode.value_or(KeyMode::kReplace);
  return mode && !command.key.empty() &&
         Decode(draft.b64data, command.data, command.raw, validator, decoded);
}

// A position that is not there has neither number nor epoch.
bool FindSince(ApiCommand& command) {
  command.has_since = command.since_offset != 0 || !command.since_epoch.empty();
  return true;
}

// Whether it has what it needs beside a channel, and all of it is well-formed.
bool IsComplete(ApiDraft& draft, JsonValidator& validator, std::deque<std::string>& decoded) {
  using Members = ApiMethodFacts::Members;
  ApiCommand& command = draft.command;
  switch (FactsOf(command.method).members) {
    case Members::kPublication:
      return DecodePublication(draft, validator, decoded);
    case Members::kSubscribe:
      return Decode(draft.b64data, command.data, command.raw, validator, decoded) &&
             DecodeJson(draft.b64info, command.info, validator, decoded);
    case Members::kDisconnect:
      return CheckDisconnect(draft);
    case Members::kRpc:
      return !draft.method.empty();
    case Members::kMapPublish:
      return CheckMapPublish(draft, validator, decoded);
    case Members::kMapRemove:
      return !command.key.empty();
    case Members::kMapReadState:
    case Members::kMapReadStream:
      return FindSince(command);
    case Members::kSharedPollPublish:
      return !command.key.empty() && command.version != 0 &&
             Decode(draft.b64data, command.data, command.raw, validator, decoded);
    case Members::kRevocation:
      return !(command.method == ApiMethod::kRevokeToken ? command.uid : command.user).empty();
    case Members::kNone:
    case Members::kTarget:
    case Members::kHistory:
    case Members::kRefresh:
    case Members::kChannels:
      return true;
  }
  return true;
}

}  // namespace

bool ReadApiMember(ApiDraft& draft, std::string_view name, JsonValue& value) {
  using Channel = ApiMethodFacts::Channel;
  using Members = ApiMethodFacts::Members;
  ApiCommand& command = draft.command;
  const ApiMethodFacts& facts = FactsOf(command.method);
  const bool one_channel =
      facts.channel == Channel::kRequired || facts.channel == Channel::kOptional;
  if (name == "channel" && one_channel) return ReadChannel(draft, value);
  if (name == "channels" && facts.channel == Channel::kList) return ReadNames(draft, value);
  switch (facts.members) {
    case Members::kNone:
      return true;
    case Members::kPublication:
      return ReadPublication(draft, name, value);
    case Members::kSubscribe:
      return ReadSubscribe(draft, name, value);
    case Members::kTarget:
      return ReadTarget(command, name, value);
    case Members::kDisconnect:
      return ReadDisconnect(draft, name, value);
    case Members::kHistory:
      return ReadHistory(command, name, value);
    case Members::kRefresh:
      return ReadRefresh(command, name, value);
    case Members::kRpc:
      return name != "method" || value.Read(draft.method);
    case Members::kChannels:
      return name != "pattern" || value.Read(command.pattern);
    case Members::kMapPublish:
      return ReadMapPublish(draft, name, value);
    case Members::kMapRemove:
      return ReadMapRemove(command, name, value);
    case Members::kMapReadState:
      return ReadMapReadState(command, name, value);
    case Members::kMapReadStream:
      return ReadMapReadStream(command, name, value);
    case Members::kSharedPollPublish:
      return ReadSharedPollPublish(draft, name, value);
    case Members::kRevocation:
      return ReadRevocation(command, name, value);
  }
  return true;
}

ApiError CheckApiRequest(ApiDraft& draft, JsonValidator& validator,
                         std::deque<std::string>& decoded) {
  using Channel = ApiMethodFacts::Channel;
  const ApiCommand& command = draft.command;
  if (command.method == ApiMethod::kNone) return ApiError::kNotFound;
  const Channel channel = FactsOf(command.method).channel;
  const bool is_listed = draft.names.size() > draft.first_name;
  if (channel == Channel::kList && !is_listed) return ApiError::kBadRequest;
  if (channel == Channel::kRequired && (!is_listed || draft.names[draft.first_name].empty())) {
    return ApiError::kBadRequest;
  }
  if (!IsComplete(draft, validator, decoded)) return ApiError::kBadRequest;
  // An rpc is answered by what was compiled into the original, and by default nothing is.
  return command.method == ApiMethod::kRpc ? ApiError::kNotFound : ApiError::kNone;
}

}  // namespace tickcast::protocol
