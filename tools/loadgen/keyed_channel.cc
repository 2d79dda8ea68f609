#include "tools/loadgen/keyed_channel.h"

#include "absl/strings/str_cat.h"
#include "protocol/abseil.h"
#include "tools/loadgen/market.h"

namespace tickcast::loadgen {
namespace {

using protocol::Abseil;

constexpr std::string_view kKeyMember = R"(,"key":")";
constexpr std::string_view kVersionMember = R"(,"version":)";

// What follows `name` in `text`; empty where it is not there.
std::string_view Behind(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  return at == std::string_view::npos ? std::string_view() : text.substr(at + name.size());
}

std::uint64_t Number(std::string_view text) {
  std::uint64_t number = 0;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1)) {
    number = number * 10 + static_cast<std::uint64_t>(text[0] - '0');
  }
  return number;
}

// A reply without what stands in its arrays of publications.
std::string WithoutValues(std::string_view reply) {
  std::string rest;
  for (const std::string_view array : {R"("publications":[)", R"("state":[)"}) {
    const std::size_t at = reply.find(array);
    if (at == std::string_view::npos) continue;
    rest += reply.substr(0, at);
    const std::size_t end = reply.find("}]", at);
    reply.remove_prefix(end == std::string_view::npos ? reply.size() : end);
  }
  rest += reply;
  return rest;
}

// Reads the members from the key on, and moves `text` behind them.
bool TakeEnd(std::string_view& text, KeyedEnd& end) {
  if (!text.starts_with(kKeyMember)) return false;
  text.remove_prefix(kKeyMember.size());
  const std::size_t quote = text.find('"');
  if (quote == std::string_view::npos) return false;
  end = {.key = text.substr(0, quote)};
  text.remove_prefix(quote + 1);
  if (!text.starts_with(kVersionMember)) return true;
  text.remove_prefix(kVersionMember.size());
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    end.version = end.version * 10 + static_cast<std::uint64_t>(text[0] - '0');
    text.remove_prefix(1);
  }
  return true;
}

}  // namespace

absl::Status CheckKeyed(std::string_view name) {
  const std::size_t colon = name.find(':');
  const std::size_t dot = name.find('.', colon == std::string_view::npos ? 0 : colon);
  if (colon == std::string_view::npos || colon == 0 || dot == std::string_view::npos ||
      dot == colon + 1 || dot + 1 == name.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", Abseil(name), "' is no NAMESPACE:NAME.KEY"));
  }
  return absl::OkStatus();
}

KeyedChannel::KeyedChannel(const Topology& topology, Address address)
    : topology_(topology), address_(address) {
  const std::string_view name = topology.name(0);
  const std::size_t colon = name.find(':');
  const std::size_t dot = name.find('.', colon);
  channel_ = absl::StrCat(address == Address::kMap ? "tickers" : "watch",
                          Abseil(name.substr(colon, dot - colon)));
  prefix_bytes_ = dot + 1;
}

void KeyedChannel::AppendSubscribe(std::uint32_t id, std::string_view data,
                                   std::string& out) const {
  absl::StrAppend(&out, R"({"id":)", id, R"(,"subscribe":{"channel":")", channel_, R"(","type":4)");
  if (!data.empty()) absl::StrAppend(&out, R"(,"data":)", Abseil(data));
  out += "}}";
}

void KeyedChannel::AppendPage(std::uint32_t id, std::string_view data, const MapPage& page,
                              std::uint32_t limit, std::string& out) const {
  absl::StrAppend(&out, R"({"id":)", id, R"(,"subscribe":{"channel":")", channel_,
                  R"(","type":1,"limit":)", limit);
  if (page.phase != 0) absl::StrAppend(&out, R"(,"phase":)", page.phase);
  if (!page.cursor.empty()) absl::StrAppend(&out, R"(,"cursor":")", page.cursor, "\"");
  if (!page.epoch.empty()) absl::StrAppend(&out, R"(,"epoch":")", page.epoch, "\"");
  if (page.offset != 0) absl::StrAppend(&out, R"(,"offset":)", page.offset);
  if (!data.empty()) absl::StrAppend(&out, R"(,"data":)", Abseil(data));
  out += "}}";
}

void KeyedChannel::AppendTrack(std::uint32_t id, std::span<const std::uint32_t> gained,
                               std::span<const std::uint32_t> lost, std::string& out) const {
  absl::StrAppend(&out, R"({"id":)", id, R"(,"sub_refresh":{"channel":")", channel_,
                  R"(","type":1,"track":[{"signature":"","items":[)");
  for (const std::uint32_t channel : gained) {
    absl::StrAppend(&out, R"({"key":")", Abseil(key(channel)), R"("},)");
  }
  if (!gained.empty()) out.pop_back();
  out += "]}]";
  for (std::size_t i = 0; i < lost.size(); ++i) {
    absl::StrAppend(&out, i == 0 ? R"(,"untrack":[")" : R"(,")", Abseil(key(lost[i])), "\"");
  }
  out += lost.empty() ? "}}" : "]}}";
}

bool ReadKeyedEnd(std::string_view line, KeyedEnd& end) {
  const std::size_t at = line.rfind(kKeyMember);
  if (at == std::string_view::npos) return false;
  line.remove_prefix(at);
  return TakeEnd(line, end);
}

MapPage ReadMapPage(std::string_view reply, std::uint32_t limit) {
  const std::string members = WithoutValues(reply);
  const std::string_view cursor = Behind(members, R"("cursor":")");
  const std::string_view epoch = Behind(members, R"("epoch":")");
  MapPage next{.phase = static_cast<std::int32_t>(Number(Behind(members, R"("phase":)"))),
               .cursor = std::string(cursor.substr(0, cursor.find('"'))),
               .epoch = std::string(epoch.substr(0, epoch.find('"'))),
               .offset = Number(Behind(members, R"("offset":)"))};
  next.live = next.phase == 0;
  if (next.phase == 1 && ReadKeyedItems(reply).size() < limit) next.phase = 0;
  if (next.phase == 2 && next.cursor.empty()) next.phase = 1;
  return next;
}

std::vector<KeyedItem> ReadKeyedItems(std::string_view answer) {
  std::vector<KeyedItem> items;
  for (;;) {
    const std::size_t at = answer.find(kKeyMember);
    if (at == std::string_view::npos) return items;
    KeyedItem item{.text = answer.substr(0, at), .seq = ReadFirstSeq(answer.substr(0, at))};
    answer.remove_prefix(at);
    if (!TakeEnd(answer, item.end)) return items;
    items.push_back(item);
  }
}

}  // namespace tickcast::loadgen
