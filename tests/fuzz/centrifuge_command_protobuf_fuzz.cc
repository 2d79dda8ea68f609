// Commands in Protobuf: whatever a frame holds, a command that is given out keeps the promises of
// its header.
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
using tickcast::protocol::JsonValidator;
using tickcast::protocol::kJsonPaddingBytes;

// `json` is absent or one line of valid JSON that nothing can be minified from, with the padding
// behind it that its readers need.
void RequireLine(std::string_view json) {
  static JsonValidator validator;
  if (!json.empty()) Require(validator.Minify(json) == json);
}

// `text` can be written into JSON.
void RequireText(std::string_view text) {
  static JsonValidator validator;
  std::string quoted;
  tickcast::protocol::AppendQuoted(text, quoted);
  const std::size_t size = quoted.size();
  quoted.append(kJsonPaddingBytes, ' ');
  Require(validator.IsValid(std::string_view(quoted).substr(0, size)));
}

void RequirePromises(const Command& command) {
  const bool needs_id = command.kind != CommandKind::kPong && command.kind != CommandKind::kSend;
  Require(!needs_id || command.id != 0);
  switch (command.kind) {
    case CommandKind::kPong:
      return Require(command.id == 0);
    case CommandKind::kConnect:
      RequireText(command.connect.token);
      RequireText(command.connect.name);
      RequireLine(command.connect.headers);
      return RequireLine(command.connect.subs);
    case CommandKind::kSubscribe:
      RequireText(command.subscribe.channel);
      RequireText(command.subscribe.epoch);
      RequireLine(command.subscribe.tf);
      return Require(!command.subscribe.channel.empty());
    case CommandKind::kUnsubscribe:
    case CommandKind::kPresence:
    case CommandKind::kPresenceStats:
      return Require(!command.channel.channel.empty());
    case CommandKind::kPublish:
      RequireText(command.publish.channel);
      RequireText(command.publish.key);
      return Require(!command.publish.channel.empty());
    case CommandKind::kHistory:
      return Require(!command.history.channel.empty());
    case CommandKind::kRpc:
      return RequireText(command.rpc.method);
    case CommandKind::kSend:
      return;
    case CommandKind::kRefresh:
      return RequireText(command.refresh.token);
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

  parser.Begin(std::string_view(frame).substr(0, size), tickcast::protocol::Encoding::kProtobuf);
  std::size_t commands = 0;
  for (;;) {
    const CommandVerdict verdict = parser.Next();
    if (verdict != CommandVerdict::kCommand) {
      Require(verdict == CommandVerdict::kBadFrame || commands > 0);
      Require(parser.Next() == CommandVerdict::kDone);
      return 0;
    }
    ++commands;
    RequirePromises(parser.command());
  }
}
