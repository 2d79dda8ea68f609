#include "tools/loadgen/dialect.h"

#include <simdjson.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "protocol/abseil.h"
#include "protocol/centrifuge/command.h"
#include "protocol/centrifuge/message_writer.h"
#include "protocol/centrifuge/protobuf_reader.h"
#include "protocol/delta/fossil.h"
#include "protocol/json/payload.h"

namespace tickcast::loadgen {
namespace {

using protocol::Abseil;
using protocol::CommandKind;
using protocol::ProtobufReader;
using Channel = DialectMemory::Channel;

constexpr std::string_view kNotUnderstood = "not understood";

// Fields of client.proto.
constexpr protocol::Field kId = {"id", 1};
constexpr protocol::Field kChannel = {"channel", 1};
constexpr protocol::Field kPublishData = {"data", 2};
constexpr protocol::Field kSubscribeData = {"data", 8};
constexpr protocol::Field kDelta = {"delta", 12};
constexpr protocol::Field kFlag = {"flag", 14};

void AppendBytes(std::uint32_t field, std::string_view bytes, std::string& out) {
  protocol::AppendVarint(field << 3 | 2, out);
  protocol::AppendVarint(bytes.size(), out);
  out += bytes;
}

void AppendBytesUnlessEmpty(protocol::Field field, std::string_view bytes, std::string& out) {
  if (!bytes.empty()) AppendBytes(field.number, bytes, out);
}

void AppendInteger(protocol::Field field, std::uint64_t number, std::string& out) {
  if (number == 0) return;
  protocol::AppendVarint(field.number << 3, out);
  protocol::AppendVarint(number, out);
}

// One publication, of a push or of a subscribe's reply.
struct Received {
  std::string_view data;
  bool delta = false;
};

bool ReadPublication(std::string_view message, Received& received) {
  constexpr std::uint32_t kData = 4, kIsDelta = 8;
  ProtobufReader reader(message);
  while (reader.Next()) {
    if (reader.number() == kData && !reader.ReadBytes(received.data)) return false;
    if (reader.number() == kIsDelta && !reader.Read(received.delta)) return false;
  }
  return !reader.bad();
}

// A reply's result in Protobuf: what a subscribe's needs.
struct SubscribeResult {
  std::int64_t id = 0;
  std::vector<Received> publications;
};

bool ReadSubscribeResult(std::string_view message, SubscribeResult& result) {
  constexpr std::uint32_t kPublications = 7, kChannelId = 14;
  ProtobufReader reader(message);
  while (reader.Next()) {
    std::string_view bytes;
    if (reader.number() == kChannelId && !reader.Read(result.id)) return false;
    if (reader.number() != kPublications) continue;
    if (!reader.ReadBytes(bytes) || !ReadPublication(bytes, result.publications.emplace_back())) {
      return false;
    }
  }
  return !reader.bad();
}

}  // namespace

struct Dialect::Impl {
  protocol::CommandParser parser;
  std::string padded;  // What the parser reads.
  std::string encoded;
  std::string body;
  std::string line;
  std::string patched;
  simdjson::dom::parser json;
  SubscribeResult result;
  std::vector<std::string> texts;  // What `result` points into, in JSON.

  // Calls `take(command)` for each of the lines.
  template <typename Take>
  void EachCommand(std::string_view lines, Take&& take) {
    padded.assign(lines);
    padded.append(protocol::kJsonPaddingBytes, ' ');
    parser.Begin(std::string_view(padded).substr(0, lines.size()));
    while (parser.Next() == protocol::CommandVerdict::kCommand) take(parser.command());
  }

  void AppendCommand(const protocol::Command& command) {
    std::string message;
    AppendInteger(kId, command.id, message);
    body.clear();
    constexpr std::uint32_t kConnect = 4, kSubscribe = 5, kPublish = 7;
    if (command.kind == CommandKind::kConnect) {
      AppendBytes(kConnect, body, message);
    } else if (command.kind == CommandKind::kSubscribe) {
      AppendBytes(kChannel.number, command.subscribe.channel, body);
      AppendBytesUnlessEmpty(kSubscribeData, command.subscribe.data, body);
      AppendBytesUnlessEmpty(kDelta, command.subscribe.delta, body);
      AppendInteger(kFlag, static_cast<std::uint64_t>(command.subscribe.flag), body);
      AppendBytes(kSubscribe, body, message);
    } else if (command.kind == CommandKind::kPublish) {
      AppendBytes(kChannel.number, command.publish.channel, body);
      AppendBytes(kPublishData.number, command.publish.data, body);
      AppendBytes(kPublish, body, message);
    }  // A pong is the empty command.
    protocol::AppendVarint(message.size(), encoded);
    encoded += message;
  }

  static Channel* ByName(DialectMemory& memory, std::string_view name) {
    for (Channel& channel : memory.channels) {
      if (channel.name == name) return &channel;
    }
    return nullptr;
  }
  static Channel* ById(DialectMemory& memory, std::int64_t id) {
    for (Channel& channel : memory.channels) {
      if (channel.id == id) return &channel;
    }
    return nullptr;
  }

  void Note(const protocol::SubscribeRequest& subscribe, std::uint32_t command,
            DialectMemory& memory) {
    Channel* channel = ByName(memory, subscribe.channel);
    if (channel == nullptr) {
      channel = &memory.channels.emplace_back();
      channel->name = subscribe.channel;
    }
    channel->command = command;
    channel->id = 0;
  }

  // Brings `channel` to what it has received.
  bool Update(Channel& channel, const Received& received) {
    if (!received.delta) {
      channel.value = received.data;
      return true;
    }
    patched.clear();
    if (!protocol::ApplyDelta(channel.value, received.data, patched)) return false;
    channel.value.swap(patched);
    return true;
  }

  std::string_view PushLine(Channel* channel, const Received& received) {
    if (channel == nullptr || !Update(*channel, received)) return kNotUnderstood;
    line.clear();
    absl::StrAppend(&line, R"({"push":{"channel":")", channel->name, R"(","pub":{"data":)",
                    channel->value, "}}}");
    return line;
  }

  std::string_view SubscribedLine(std::uint32_t command, DialectMemory& memory) {
    const auto channel = std::find_if(memory.channels.begin(), memory.channels.end(),
                                      [&](const Channel& c) { return c.command == command; });
    if (channel == memory.channels.end()) return kNotUnderstood;
    channel->id = result.id;
    for (const Received& received : result.publications) {
      if (!Update(*channel, received)) return kNotUnderstood;
    }
    line.clear();
    absl::StrAppend(&line, R"({"id":)", command, R"(,"subscribe":{)");
    if (!result.publications.empty()) {
      absl::StrAppend(&line, R"("publications":[{"data":)", channel->value, "}]");
    }
    line += "}}";
    return line;
  }

  std::string_view ReplyLine(std::uint32_t id, std::string_view what) {
    line.clear();
    absl::StrAppend(&line, R"({"id":)", id, ",", Abseil(what), "}");
    return line;
  }

  std::string_view ReadPush(std::string_view message, DialectMemory& memory) {
    constexpr std::uint32_t kPushId = 1, kPushChannel = 2, kPub = 4, kUnsubscribe = 7;
    std::int64_t id = 0;
    std::string_view name, publication;
    bool unsubscribe = false;
    ProtobufReader reader(message);
    while (reader.Next()) {
      bool read = true;
      if (reader.number() == kPushId) read = reader.Read(id);
      if (reader.number() == kPushChannel) read = reader.Read(name);
      if (reader.number() == kPub) read = reader.ReadBytes(publication);
      if (reader.number() == kUnsubscribe) unsubscribe = true;
      if (!read) return kNotUnderstood;
    }
    if (reader.bad()) return kNotUnderstood;
    Channel* const channel = id != 0 ? ById(memory, id) : ByName(memory, name);
    if (unsubscribe) {
      line.clear();
      absl::StrAppend(&line, R"({"push":{"channel":")", channel == nullptr ? "" : channel->name,
                      R"(","unsubscribe":{"code":2500}}})");
      return line;
    }
    if (publication.empty()) return R"({"push":{}})";
    Received received;
    if (!ReadPublication(publication, received)) return kNotUnderstood;
    return PushLine(channel, received);
  }

  std::string_view ReadReply(std::string_view message, DialectMemory& memory) {
    constexpr std::uint32_t kError = 2, kPush = 4, kConnect = 5, kSubscribe = 6, kPublish = 8;
    if (message.empty()) return "{}";
    std::uint32_t id = 0;
    ProtobufReader reader(message);
    while (reader.Next()) {
      if (reader.number() == kId.number) {
        if (!reader.Read(id)) break;
        continue;
      }
      std::string_view content;
      if (!reader.ReadBytes(content)) break;
      switch (reader.number()) {
        case kError:
          return ReplyLine(id, absl::StrCat(R"("error":{"code":)", ErrorCode(content), "}"));
        case kPush:
          return ReadPush(content, memory);
        case kConnect:
          return ReplyLine(id, R"("connect":{})");
        case kPublish:
          return ReplyLine(id, R"("publish":{})");
        case kSubscribe:
          result = {};
          return ReadSubscribeResult(content, result) ? SubscribedLine(id, memory) : kNotUnderstood;
        default:
          return ReplyLine(id, R"("other":{})");
      }
    }
    return kNotUnderstood;
  }

  static std::uint32_t ErrorCode(std::string_view error) {
    std::uint32_t code = 0;
    ProtobufReader reader(error);
    while (reader.Next()) {
      if (reader.number() == 1 && !reader.Read(code)) return 0;
    }
    return code;
  }

  // A line of JSON with deltas or with numbers for names.
  std::string_view ReadJson(std::string_view text, DialectMemory& memory) {
    const bool push = text.starts_with(R"({"push":)");
    if (!push && text.find(R"(,"subscribe":{)") == text.npos) return text;
    simdjson::dom::object reply;
    if (json.parse(text.data(), text.size()).get_object().get(reply) != simdjson::SUCCESS) {
      return kNotUnderstood;
    }
    return push ? ReadJsonPush(text, reply, memory) : ReadJsonSubscribed(text, reply, memory);
  }

  std::string_view ReadJsonPush(std::string_view text, simdjson::dom::object reply,
                                DialectMemory& memory) {
    simdjson::dom::object publication;
    if (reply.at_pointer("/push/pub").get_object().get(publication) != simdjson::SUCCESS) {
      return text;
    }
    std::int64_t id = 0;
    std::string_view name;
    Channel* channel = nullptr;
    if (reply.at_pointer("/push/id").get_int64().get(id) == simdjson::SUCCESS) {
      channel = ById(memory, id);
    } else if (reply.at_pointer("/push/channel").get_string().get(name) == simdjson::SUCCESS) {
      channel = ByName(memory, name);
    }
    Received received;
    std::string minified;
    return ReadJsonPublication(publication, received, minified) ? PushLine(channel, received)
                                                                : kNotUnderstood;
  }

  std::string_view ReadJsonSubscribed(std::string_view text, simdjson::dom::object reply,
                                      DialectMemory& memory) {
    std::uint64_t command = 0;
    result = {};
    texts.clear();
    if (reply["id"].get_uint64().get(command) != simdjson::SUCCESS) return text;
    if (reply.at_pointer("/subscribe/id").get_int64().get(result.id) != simdjson::SUCCESS) {
      result.id = 0;
    }
    simdjson::dom::array publications;
    if (reply.at_pointer("/subscribe/publications").get_array().get(publications) ==
        simdjson::SUCCESS) {
      texts.resize(publications.size());
      std::size_t number = 0;
      for (const simdjson::dom::element element : publications) {
        simdjson::dom::object publication;
        if (element.get_object().get(publication) != simdjson::SUCCESS ||
            !ReadJsonPublication(publication, result.publications.emplace_back(),
                                 texts[number++])) {
          return kNotUnderstood;
        }
      }
    }
    return SubscribedLine(static_cast<std::uint32_t>(command), memory);
  }

  // With delta data is a string, whole or not; without it is what it is, which `minified` keeps.
  static bool ReadJsonPublication(simdjson::dom::object publication, Received& received,
                                  std::string& minified) {
    simdjson::dom::element data;
    if (publication["data"].get(data) != simdjson::SUCCESS) return false;
    bool delta = false;
    if (publication["delta"].get_bool().get(delta) == simdjson::SUCCESS) received.delta = delta;
    if (data.get_string().get(received.data) == simdjson::SUCCESS) return true;
    minified = simdjson::minify(data);
    received.data = minified;
    return true;
  }
};

Dialect::Dialect(const DialectOptions& options)
    : options_(options), impl_(plain() ? nullptr : std::make_unique<Impl>()) {}
Dialect::~Dialect() = default;

std::string_view Dialect::Encode(std::string_view lines, DialectMemory& memory) {
  impl_->encoded.clear();
  impl_->EachCommand(lines, [&](const protocol::Command& command) {
    if (command.kind == CommandKind::kSubscribe) {
      impl_->Note(command.subscribe, command.id, memory);
    }
    if (options_.protobuf) impl_->AppendCommand(command);
  });
  return options_.protobuf ? std::string_view(impl_->encoded) : lines;
}

std::string_view Dialect::Decode(std::string_view& message, DialectMemory& memory) {
  if (!options_.protobuf) {
    const std::size_t end = message.find('\n');
    const std::string_view text = message.substr(0, end);
    message.remove_prefix(end == message.npos ? message.size() : end + 1);
    return impl_->ReadJson(text, memory);
  }
  std::string_view reply;
  if (protocol::TakeLengthDelimited(message, reply)) return impl_->ReadReply(reply, memory);
  message = {};
  return kNotUnderstood;
}

}  // namespace tickcast::loadgen
