// Proxies: the answers of the backend.
#include <absl/strings/escaping.h>

#include <bit>
#include <deque>

#include "protocol/abseil.h"
#include "protocol/centrifuge/proxy.h"
#include "protocol/json/object_reader.h"

namespace tickcast::protocol {
namespace {

constexpr std::size_t kExpectedBodyBytes = 4 * 1024;

// A close code that the protocol knows what to do with; others may not be sent at all.
constexpr std::uint32_t kLeastDisconnectCode = 3000;
constexpr std::uint32_t kGreatestDisconnectCode = 4999;

}  // namespace

struct ProxyAnswerParser::Impl {
  // A payload comes in one of two members.
  struct Bytes {
    std::string_view json;
    std::string_view base64;
  };
  struct Refusal {
    bool present = false;
    std::uint32_t code = 0;
    std::string_view text;
    bool temporary = false;
  };

  JsonObjectReader reader{kExpectedBodyBytes};
  std::vector<char> text;           // The body minified: what most views point into.
  std::deque<std::string> decoded;  // Payloads that came as base64, and names of channels.
  std::vector<std::string_view> channels;
  std::vector<ProxySubscription> subs;
  std::vector<ProxyPolledValue> items;
  ProxyAnswer answer;

  bool Parse(ProxyKind kind, std::string_view body);

 private:
  bool ReadResult(ProxyKind kind, JsonValue& value);
  bool ReadMember(ProxyKind kind, std::string_view name, JsonValue& value);
  bool ReadConnectMember(std::string_view name, JsonValue& value);
  bool ReadPublishMember(std::string_view name, JsonValue& value);
  bool ReadMapMember(ProxyKind kind, std::string_view name, JsonValue& value);
  bool ReadPollMember(std::string_view name, JsonValue& value);
  bool ReadItem(JsonValue& value);
  bool ReadChannels(JsonValue& value);
  bool ReadSubs(JsonValue& value);
  bool ReadSub(JsonValue& value, ProxySubscription& sub);
  bool ReadRefusal(JsonValue& value, const char* text_name, Refusal& out);
  bool Refuse(const Refusal& refusal, ProxyAnswer::Verdict verdict);
  bool Resolve(const Bytes& bytes, bool json_first, ProxyBytes& out);

  Bytes info;
  Bytes data;
};

bool ProxyAnswerParser::Impl::Parse(ProxyKind kind, std::string_view body) {
  answer = {};
  decoded.clear();
  channels.clear();
  subs.clear();
  items.clear();
  info = {};
  data = {};
  const std::size_t needed_bytes = body.size() + kJsonPaddingBytes;
  if (text.size() < needed_bytes) text.resize(std::bit_ceil(needed_bytes));
  Refusal error;
  Refusal disconnect;
  const auto read_member = [&](std::string_view name, JsonValue& value) {
    if (name == "result") return ReadResult(kind, value);
    if (name == "error") return ReadRefusal(value, "message", error);
    if (name == "disconnect") return ReadRefusal(value, "reason", disconnect);
    return true;
  };
  if (reader.Read(body, text.data(), read_member) == 0) return false;
  if (disconnect.present) {
    return disconnect.code >= kLeastDisconnectCode && disconnect.code <= kGreatestDisconnectCode &&
           Refuse(disconnect, ProxyAnswer::Verdict::kDisconnect);
  }
  if (error.present) return error.code != 0 && Refuse(error, ProxyAnswer::Verdict::kError);
  // The original looks for `data` first in the answer to a publish, and for b64data in the others.
  if (!Resolve(info, /*json_first=*/false, answer.info) || !answer.info.is_json ||
      !Resolve(data, kind == ProxyKind::kPublish || kind == ProxyKind::kMapPublish, answer.data)) {
    return false;
  }
  answer.channels = channels;
  answer.subs = subs;
  answer.items = items;
  return true;
}

bool ProxyAnswerParser::Impl::Refuse(const Refusal& refusal, ProxyAnswer::Verdict verdict) {
  answer = {.verdict = verdict,
            .code = refusal.code,
            .text = refusal.text,
            .temporary = refusal.temporary};
  return true;
}

bool ProxyAnswerParser::Impl::ReadRefusal(JsonValue& value, const char* text_name, Refusal& out) {
  if (value.is_null()) return true;
  out.present = true;
  return value.ReadObject([&](std::string_view name, JsonValue& member) {
    if (name == "code") return member.Read(out.code);
    if (name == text_name) return member.Read(out.text);
    if (name == "temporary") return member.Read(out.temporary);
    return true;
  });
}

bool ProxyAnswerParser::Impl::ReadResult(ProxyKind kind, JsonValue& value) {
  if (value.is_null()) return true;
  answer.has_result = true;
  return value.ReadObject(
      [&](std::string_view name, JsonValue& member) { return ReadMember(kind, name, member); });
}

bool ProxyAnswerParser::Impl::ReadMember(ProxyKind kind, std::string_view name, JsonValue& value) {
  if (kind == ProxyKind::kSharedPollRefresh) return ReadPollMember(name, value);
  if (kind == ProxyKind::kMapPublish || kind == ProxyKind::kMapRemove) {
    return ReadMapMember(kind, name, value);
  }
  const bool refreshes = kind == ProxyKind::kRefresh || kind == ProxyKind::kSubRefresh;
  const bool has_info = refreshes || kind == ProxyKind::kConnect || kind == ProxyKind::kSubscribe;
  if (has_info && name == "expire_at") return value.Read(answer.expire_at_s);
  if (has_info && name == "info") return value.ReadJson(info.json);
  if (has_info && name == "b64info") return value.Read(info.base64);
  if (!refreshes && name == "data") return value.ReadJson(data.json);
  if (!refreshes && name == "b64data") return value.Read(data.base64);
  if (refreshes && name == "expired") return value.Read(answer.expired);
  if (kind == ProxyKind::kRefresh && name == "meta") return value.ReadJson(answer.meta);
  if (kind == ProxyKind::kConnect) return ReadConnectMember(name, value);
  if (kind == ProxyKind::kPublish) return ReadPublishMember(name, value);
  if (kind == ProxyKind::kSubscribe && name == "override") {
    return ReadSubscriptionOverride(value, answer.override);
  }
  return true;
}

bool ProxyAnswerParser::Impl::ReadConnectMember(std::string_view name, JsonValue& value) {
  if (name == "user") return value.Read(answer.user);
  if (name == "meta") return value.ReadJson(answer.meta);
  if (name == "channels") return ReadChannels(value);
  if (name == "subs") return ReadSubs(value);
  return true;
}

bool ProxyAnswerParser::Impl::ReadPublishMember(std::string_view name, JsonValue& value) {
  if (name == "skip_history") return value.Read(answer.skip_history);
  if (name == "tags") return value.ReadStringMapJson(answer.tags);
  if (name == "idempotency_key") return value.Read(answer.idempotency_key);
  if (name == "delta") return value.Read(answer.delta);
  if (name == "version") return value.Read(answer.version);
  if (name == "version_epoch") return value.Read(answer.version_epoch);
  return true;
}

// What is published into a map has no history to skip, and what removes has tags at most.
bool ProxyAnswerParser::Impl::ReadMapMember(ProxyKind kind, std::string_view name,
                                            JsonValue& value) {
  if (name == "key") return value.Read(answer.key);
  if (name == "tags") return value.ReadStringMapJson(answer.tags);
  if (name == "idempotency_key") return value.Read(answer.idempotency_key);
  if (kind == ProxyKind::kMapRemove || name == "skip_history") return true;
  if (name == "data") return value.ReadJson(data.json);
  if (name == "b64data") return value.Read(data.base64);
  if (name != "key_mode") return ReadPublishMember(name, value);
  std::string_view mode_name;
  if (!value.Read(mode_name)) return false;
  const std::optional<KeyMode> mode = KeyModeNamed(mode_name);
  answer.key_mode = mode.value_or(KeyMode::kReplace);
  return mode.has_value();
}

bool ProxyAnswerParser::Impl::ReadPollMember(std::string_view name, JsonValue& value) {
  if (name == "epoch") return value.Read(answer.epoch);
  if (name != "items") return true;
  items.clear();
  if (value.is_null()) return true;
  return value.ReadArray([this](JsonValue& item) { return ReadItem(item); });
}

// `prev_data` is for a server that does not keep values, and so cannot make deltas of them.
bool ProxyAnswerParser::Impl::ReadItem(JsonValue& value) {
  ProxyPolledValue& item = items.emplace_back();
  return value.ReadObject([&item](std::string_view name, JsonValue& member) {
    if (name == "key") return member.Read(item.key);
    if (name == "data") return member.ReadJson(item.data);
    if (name == "version") return member.Read(item.version);
    if (name == "removed") return member.Read(item.removed);
    return true;
  });
}

bool ProxyAnswerParser::Impl::ReadChannels(JsonValue& value) {
  channels.clear();
  if (value.is_null()) return true;
  return value.ReadArray([&](JsonValue& one) { return one.Read(channels.emplace_back()); });
}

bool ProxyAnswerParser::Impl::ReadSubs(JsonValue& value) {
  subs.clear();
  if (value.is_null()) return true;
  return value.ReadObject([&](std::string_view name, JsonValue& options) {
    ProxySubscription sub;
    // Copied: an unescaped name lives in a buffer of simdjson's.
    sub.channel = decoded.emplace_back(name);
    if (!options.is_null() && !ReadSub(options, sub)) return false;
    subs.push_back(sub);
    return true;
  });
}

bool ProxyAnswerParser::Impl::ReadSub(JsonValue& value, ProxySubscription& sub) {
  Bytes sub_info;
  Bytes sub_data;
  const bool is_readable = value.ReadObject([&](std::string_view name, JsonValue& member) {
    if (name == "expire_at") return member.Read(sub.expire_at_s);
    if (name == "info") return member.ReadJson(sub_info.json);
    if (name == "b64info") return member.Read(sub_info.base64);
    if (name == "data") return member.ReadJson(sub_data.json);
    if (name == "b64data") return member.Read(sub_data.base64);
    if (name == "override") return ReadSubscriptionOverride(member, sub.override);
    if (name == "cache_recover") return member.Read(sub.cache_recover);
    return true;
  });
  return is_readable && Resolve(sub_info, /*json_first=*/false, sub.info) && sub.info.is_json &&
         Resolve(sub_data, /*json_first=*/false, sub.data);
}

bool ProxyAnswerParser::Impl::Resolve(const Bytes& bytes, bool json_first, ProxyBytes& out) {
  if (bytes.base64.empty() || (json_first && !bytes.json.empty())) {
    out.bytes = bytes.json;
    return true;
  }
  std::string payload;
  if (!absl::Base64Unescape(Abseil(bytes.base64), &payload)) return false;
  const std::size_t payload_bytes = payload.size();
  payload.append(kJsonPaddingBytes, ' ');
  const std::optional<std::string_view> line =
      reader.validator().Minify(std::string_view(payload).substr(0, payload_bytes));
  out.is_json = line.has_value();
  payload.resize(payload_bytes);
  out.bytes = decoded.emplace_back(line ? std::string(*line) : std::move(payload));
  return true;
}

ProxyAnswerParser::ProxyAnswerParser() : impl_(std::make_unique<Impl>()) {}
ProxyAnswerParser::~ProxyAnswerParser() = default;

bool ProxyAnswerParser::Parse(ProxyKind kind, std::string_view body) {
  if (impl_->Parse(kind, body)) return true;
  impl_->answer = {};
  return false;
}

const ProxyAnswer& ProxyAnswerParser::answer() const { return impl_->answer; }

}  // namespace tickcast::protocol
