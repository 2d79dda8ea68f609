#include "protocol/centrifuge/api.h"

#include <bit>
#include <deque>
#include <optional>
#include <vector>

#include "protocol/centrifuge/api_members.h"

namespace tickcast::protocol {
namespace {

constexpr std::size_t kExpectedBodyBytes = 4 * 1024;

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
  // Which of `names` are a command's. Turned into a span when the vector has stopped growing.
  struct Slice {
    std::size_t first = 0;
    std::size_t count = 0;
  };

  JsonObjectReader reader{kExpectedBodyBytes};
  std::vector<char> text;           // The body or its params, minified: what most views point into.
  std::vector<char> envelope;       // Legacy: the command around the params.
  std::deque<std::string> decoded;  // What came as base64.
  std::vector<ApiCommand> commands;
  std::vector<Slice> slices;  // One per command.
  std::vector<std::string_view> names;
  bool parallel = false;

  void Reset(std::size_t body_bytes);
  bool ReadSingle(ApiMethod method, std::string_view body);
  bool ReadBatch(std::string_view body);
  bool ReadLegacy(std::string_view body);
  void ConnectSlices();

 private:
  // Adds a command; what it returns is good until the next one is added.
  ApiDraft Add(ApiMethod method, std::uint32_t id = 0);
  void DropLast();
  // Fails the last command: nothing but its reply is left to do.
  void FailLast(ApiError error);
  // Ends the last command, which all members of `draft` have been read of.
  void FinishLast(ApiDraft& draft);

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
  names.clear();
  parallel = false;
}

ApiDraft ApiRequestParser::Impl::Add(ApiMethod method, std::uint32_t id) {
  ApiCommand& command = commands.emplace_back();
  command.method = method;
  command.id = id;
  slices.push_back({names.size(), 0});
  return ApiDraft{.command = command, .names = names, .first_name = names.size()};
}

void ApiRequestParser::Impl::DropLast() {
  names.resize(slices.back().first);
  slices.pop_back();
  commands.pop_back();
}

void ApiRequestParser::Impl::FailLast(ApiError error) {
  const ApiMethod method = commands.back().method;
  const std::uint32_t id = commands.back().id;
  DropLast();
  Add(method, id);
  commands.back().error = error;
}

void ApiRequestParser::Impl::FinishLast(ApiDraft& draft) {
  const ApiError error = CheckApiRequest(draft, reader.validator(), decoded);
  if (error != ApiError::kNone) return FailLast(error);
  slices.back().count = names.size() - slices.back().first;
}

bool ApiRequestParser::Impl::ReadSingle(ApiMethod method, std::string_view body) {
  ApiDraft draft = Add(method);
  const auto read_member = [&](std::string_view name, JsonValue& value) {
    return ReadApiMember(draft, name, value);
  };
  if (reader.Read(body, text.data(), read_member) == 0) return false;
  FinishLast(draft);
  return true;
}

bool ApiRequestParser::Impl::ReadBatchCommand(JsonValue& element) {
  std::optional<ApiDraft> draft;
  draft.emplace(Add(ApiMethod::kNone));
  if (element.is_null()) {
    FailLast(ApiError::kBadRequest);
    return true;
  }
  // Of several methods in one command the first in the order of the original counts.
  const bool is_readable = element.ReadObject([&](std::string_view name, JsonValue& request) {
    const ApiMethod named = ApiMethodNamed(name);
    if (named >= draft->command.method || request.is_null()) return true;
    DropLast();
    draft.emplace(Add(named));
    return request.ReadObject([&](std::string_view member_name, JsonValue& value) {
      return ReadApiMember(*draft, member_name, value);
    });
  });
  if (is_readable) FinishLast(*draft);
  return is_readable;
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
      method = LegacyMethodNamed(method_name);
      return method.has_value();
    }
    std::int32_t number = 0;
    if (!value.Read(number)) return false;
    method = LegacyMethodNumbered(number);
    return true;
  };
  params_bytes = 0;
  if (reader.Read(object, envelope.data(), read_member) == 0) return false;

  ApiDraft draft = Add(*method, id);
  if (method == ApiMethod::kNone) {
    FailLast(ApiError::kNotFound);
    return true;
  }
  // The original does not even look whether there are any.
  if (method == ApiMethod::kInfo) return true;
  params_bytes = reader.Read(params, params_text, [&](std::string_view name, JsonValue& value) {
    return ReadApiMember(draft, name, value);
  });
  if (params_bytes == 0) {
    FailLast(ApiError::kBadRequest);
  } else {
    FinishLast(draft);
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
    const auto slice = std::span(names).subspan(slices[i].first, slices[i].count);
    const bool is_whitelist = commands[i].method == ApiMethod::kDisconnect;
    (is_whitelist ? commands[i].whitelist : commands[i].channels) = slice;
  }
}

ApiRequestParser::ApiRequestParser() : impl_(std::make_unique<Impl>()) {}
ApiRequestParser::ApiRequestParser(ApiRequestParser&&) noexcept = default;
ApiRequestParser& ApiRequestParser::operator=(ApiRequestParser&&) noexcept = default;
ApiRequestParser::~ApiRequestParser() = default;

ApiVerdict ApiRequestParser::Parse(ApiEndpoint endpoint, std::string_view body) {
  impl_->Reset(body.size());
  bool is_readable = false;
  switch (endpoint.form) {
    case ApiForm::kSingle:
      is_readable = impl_->ReadSingle(endpoint.method, body);
      break;
    case ApiForm::kBatch:
      is_readable = impl_->ReadBatch(body);
      break;
    case ApiForm::kLegacy:
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
