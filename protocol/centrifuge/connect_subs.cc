#include "protocol/centrifuge/connect_subs.h"

#include <algorithm>

#include "protocol/json/object_reader.h"

namespace tickcast::protocol {
namespace {

bool ReadSub(JsonValue& value, ConnectSub& sub) {
  if (value.is_null()) return true;
  return value.ReadObject([&sub](std::string_view name, JsonValue& member) {
    if (name == "recover") return member.Read(sub.recover);
    if (name == "offset") return member.Read(sub.offset);
    if (name != "epoch") return true;
    std::string_view epoch;
    if (!member.Read(epoch)) return false;
    sub.epoch = epoch;
    return true;
  });
}

}  // namespace

bool ReadConnectSubs(std::string_view subs, std::size_t most, std::vector<ConnectSub>& out) {
  if (subs.empty()) return true;
  std::string padded(subs);
  padded.resize(subs.size() + kJsonPaddingBytes);
  std::string line(padded.size(), '\0');
  JsonObjectReader reader(subs.size());
  return reader.Read({padded.data(), subs.size()}, line.data(),
                     [&](std::string_view channel, JsonValue& value) {
                       const bool twice = std::any_of(
                           out.begin(), out.end(),
                           [channel](const ConnectSub& known) { return known.channel == channel; });
                       if (channel.empty() || twice || out.size() >= most) return false;
                       out.emplace_back().channel = channel;
                       return ReadSub(value, out.back());
                     }) != 0;
}

}  // namespace tickcast::protocol
