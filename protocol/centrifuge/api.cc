#include "protocol/centrifuge/api.h"

#include <bit>
#include <deque>
#include <optional>
#include <vector>

#include <absl/strings/escaping.h>
#include <absl/strings/match.h>

#include "protocol/json/object_reader.h"

namespace tickcast::protocol {
namespace {

constexpr std::size_t kExpectedBodyBytes = 4 * 1024;

// Methods of the original that the legacy endpoint may name and that are answered as not found
// here; any further name is no method and fails the request.
constexpr std::string_view kOtherMethods[] = {
    "subscribe",  "unsubscribe",    "disconnect",
    "presence",   "presence_stats", "history",
    "info",       "history_remove", "rpc",
    "refresh",    "channels",       "map_publish",
    "map_remove", "map_read_state", "map_read_stream",
    "map_stats",  "map_clear",      "shared_poll_publish",
};

// The original reads the name without case, or its number: 0 publish, 1 broadcast, more for others.
std::optional<ApiMethod> MethodNamed(std::string_view name) {
  if (absl::EqualsIgnoreCase({name.data(), name.size()}, "publish")) return ApiMethod::kPublish;
  if (absl::EqualsIgnoreCase({name.data(), name.size()}, "broadcast")) return ApiMethod::kBroadcast;
  for (const std::string_view other : kOtherMethods) {
    if (absl::EqualsIgnoreCase({name.data(), name.size()}, {other.data(), other.size()})) {
      return ApiMethod::kOther;
    }
  }
  return std::nullopt;
}

ApiMethod MethodNumbered(std::int32_t number) {
  if (number == 0) return ApiMethod::kPublish;
  if (number == 1) return ApiMethod::kBroadcast;
  return ApiMethod::kOther;
}

// The bytes of the first JSON object in `body`, which others may follow. Only finds where it ends;
// whether it is one is for the validator to say.
std::size_t FirstObjectBytes(std::string_view body) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < body.size(); ++at) {
    const char c = body[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth <= 0) {
      return at + 1;
    }
  }
  return body.size();
}

std::string_view TrimLeft(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

}  // namespace

struct ApiRequestParser::Impl {
  // Which of `channels` are a command's. Turned into a span when the vector has stopped growing.
  struct Slice {
    std::size_t first = 0;
    std::size_t count = 0;
  };

  JsonObjectReader reader{kExpectedBodyBytes};
  std::vector<char> text;           // The body or its params, minified: what most views point into.
  std::vector<char> envelope;       // Legacy: the command around the params.
  std::deque<std::string> decoded;  // Payloads that came as b64data.
  std::vector<ApiCommand> commands;
  std::vector<Slice> slices;  // One per command.
  std::vector<std::string_view> channels;
  bool parallel = false;

  void Reset(std::size_t body_bytes);
  bool ReadSingle(ApiMethod method, std::string_view body);
  bool ReadBatch(std::string_view body);
  bool ReadLegacy(std::string_view body);
  void ConnectSlices();

 private:
  void Add(ApiMethod method, std::uint32_t id = 0);
  void DropLast();
  // Fail the last command: nothing but its reply is left to do.
  void FailLast(ApiError error);

  // These work on the last command. False: a wrong type.
  bool ReadMember(std::string_view name, JsonValue& value, std::string_view& b64data);
  bool ReadChannels(JsonValue& value);
  void CheckLast(std::string_view b64data);

  bool ReadBatchCommand(JsonValue& element);
  bool ReadLegacyCommand(std::string_view object, char* params_text, std::size_t& params_bytes);
};

void ApiRequestParser::Impl::Reset(std::size_t body_bytes) {
  const std::size_t needed_bytes = body_bytes + kJsonPaddingBytes;
  if (text.size() < needed_bytes) text.resize(std::bit_ceil(needed_bytes));
  if (envelope.size() < needed_bytes) envelope.resize(std::bit_ceil(needed_bytes));
  decoded.clear();
  commands.clear();
  slices.clear();
  channels.clear();
  parallel = false;
}

void ApiRequestParser::Impl::Add(ApiMethod method, std::uint32_t id) {
  ApiCommand& command = commands.emplace_back();
  command.method = method;
  command.id = id;
  slices.push_back({channels.size(), 0});
}

void ApiRequestParser::Impl::DropLast() {
  channels.resize(slices.back().first);
  slices.pop_back();
  commands.pop_back();
}

void ApiRequestParser::Impl::FailLast(ApiError error) {
  const std::uint32_t id = commands.back().id;
  DropLast();
  Add(ApiMethod::kOther, id);
  commands.back().error = error;
}

bool ApiRequestParser::Impl::ReadChannels(JsonValue& value) {
  Slice& slice = slices.back();
  channels.resize(slice.first);  // Of two members of this name the last counts.
  const auto read_one = [&](JsonValue& one) { return one.Read(channels.emplace_back()); };
  const bool is_readable = commands.back().method == ApiMethod::kBroadcast
                               ? value.is_null() || value.ReadArray(read_one)
                               : read_one(value);
  slice.count = channels.size() - slice.first;
  return is_readable;
}

bool ApiRequestParser::Impl::ReadMember(std::string_view name, JsonValue& value,
                                        std::string_view& b64data) {
  ApiCommand& command = commands.back();
  if (name == (command.method == ApiMethod::kBroadcast ? "channels" : "channel")) {
    return ReadChannels(value);
  }
  if (name == "data") return value.ReadJson(command.data);
  if (name == "b64data") return value.Read(b64data);
  if (name == "skip_history") return value.Read(command.skip_history);
  if (name == "tags") return value.ReadStringMapJson(command.tags);
  if (name == "idempotency_key") return value.Read(command.idempotency_key);
  if (name == "delta") return value.Read(command.delta);
  if (name == "version") return value.Read(command.version);
  if (name == "version_epoch") return value.Read(command.version_epoch);
  return true;
}

// What is wrong with a request of right types fails it alone.
void ApiRequestParser::Impl::CheckLast(std::string_view b64data) {
  const Slice& slice = slices.back();
  if (slice.count == 0) return FailLast(ApiError::kBadRequest);
  if (commands.back().method == ApiMethod::kPublish && channels[slice.first].empty()) {
    return FailLast(ApiError::kBadRequest);
  }
  if (!b64data.empty()) {
    std::string payload;
    if (!absl::Base64Unescape({b64data.data(), b64data.size()}, &payload)) {
      return FailLast(ApiError::kBadRequest);
    }
    const std::size_t payload_bytes = payload.size();
    payload.append(kJsonPaddingBytes, ' ');
    const std::optional<std::string_view> line =
        reader.validator().Minify(std::string_view(payload).substr(0, payload_bytes));
    if (!line) return FailLast(ApiError::kBadRequest);
    commands.back().data = decoded.emplace_back(*line);
  }
  if (commands.back().data.empty()) FailLast(ApiError::kBadRequest);
}

bool ApiRequestParser::Impl::ReadSingle(ApiMethod method, std::string_view body) {
  Add(method);
  std::string_view b64data;
  const auto read_member = [&](std::string_view name, JsonValue& value) {
    return ReadMember(name, value, b64data);
  };
  if (reader.Read(body, text.data(), read_member) == 0) return false;
  CheckLast(b64data);
  return true;
}

bool ApiRequestParser::Impl::ReadBatchCommand(JsonValue& element) {
  // Of several methods in one command the first in the order of the original counts.
  ApiMethod method = ApiMethod::kOther;
  Add(method);
  if (element.is_null()) {
    FailLast(ApiError::kBadRequest);
    return true;
  }
  std::string_view b64data;
  const bool is_readable = element.ReadObject([&](std::string_view name, JsonValue& request) {
    const ApiMethod named = name == "publish"     ? ApiMethod::kPublish
                            : name == "broadcast" ? ApiMethod::kBroadcast
                                                  : ApiMethod::kOther;
    if (named == ApiMethod::kOther || named > method || request.is_null()) return true;
    method = named;
    DropLast();
    Add(method);
    b64data = {};
    return request.ReadObject([&](std::string_view member_name, JsonValue& value) {
      return ReadMember(member_name, value, b64data);
    });
  });
  if (!is_readable) return false;
  if (method == ApiMethod::kOther) {
    FailLast(ApiError::kNotFound);
  } else {
    CheckLast(b64data);
  }
  return true;
}

bool ApiRequestParser::Impl::ReadBatch(std::string_view body) {
  const auto read_member = [&](std::string_view name, JsonValue& value) {
    if (name == "parallel") return value.Read(parallel);
    if (name != "commands" || value.is_null()) return true;
    return value.ReadArray([&](JsonValue& element) { return ReadBatchCommand(element); });
  };
  return reader.Read(body, text.data(), read_member) != 0;
}

bool ApiRequestParser::Impl::ReadLegacyCommand(std::string_view object, char* params_text,
                                               std::size_t& params_bytes) {
  std::uint32_t id = 0;
  // An absent method is the number 0 in the original, and so a publish.
  std::optional<ApiMethod> method = ApiMethod::kPublish;
  std::string_view params;
  const auto read_member = [&](std::string_view name, JsonValue& value) {
    if (name == "id") return value.Read(id);
    if (name == "params") return value.ReadJson(params);
    if (name != "method") return true;
    if (value.is_null()) return false;
    if (value.is_string()) {
      std::string_view method_name;
      if (!value.Read(method_name)) return false;
      method = MethodNamed(method_name);
      return method.has_value();
    }
    std::int32_t number = 0;
    if (!value.Read(number)) return false;
    method = MethodNumbered(number);
    return true;
  };
  params_bytes = 0;
  if (reader.Read(object, envelope.data(), read_member) == 0) return false;

  Add(*method, id);
  if (method == ApiMethod::kOther) {
    FailLast(ApiError::kNotFound);
    return true;
  }
  std::string_view b64data;
  params_bytes = reader.Read(params, params_text, [&](std::string_view name, JsonValue& value) {
    return ReadMember(name, value, b64data);
  });
  if (params_bytes == 0) {
    FailLast(ApiError::kBadRequest);
  } else {
    CheckLast(b64data);
  }
  return true;
}

bool ApiRequestParser::Impl::ReadLegacy(std::string_view body) {
  std::size_t used_bytes = 0;
  std::string_view rest = TrimLeft(body);
  do {
    const std::size_t object_bytes = FirstObjectBytes(rest);
    std::size_t params_bytes = 0;
    if (!ReadLegacyCommand(rest.substr(0, object_bytes), text.data() + used_bytes, params_bytes)) {
      return false;
    }
    used_bytes += params_bytes;
    rest = TrimLeft(rest.substr(object_bytes));
  } while (!rest.empty());
  return true;
}

void ApiRequestParser::Impl::ConnectSlices() {
  for (std::size_t i = 0; i < commands.size(); ++i) {
    commands[i].channels = std::span(channels).subspan(slices[i].first, slices[i].count);
  }
}

ApiRequestParser::ApiRequestParser() : impl_(std::make_unique<Impl>()) {}
ApiRequestParser::ApiRequestParser(ApiRequestParser&&) noexcept = default;
ApiRequestParser& ApiRequestParser::operator=(ApiRequestParser&&) noexcept = default;
ApiRequestParser::~ApiRequestParser() = default;

ApiVerdict ApiRequestParser::Parse(ApiEndpoint endpoint, std::string_view body) {
  impl_->Reset(body.size());
  bool is_readable = false;
  switch (endpoint) {
    case ApiEndpoint::kPublish:
      is_readable = impl_->ReadSingle(ApiMethod::kPublish, body);
      break;
    case ApiEndpoint::kBroadcast:
      is_readable = impl_->ReadSingle(ApiMethod::kBroadcast, body);
      break;
    case ApiEndpoint::kBatch:
      is_readable = impl_->ReadBatch(body);
      break;
    case ApiEndpoint::kLegacy:
      is_readable = impl_->ReadLegacy(body);
      break;
  }
  if (!is_readable) {
    impl_->Reset(0);
    return ApiVerdict::kBadRequest;
  }
  impl_->ConnectSlices();
  return ApiVerdict::kOk;
}

std::span<const ApiCommand> ApiRequestParser::commands() const { return impl_->commands; }

bool ApiRequestParser::parallel() const { return impl_->parallel; }

}  // namespace tickcast::protocol
