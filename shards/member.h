// MemberInfo: what the others in a channel may know of a client in it; and MemberEvent: that it
// came or went.
//
// One block of memory, made once by the shard of the client and shared by its channel's home and by
// every announcement of it.
// Threading: a value; the block is never changed and its count is atomic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/centrifuge/reply.h"

namespace tickcast::shards {

class MemberInfo {
 public:
  MemberInfo() = default;
  // Copies `info`, whose `client` is not empty.
  explicit MemberInfo(const protocol::ClientInfo& info);

  bool empty() const { return block_ == nullptr; }
  // REQUIRES for all below: not empty. Views live as long as any copy of this object.
  protocol::ClientInfo view() const;
  std::string_view client() const { return view().client; }
  std::string_view user() const { return view().user; }

  // Whether others see the same person: everything but the client id, which is the connection's.
  bool LooksLike(const MemberInfo& other) const;
  bool operator==(const MemberInfo& other) const;

 private:
  struct Sizes;
  std::shared_ptr<const char[]> block_;  // Sizes, then client, user, conn_info, chan_info.
};

struct MemberEvent {
  std::uint64_t number = 0;  // In its channel, rising.
  bool joined = false;       // Or left.
  MemberInfo info;           // As it was announced when it joined.
};
using MemberEvents = std::vector<MemberEvent>;

}  // namespace tickcast::shards
