// Commands: whatever a frame holds, a command that is given out keeps the promises of its header.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/centrifuge/command.h"
#include "protocol/json/payload.h"

namespace {

using tickcast::protocol::Command;
using tickcast::protocol::CommandKind;
using tickcast::protocol::CommandParser;
using tickcast::protocol::CommandVerdict;
using tickcast::protocol::JsonValidator;
using tickcast::protocol::kJsonPaddingBytes;

void Require(bool holds) {
  if (!holds) std::abort();
}

// `json` is absent or one line of valid JSON that nothing can be minified from.
void RequireLine(std::string_view json) {
  static JsonValidator validator;
  if (json.empty()) return;
  const std::string padded = std::string(json) + std::string(kJsonPaddingBytes, ' ');
  Require(validator.Minify(std::string_view(padded).substr(0, json.size())) == json);
}

void RequirePromises(const Command& command) {
  const bool needs_id = command.kind != CommandKind::kPong && command.kind != CommandKind::kSend;
  Require(!needs_id || command.id != 0);
  switch (command.kind) {
    case CommandKind::kPong:
      return Require(command.id == 0);
    case CommandKind::kConnect:
      RequireLine(command.connect.data);
      RequireLine(command.connect.headers);
      return RequireLine(command.connect.subs);
    case CommandKind::kSubscribe:
      RequireLine(command.subscribe.data);
      RequireLine(command.subscribe.tf);
      return Require(!command.subscribe.channel.empty());
    case CommandKind::kUnsubscribe:
    case CommandKind::kPresence:
    case CommandKind::kPresenceStats:
      return Require(!command.channel.channel.empty());
    case CommandKind::kPublish:
      RequireLine(command.publish.data);
      return Require(!command.publish.channel.empty());
    case CommandKind::kHistory:
      return Require(!command.history.channel.empty());
    case CommandKind::kRpc:
      return RequireLine(command.rpc.data);
    case CommandKind::kSend:
      return RequireLine(command.send.data);
    case CommandKind::kRefresh:
      return;
    case CommandKind::kSubRefresh:
      RequireLine(command.sub_refresh.track);
      RequireLine(command.sub_refresh.untrack);
      return Require(!command.sub_refresh.channel.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static CommandParser parser(16);
  std::string frame(reinterpret_cast<const char*>(data), size);
  frame.append(kJsonPaddingBytes, '}');
  frame.shrink_to_fit();

  parser.Begin(std::string_view(frame).substr(0, size));
  std::size_t lines = 0;
  for (;;) {
    const CommandVerdict verdict = parser.Next();
    if (verdict != CommandVerdict::kCommand) {
      Require(verdict == CommandVerdict::kBadFrame || lines > 0);
      Require(parser.Next() == CommandVerdict::kDone);
      return 0;
    }
    ++lines;
    RequirePromises(parser.command());
  }
}
