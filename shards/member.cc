#include "shards/member.h"

#include <cstdint>
#include <cstring>

namespace tickcast::shards {

struct MemberInfo::Sizes {
  std::uint32_t client;
  std::uint32_t user;
  std::uint32_t conn_info;
  std::uint32_t chan_info;
};

MemberInfo::MemberInfo(const protocol::ClientInfo& info) {
  const Sizes sizes{static_cast<std::uint32_t>(info.client.size()),
                    static_cast<std::uint32_t>(info.user.size()),
                    static_cast<std::uint32_t>(info.conn_info.size()),
                    static_cast<std::uint32_t>(info.chan_info.size())};
  const std::size_t bytes = sizeof(Sizes) + info.client.size() + info.user.size() +
                            info.conn_info.size() + info.chan_info.size();
  auto block = std::make_shared<char[]>(bytes);
  char* at = block.get();
  std::memcpy(at, &sizes, sizeof(Sizes));
  at += sizeof(Sizes);
  for (const std::string_view text : {info.client, info.user, info.conn_info, info.chan_info}) {
    // An empty view may be null, which memcpy does not take.
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  }
  block_ = std::move(block);
}

protocol::ClientInfo MemberInfo::view() const {
  Sizes sizes;
  std::memcpy(&sizes, block_.get(), sizeof(Sizes));
  const char* at = block_.get() + sizeof(Sizes);
  const auto take = [&at](std::uint32_t size) {
    const std::string_view text(at, size);
    at += size;
    return text;
  };
  protocol::ClientInfo info;
  info.client = take(sizes.client);
  info.user = take(sizes.user);
  info.conn_info = take(sizes.conn_info);
  info.chan_info = take(sizes.chan_info);
  return info;
}

bool MemberInfo::LooksLike(const MemberInfo& other) const {
  if (block_ == other.block_) return true;
  const protocol::ClientInfo mine = view();
  const protocol::ClientInfo others = other.view();
  return mine.user == others.user && mine.conn_info == others.conn_info &&
         mine.chan_info == others.chan_info;
}

bool MemberInfo::operator==(const MemberInfo& other) const {
  return block_ == other.block_ ||
         (!empty() && !other.empty() && client() == other.client() && LooksLike(other));
}

}  // namespace tickcast::shards
