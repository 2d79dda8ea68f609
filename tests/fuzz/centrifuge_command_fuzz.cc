// Commands: whatever a frame holds, a command that is given out keeps the promises of its header.
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/centrifuge/command.h"
#include "protocol/json/payload.h"
#include "tests/fuzz/require.h"

namespace {

using tickcast::fuzz::Require;
using tickcast::protocol::Command;
using tickcast::protocol::CommandKind;
using tickcast::protocol::CommandParser;
using tickcast::protocol::CommandVerdict;
using tickcast::protocol::kJsonPaddingBytes;

// `json` is absent or one line.
void RequireLineIfAny(std::string_view json) {
  if (!json.empty()) tickcast::fuzz::RequireLine(json);
}

void RequirePromises(const Command& command) {
  const bool needs_id = command.kind != CommandKind::kPong && command.kind != CommandKind::kSend;
  Require(!needs_id || command.id != 0);
  switch (command.kind) {
    case CommandKind::kPong:
      return Require(command.id == 0);
    case CommandKind::kConnect:
      RequireLineIfAny(command.connect.data);
      RequireLineIfAny(command.connect.headers);
      return RequireLineIfAny(command.connect.subs);
    case CommandKind::kSubscribe:
      RequireLineIfAny(command.subscribe.data);
      RequireLineIfAny(command.subscribe.tf);
      return Require(!command.subscribe.channel.empty());
    case CommandKind::kUnsubscribe:
    case CommandKind::kPresence:
    case CommandKind::kPresenceStats:
      return Require(!command.channel.channel.empty());
    case CommandKind::kPublish:
      RequireLineIfAny(command.publish.data);
      return Require(!command.publish.channel.empty());
    case CommandKind::kHistory:
      return Require(!command.history.channel.empty());
    case CommandKind::kRpc:
      return RequireLineIfAny(command.rpc.data);
    case CommandKind::kSend:
      return RequireLineIfAny(command.send.data);
    case CommandKind::kRefresh:
      return;
    case CommandKind::kSubRefresh:
      RequireLineIfAny(command.sub_refresh.track);
      RequireLineIfAny(command.sub_refresh.untrack);
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
