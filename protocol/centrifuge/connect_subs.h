// The `subs` of a connect command: subscriptions that the server made for this client before, or
// that it asks for, each with the position that the client has.
// Source: ConnectRequest and SubscribeRequest of definitions/client.proto; of a subscribe request
// only these members count here, as in the original.
// Threading: a pure function.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tickcast::protocol {

struct ConnectSub {
  std::string channel;
  bool recover = false;
  std::uint64_t offset = 0;
  std::string epoch;
};

// Appends what `subs` holds, one-line JSON as ConnectRequest has it, to `out`. False where it is
// not what it must be, with more than `most` of them, or with one twice.
bool ReadConnectSubs(std::string_view subs, std::size_t most, std::vector<ConnectSub>& out);

}  // namespace tickcast::protocol
