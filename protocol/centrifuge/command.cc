#include "protocol/centrifuge/command.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <vector>

#include "protocol/centrifuge/command_protobuf.h"
#include "protocol/centrifuge/protobuf_reader.h"
#include "protocol/json/object_reader.h"

namespace tickcast::protocol {
namespace {

// Each reads the members of one request and returns false where a type or range is wrong. A member
// named twice counts as the original counts it: the last one.

bool ReadRequest(JsonValue& object, ConnectRequest& request) {
  request = {};
  return object.ReadObject([&](std::string_view name, JsonValue& value) {
    if (name == "token") return value.Read(request.token);
    if (name == "data") return value.ReadJson(request.data);
    if (name == "name") return value.Read(request.name);
    if (name == "version") return value.Read(request.version);
    if (name == "subs") return value.ReadObjectJson(request.subs);
    if (name == "headers") return value.ReadObjectJson(request.headers);
    if (name == "flag") return value.Read(request.flag);
    return true;
  });
}

bool ReadRequest(JsonValue& object, SubscribeRequest& request) {
  request = {};
  return object.ReadObject([&](std::string_view name, JsonValue& value) {
    if (name == "channel") return value.Read(request.channel);
    if (name == "token") return value.Read(request.token);
    if (name == "recover") return value.Read(request.recover);
    if (name == "epoch") return value.Read(request.epoch);
    if (name == "offset") return value.Read(request.offset);
    if (name == "data") return value.ReadJson(request.data);
    if (name == "positioned") return value.Read(request.positioned);
    if (name == "recoverable") return value.Read(request.recoverable);
    if (name == "join_leave") return value.Read(request.join_leave);
    if (name == "delta") return value.Read(request.delta);
    if (name == "tf") return value.ReadObjectJson(request.tf);
    if (name == "flag") return value.Read(request.flag);
    if (name == "type") return value.Read(request.type);
    if (name == "phase") return value.Read(request.phase);
    if (name == "cursor") return value.Read(request.cursor);
    if (name == "limit") return value.Read(request.limit);
    if (name == "asc") return value.Read(request.asc);
    return true;
  });
}

bool ReadRequest(JsonValue& object, ChannelRequest& request) {
  request = {};
  return object.ReadObject([&](std::string_view name, JsonValue& value) {
    return name != "channel" || value.Read(request.channel);
  });
}

bool ReadRequest(JsonValue& object, PublishRequest& request) {
  request = {};
  return object.ReadObject([&](std::string_view name, JsonValue& value) {
    if (name == "channel") return value.Read(request.channel);
    if (name == "data") return value.ReadJson(request.data);
    if (name == "type") return value.Read(request.type);
    if (name == "key") return value.Read(request.key);
    if (name == "removed") return value.Read(request.removed);
    return true;
  });
}

bool ReadSince(JsonValue& object, HistoryRequest& request) {
  if (object.is_null()) return true;
  request.has_since = true;
  return object.ReadObject([&](std::string_view name, JsonValue& value) {
    if (name == "offset") return value.Read(request.since_offset);
    if (name == "epoch") return value.Read(request.since_epoch);
    return true;
  });
}

bool ReadRequest(JsonValue& object, HistoryRequest& request) {
  request = {};
  return object.ReadObject([&](std::string_view name, JsonValue& value) {
    if (name == "channel") return value.Read(request.channel);
    if (name == "limit") return value.Read(request.limit);
    if (name == "since") return ReadSince(value, request);
    if (name == "reverse") return value.Read(request.reverse);
    return true;
  });
}

bool ReadRequest(JsonValue& object, RpcRequest& request) {
  request = {};
  return object.ReadObject([&](std::string_view name, JsonValue& value) {
    if (name == "data") return value.ReadJson(request.data);
    if (name == "method") return value.Read(request.method);
    return true;
  });
}

bool ReadRequest(JsonValue& object, SendRequest& request) {
  request = {};
  return object.ReadObject([&](std::string_view name, JsonValue& value) {
    return name != "data" || value.ReadJson(request.data);
  });
}

bool ReadRequest(JsonValue& object, RefreshRequest& request) {
  request = {};
  return object.ReadObject([&](std::string_view name, JsonValue& value) {
    return name != "token" || value.Read(request.token);
  });
}

bool ReadRequest(JsonValue& object, SubRefreshRequest& request) {
  request = {};
  return object.ReadObject([&](std::string_view name, JsonValue& value) {
    if (name == "channel") return value.Read(request.channel);
    if (name == "token") return value.Read(request.token);
    if (name == "type") return value.Read(request.type);
    if (name == "track") return value.ReadArrayJson(request.track);
    if (name == "untrack") return value.ReadArrayJson(request.untrack);
    return true;
  });
}

constexpr std::array<std::string_view, 12> kKindNames = {
    "",        "connect", "subscribe", "unsubscribe", "publish",     "presence", "presence_stats",
    "history", "rpc",     "send",      "refresh",     "sub_refresh",
};
static_assert(kKindNames[static_cast<std::size_t>(CommandKind::kSubRefresh)] == "sub_refresh");

// The kind that a member is named for; kPong, which has no name, for any other.
CommandKind KindNamed(std::string_view name) {
  if (name.empty()) return CommandKind::kPong;
  const auto* row = std::find(kKindNames.begin(), kKindNames.end(), name);
  return row == kKindNames.end() ? CommandKind::kPong
                                 : static_cast<CommandKind>(row - kKindNames.begin());
}

bool ReadRequestOf(CommandKind kind, JsonValue& value, Command& command) {
  switch (kind) {
    case CommandKind::kPong:
      return true;
    case CommandKind::kConnect:
      return ReadRequest(value, command.connect);
    case CommandKind::kSubscribe:
      return ReadRequest(value, command.subscribe);
    case CommandKind::kUnsubscribe:
    case CommandKind::kPresence:
    case CommandKind::kPresenceStats:
      return ReadRequest(value, command.channel);
    case CommandKind::kPublish:
      return ReadRequest(value, command.publish);
    case CommandKind::kHistory:
      return ReadRequest(value, command.history);
    case CommandKind::kRpc:
      return ReadRequest(value, command.rpc);
    case CommandKind::kSend:
      return ReadRequest(value, command.send);
    case CommandKind::kRefresh:
      return ReadRequest(value, command.refresh);
    case CommandKind::kSubRefresh:
      return ReadRequest(value, command.sub_refresh);
  }
  return false;
}

// Reads one member of a command. `kind` is the one found so far.
bool ReadMember(std::string_view name, JsonValue& value, CommandKind& kind, Command& command) {
  if (name == "id") return value.Read(command.id);
  if (name == "ping") return value.is_null();
  const CommandKind named = KindNamed(name);
  if (named == CommandKind::kPong || value.is_null()) return true;
  if (kind != CommandKind::kPong && kind < named) {
    // Outranked, so its content does not matter, but its type is still checked. It is read into a
    // command of its own, as three kinds share a request.
    Command outranked;
    return ReadRequestOf(named, value, outranked);
  }
  kind = named;
  return ReadRequestOf(named, value, command);
}

// What the command needs beyond right types. Each of these closes 3501 in the original, too.
bool IsComplete(const Command& command) {
  switch (command.kind) {
    case CommandKind::kPong:
      return command.id == 0;
    case CommandKind::kSend:
      return true;
    case CommandKind::kConnect:
    case CommandKind::kRpc:
    case CommandKind::kRefresh:
      return command.id != 0;
    case CommandKind::kSubscribe:
      return command.id != 0 && !command.subscribe.channel.empty();
    case CommandKind::kUnsubscribe:
    case CommandKind::kPresence:
    case CommandKind::kPresenceStats:
      return command.id != 0 && !command.channel.channel.empty();
    case CommandKind::kPublish:
      return command.id != 0 && !command.publish.channel.empty();
    case CommandKind::kHistory:
      return command.id != 0 && !command.history.channel.empty();
    case CommandKind::kSubRefresh:
      return command.id != 0 && !command.sub_refresh.channel.empty();
  }
  return false;
}

}  // namespace

struct CommandParser::Impl {
  explicit Impl(std::size_t expected_bytes) : reader(expected_bytes) {
    lines.resize(expected_bytes + kJsonPaddingBytes);
  }

  JsonObjectReader reader;
  std::string_view rest;          // Of the frame: what no command was taken from yet.
  std::string_view from_command;  // The same, and the last one that was taken.
  bool taking = false;            // Whether there may be another command.
  // The frame's commands, minified, one behind the other. A minified line is never longer than the
  // line, so the frame's size is enough for all, and the views of one command outlive the next.
  std::vector<char> lines;
  std::size_t used_bytes = 0;  // Of `lines`.
  Encoding encoding = Encoding::kJson;
  NestedTexts nested;  // Of a Protobuf frame.

  CommandVerdict Fail() {
    taking = false;
    return CommandVerdict::kBadFrame;
  }
};

CommandParser::CommandParser(std::size_t expected_bytes)
    : impl_(std::make_unique<Impl>(expected_bytes)) {}
CommandParser::CommandParser(CommandParser&&) noexcept = default;
CommandParser& CommandParser::operator=(CommandParser&&) noexcept = default;
CommandParser::~CommandParser() = default;

void CommandParser::Begin(std::string_view frame, Encoding encoding) {
  impl_->rest = frame;
  impl_->taking = true;
  impl_->encoding = encoding;
  impl_->nested.Clear();
  if (encoding == Encoding::kProtobuf) return;
  impl_->used_bytes = 0;
  if (impl_->lines.size() < frame.size() + kJsonPaddingBytes) {
    impl_->lines.resize(std::bit_ceil(frame.size()) + kJsonPaddingBytes);
  }
}

CommandVerdict CommandParser::Next() {
  if (!impl_->taking) return CommandVerdict::kDone;
  impl_->from_command = impl_->rest;
  return impl_->encoding == Encoding::kJson ? NextJson() : NextProtobuf();
}

CommandVerdict CommandParser::NextProtobuf() {
  impl_->from_command = impl_->rest;
  std::string_view message;
  if (!TakeLengthDelimited(impl_->rest, message) ||
      !ReadProtobufCommand(message, command_, impl_->nested)) {
    return impl_->Fail();
  }
  impl_->taking = !impl_->rest.empty();
  const std::string_view payload = PayloadOf(command_);
  command_.data_is_json = payload.empty() || impl_->reader.validator().IsValid(payload);
  return IsComplete(command_) ? CommandVerdict::kCommand : impl_->Fail();
}

CommandVerdict CommandParser::NextJson() {
  const std::size_t newline = impl_->rest.find('\n');
  const std::string_view line = impl_->rest.substr(0, newline);
  impl_->rest.remove_prefix(newline == std::string_view::npos ? line.size() : newline + 1);
  // A newline at the very end closes the last line; it does not open an empty one.
  impl_->taking = !impl_->rest.empty();

  command_.id = 0;
  command_.data_is_json = true;
  CommandKind kind = CommandKind::kPong;
  const std::size_t size_bytes = impl_->reader.Read(
      line, impl_->lines.data() + impl_->used_bytes, [&](std::string_view name, JsonValue& value) {
        return ReadMember(name, value, kind, command_);
      });
  if (size_bytes == 0) return impl_->Fail();
  impl_->used_bytes += size_bytes;
  command_.kind = kind;
  return IsComplete(command_) ? CommandVerdict::kCommand : impl_->Fail();
}

std::string_view CommandParser::Remaining() const { return impl_->from_command; }

}  // namespace tickcast::protocol
