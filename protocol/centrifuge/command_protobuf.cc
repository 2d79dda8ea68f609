#include "protocol/centrifuge/command_protobuf.h"

#include "protocol/centrifuge/protobuf_json.h"
#include "protocol/centrifuge/protobuf_reader.h"
#include "protocol/json/object_writer.h"

namespace tickcast::protocol {
namespace {

bool ReadField(ProtobufReader& field, SubscribeRequest& request, std::string_view& tf) {
  switch (field.number()) {
    case 1:
      return field.Read(request.channel);
    case 2:
      return field.Read(request.token);
    case 3:
      return field.Read(request.recover);
    case 6:
      return field.Read(request.epoch);
    case 7:
      return field.Read(request.offset);
    case 8:
      return field.ReadBytes(request.data);
    case 9:
      return field.Read(request.positioned);
    case 10:
      return field.Read(request.recoverable);
    case 11:
      return field.Read(request.join_leave);
    case 12:
      return field.Read(request.delta);
    case 13:
      return field.ReadBytes(tf);
    case 14:
      return field.Read(request.flag);
    case 15:
      return field.Read(request.type);
    case 16:
      return field.Read(request.phase);
    case 17:
      return field.Read(request.cursor);
    case 18:
      return field.Read(request.limit);
    case 19:
      return field.Read(request.asc);
    default:
      return true;
  }
}

// A filter without a field is one all the same, so it is told by its address.
bool ReadSubscribe(std::string_view message, SubscribeRequest& request, NestedTexts& texts) {
  std::string_view tf;
  if (!EachField(message, [&](ProtobufReader& field) { return ReadField(field, request, tf); })) {
    return false;
  }
  if (tf.data() == nullptr) return true;
  std::string& text = texts.Add();
  if (!AppendFilter(tf, 1, text)) return false;
  request.tf = NestedTexts::Finish(text);
  return true;
}

// A subscribe within a connect: server-side recovery. Its `data` and `tf` mean nothing there.
bool AppendSubscribe(std::string_view message, std::string& out) {
  SubscribeRequest request;
  std::string_view tf;
  if (!EachField(message, [&](ProtobufReader& field) { return ReadField(field, request, tf); })) {
    return false;
  }
  ObjectWriter object(out);
  object.QuotedUnlessEmpty("channel", request.channel);
  object.QuotedUnlessEmpty("token", request.token);
  object.TrueIf("recover", request.recover);
  object.QuotedUnlessEmpty("epoch", request.epoch);
  object.NumberUnlessZero("offset", request.offset);
  object.TrueIf("positioned", request.positioned);
  object.TrueIf("recoverable", request.recoverable);
  object.TrueIf("join_leave", request.join_leave);
  object.QuotedUnlessEmpty("delta", request.delta);
  object.NumberUnlessZero("flag", request.flag);
  object.NumberUnlessZero("type", request.type);
  object.Close();
  return true;
}

// A map of `message` as a JSON object, empty where it has no entry.
template <typename AppendValue>
bool ReadMap(std::string_view message, std::uint32_t number, bool of_texts, NestedTexts& texts,
             std::string_view& out, AppendValue&& append_value) {
  std::string* text = nullptr;
  const bool good = EachField(message, [&](ProtobufReader& field) {
    if (field.number() != number) return true;
    std::string_view entry;
    std::string_view key;
    std::string_view value;
    if (!field.ReadBytes(entry) || !ReadMapEntry(entry, key, value, of_texts)) return false;
    if (text == nullptr) text = &texts.Add();
    *text += text->empty() ? '{' : ',';
    AppendQuoted(key, *text);
    *text += ':';
    return append_value(value, *text);
  });
  if (!good || text == nullptr) return good;
  *text += '}';
  out = NestedTexts::Finish(*text);
  return true;
}

bool ReadConnect(std::string_view message, ConnectRequest& request, NestedTexts& texts) {
  const bool good = EachField(message, [&](ProtobufReader& field) {
    switch (field.number()) {
      case 1:
        return field.Read(request.token);
      case 2:
        return field.ReadBytes(request.data);
      case 4:
        return field.Read(request.name);
      case 5:
        return field.Read(request.version);
      case 7:
        return field.Read(request.flag);
      default:
        return true;
    }
  });
  return good && ReadMap(message, 3, false, texts, request.subs, AppendSubscribe) &&
         ReadMap(message, 6, true, texts, request.headers,
                 [](std::string_view value, std::string& out) {
                   AppendQuoted(value, out);
                   return true;
                 });
}

bool ReadChannel(std::string_view message, ChannelRequest& request) {
  return EachField(message, [&](ProtobufReader& field) {
    return field.number() != 1 || field.Read(request.channel);
  });
}

bool ReadPublish(std::string_view message, PublishRequest& request) {
  return EachField(message, [&](ProtobufReader& field) {
    switch (field.number()) {
      case 1:
        return field.Read(request.channel);
      case 2:
        return field.ReadBytes(request.data);
      case 3:
        return field.Read(request.type);
      case 4:
        return field.Read(request.key);
      case 5:
        return field.Read(request.removed);
      default:
        return true;
    }
  });
}

bool ReadHistory(std::string_view message, HistoryRequest& request) {
  return EachField(message, [&](ProtobufReader& field) {
    std::string_view since;
    switch (field.number()) {
      case 1:
        return field.Read(request.channel);
      case 7:
        return field.Read(request.limit);
      case 8:
        request.has_since = true;
        return field.ReadBytes(since) && EachField(since, [&](ProtobufReader& position) {
                 if (position.number() == 1) return position.Read(request.since_offset);
                 if (position.number() == 2) return position.Read(request.since_epoch);
                 return true;
               });
      case 9:
        return field.Read(request.reverse);
      default:
        return true;
    }
  });
}

bool ReadRpc(std::string_view message, RpcRequest& request) {
  return EachField(message, [&](ProtobufReader& field) {
    if (field.number() == 1) return field.ReadBytes(request.data);
    if (field.number() == 2) return field.Read(request.method);
    return true;
  });
}

bool ReadSend(std::string_view message, SendRequest& request) {
  return EachField(message, [&](ProtobufReader& field) {
    return field.number() != 1 || field.ReadBytes(request.data);
  });
}

bool ReadRefresh(std::string_view message, RefreshRequest& request) {
  return EachField(message, [&](ProtobufReader& field) {
    return field.number() != 1 || field.Read(request.token);
  });
}

// The array of a repeated field, empty where it has no element.
template <typename AppendItem>
bool ReadArray(std::string_view message, std::uint32_t number, NestedTexts& texts,
               std::string_view& out, AppendItem&& append_item) {
  std::string* text = nullptr;
  const auto open = [&]() -> std::string& {
    text = &texts.Add();
    return *text;
  };
  if (!AppendRepeated(message, number, open, append_item)) return false;
  if (text != nullptr) out = NestedTexts::Finish(*text);
  return true;
}

bool ReadSubRefresh(std::string_view message, SubRefreshRequest& request, NestedTexts& texts) {
  const bool good = EachField(message, [&](ProtobufReader& field) {
    if (field.number() == 1) return field.Read(request.channel);
    if (field.number() == 2) return field.Read(request.token);
    if (field.number() == 3) return field.Read(request.type);
    return true;
  });
  return good && ReadArray(message, 4, texts, request.track, AppendTrackBatch) &&
         ReadArray(message, 5, texts, request.untrack, AppendText);
}

// --- The command ---------------------------------------------------------------------------------

constexpr std::uint32_t kIdField = 1;
constexpr std::uint32_t kPingField = 11;

CommandKind KindOf(std::uint32_t number) {
  constexpr CommandKind kKinds[] = {
      CommandKind::kConnect, CommandKind::kSubscribe,     CommandKind::kUnsubscribe,
      CommandKind::kPublish, CommandKind::kPresence,      CommandKind::kPresenceStats,
      CommandKind::kHistory, CommandKind::kPong /*ping*/, CommandKind::kSend,
      CommandKind::kRpc,     CommandKind::kRefresh,       CommandKind::kSubRefresh,
  };
  return number < 4 || number > 15 ? CommandKind::kPong : kKinds[number - 4];
}

bool ReadRequest(CommandKind kind, std::string_view message, Command& command, NestedTexts& texts) {
  switch (kind) {
    case CommandKind::kPong:
      return true;
    case CommandKind::kConnect:
      return ReadConnect(message, command.connect, texts);
    case CommandKind::kSubscribe:
      return ReadSubscribe(message, command.subscribe, texts);
    case CommandKind::kUnsubscribe:
    case CommandKind::kPresence:
    case CommandKind::kPresenceStats:
      return ReadChannel(message, command.channel);
    case CommandKind::kPublish:
      return ReadPublish(message, command.publish);
    case CommandKind::kHistory:
      return ReadHistory(message, command.history);
    case CommandKind::kRpc:
      return ReadRpc(message, command.rpc);
    case CommandKind::kSend:
      return ReadSend(message, command.send);
    case CommandKind::kRefresh:
      return ReadRefresh(message, command.refresh);
    case CommandKind::kSubRefresh:
      return ReadSubRefresh(message, command.sub_refresh, texts);
  }
  return false;
}

}  // namespace

std::string& NestedTexts::Add() {
  if (used_ == texts_.size()) texts_.emplace_back();
  std::string& text = texts_[used_++];
  text.clear();
  return text;
}

std::string_view NestedTexts::Finish(std::string& text) {
  const std::size_t size_bytes = text.size();
  text.append(kJsonPaddingBytes, ' ');
  return {text.data(), size_bytes};
}

bool ReadProtobufCommand(std::string_view message, Command& command, NestedTexts& texts) {
  command = {};
  // The first kind in the order of the enumeration counts, wherever in the message it stands.
  bool has_ping = false;
  const bool well_formed = EachField(message, [&](ProtobufReader& field) {
    if (field.number() == kIdField) return field.Read(command.id);
    has_ping |= field.number() == kPingField;
    const CommandKind kind = KindOf(field.number());
    const bool counts = command.kind == CommandKind::kPong || kind < command.kind;
    if (kind != CommandKind::kPong && counts) command.kind = kind;
    return true;
  });
  if (!well_formed || has_ping) return false;
  // An outranked request does not count, but its types are checked.
  Command outranked;
  return EachField(message, [&](ProtobufReader& field) {
    const CommandKind kind = KindOf(field.number());
    if (kind == CommandKind::kPong) return true;
    std::string_view request;
    return field.ReadBytes(request) &&
           ReadRequest(kind, request, kind == command.kind ? command : outranked, texts);
  });
}

std::string_view PayloadOf(const Command& command) {
  switch (command.kind) {
    case CommandKind::kConnect:
      return command.connect.data;
    case CommandKind::kSubscribe:
      return command.subscribe.data;
    case CommandKind::kPublish:
      return command.publish.data;
    case CommandKind::kRpc:
      return command.rpc.data;
    case CommandKind::kSend:
      return command.send.data;
    case CommandKind::kPong:
    case CommandKind::kUnsubscribe:
    case CommandKind::kPresence:
    case CommandKind::kPresenceStats:
    case CommandKind::kHistory:
    case CommandKind::kRefresh:
    case CommandKind::kSubRefresh:
      break;
  }
  return {};
}

}  // namespace tickcast::protocol
