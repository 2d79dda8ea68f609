#include "tools/loadgen/watch_list.h"

#include "absl/strings/str_cat.h"
#include "protocol/abseil.h"
#include "tools/loadgen/market.h"

namespace tickcast::loadgen {
namespace {

using protocol::Abseil;

constexpr std::string_view kNamespace = "watch";
constexpr std::string_view kKeyMember = R"(,"key":")";
constexpr std::string_view kVersionMember = R"(,"version":)";

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

WatchList::WatchList(const Topology& topology) : topology_(topology) {
  const std::string_view name = topology.name(0);
  const std::size_t colon = name.find(':');
  const std::size_t dot = name.find('.', colon);
  channel_ = absl::StrCat(Abseil(kNamespace), Abseil(name.substr(colon, dot - colon)));
  prefix_bytes_ = dot + 1;
}

void WatchList::AppendSubscribe(std::uint32_t id, std::string_view data, std::string& out) const {
  absl::StrAppend(&out, R"({"id":)", id, R"(,"subscribe":{"channel":")", channel_, R"(","type":4)");
  if (!data.empty()) absl::StrAppend(&out, R"(,"data":)", Abseil(data));
  out += "}}";
}

void WatchList::AppendTrack(std::uint32_t id, std::span<const std::uint32_t> gained,
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

std::vector<KeyedItem> ReadKeyedItems(std::string_view answer) {
  std::vector<KeyedItem> items;
  for (;;) {
    const std::size_t at = answer.find(kKeyMember);
    if (at == std::string_view::npos) return items;
    KeyedItem item{.seq = ReadFirstSeq(answer.substr(0, at))};
    answer.remove_prefix(at);
    if (!TakeEnd(answer, item.end)) return items;
    items.push_back(item);
  }
}

}  // namespace tickcast::loadgen
