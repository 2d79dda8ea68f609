// One command of a Protobuf frame, read into the structs that JSON commands are read into.
//
// What the structs keep as JSON (the subscriptions of a connect, headers, filters, tracked keys)
// is written as JSON here, so that whoever reads those need not know where they came from.
// Threading: pure functions. Source: definitions/client.proto of github.com/centrifugal/protocol.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "protocol/centrifuge/command.h"

namespace tickcast::protocol {

// Texts with stable addresses and kJsonPaddingBytes readable bytes behind each.
class NestedTexts {
 public:
  // A text to append to, empty. The strings keep their memory from frame to frame.
  std::string& Add();
  // Its finished view.
  static std::string_view Finish(std::string& text);
  void Clear() { used_ = 0; }

 private:
  std::deque<std::string> texts_;
  std::size_t used_ = 0;
};

// Reads `message`, a Command without the length before it. False where a type or range is wrong.
// The views in `command` point into the message or into `texts`.
bool ReadProtobufCommand(std::string_view message, Command& command, NestedTexts& texts);

// The payload of the request that `command.kind` names; empty where that has none.
std::string_view PayloadOf(const Command& command);

}  // namespace tickcast::protocol
