#include "shards/keyed_address.h"

#include "absl/strings/str_cat.h"
#include "engine/invariant.h"
#include "protocol/abseil.h"

namespace tickcast::shards {

using protocol::Abseil;

namespace {

// Feeds name their channels so: `ticker:kucoin.BTC-USDT`.
constexpr std::string_view kTickers = "ticker:";
constexpr char kSymbolMark = '.';

constexpr char kKeyMark = '\0';

// Where a channel's own name is the feed's.
constexpr std::string_view kAnyFeed = "*";

}  // namespace

SlotName SplitSlot(std::string_view slot) {
  const std::size_t mark = slot.find(kKeyMark);
  if (mark == std::string_view::npos) return {.channel = slot, .key = {}};
  return {.channel = slot.substr(0, mark), .key = slot.substr(mark + 1)};
}

std::string JoinSlot(std::string_view channel, std::string_view key) {
  return absl::StrCat(Abseil(channel), absl::string_view(&kKeyMark, 1), Abseil(key));
}

KeyedAddresses::KeyedAddresses(const engine::Config& config) : config_(config) {}

std::uint16_t KeyedAddresses::Of(const engine::Namespace& ns) const {
  if (!ns.is_keyed()) return kNone;
  const std::vector<engine::Namespace>& all = config_.channel.namespaces;
  if (&ns == &config_.channel.without_namespace) return static_cast<std::uint16_t>(all.size() + 1);
  INVARIANT(&ns >= all.data() && &ns < all.data() + all.size(),
            "a namespace of this configuration");
  return static_cast<std::uint16_t>(&ns - all.data() + 1);
}

std::string KeyedAddresses::SlotPrefix(const engine::Namespace& ns,
                                       std::string_view channel) const {
  if (ns.source.empty()) return JoinSlot(channel, {});
  const std::size_t begin = channel.find(config_.channel.namespace_boundary);
  if (begin == std::string_view::npos) return {};
  const std::string_view feed = channel.substr(begin + config_.channel.namespace_boundary.size());
  const bool fits = ns.feed() == kAnyFeed || ns.feed() == feed;
  // A mark in it would make another feed's symbol of it.
  if (!fits || feed.empty() || feed.find(kSymbolMark) != std::string_view::npos) return {};
  return absl::StrCat(Abseil(kTickers), Abseil(feed), absl::string_view(&kSymbolMark, 1));
}

const engine::Namespace& KeyedAddresses::SlotNamespace(const engine::Namespace& ns) const {
  if (ns.source.empty()) return ns;
  const engine::Namespace* const tickers = config_.FindNamespace(kTickers);
  INVARIANT(tickers != nullptr, "a source is a feed that exists, and so does its namespace");
  return *tickers;
}

const engine::Namespace& KeyedAddresses::At(std::uint16_t address) const {
  const std::vector<engine::Namespace>& all = config_.channel.namespaces;
  return address > all.size() ? config_.channel.without_namespace : all[address - 1u];
}

std::string_view KeyedAddresses::KeyOf(std::uint16_t address, std::string_view slot) const {
  return At(address).source.empty() ? SplitSlot(slot).key : slot.substr(slot.find(kSymbolMark) + 1);
}

KeyedAddresses::Name KeyedAddresses::NameOf(std::uint16_t address, std::string_view slot) const {
  const engine::Namespace& ns = At(address);
  if (ns.source.empty()) {
    const SlotName name = SplitSlot(slot);
    return {.channel = std::string(name.channel), .key = name.key, .is_map = ns.is_map()};
  }
  const std::size_t mark = slot.find(kSymbolMark);
  const std::string_view feed = slot.substr(kTickers.size(), mark - kTickers.size());
  return {.channel = absl::StrCat(ns.name, config_.channel.namespace_boundary, Abseil(feed)),
          .key = slot.substr(mark + 1),
          .is_map = ns.is_map()};
}

}  // namespace tickcast::shards
