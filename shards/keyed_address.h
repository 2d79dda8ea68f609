// KeyedAddresses: the names under which slots are seen as keys of keyed channels.
//
// A slot is a state channel. Over a feed, key `BTC-USDT` of `watch:kucoin` is the feed's own
// channel `ticker:kucoin.BTC-USDT`, so a value is published, kept and conflated once, whatever name
// it is followed by. A keyed channel without a feed keeps its values in slots of its own, which
// nobody else can name: channel, NUL, key. Each keyed namespace is one *address*: pushes to its
// subscribers name the keyed channel and the key in place of the slot. Threading: built once, read
// by all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config.h"

namespace tickcast::shards {

// A slot that is no feed's: what it is called, and of what.
struct SlotName {
  std::string_view channel;
  std::string_view key;
};
// Of any other name: the channel itself, and no key.
SlotName SplitSlot(std::string_view slot);
std::string JoinSlot(std::string_view channel, std::string_view key);

class KeyedAddresses {
 public:
  // Of a subscription to the channel under its own name.
  static constexpr std::uint16_t kNone = 0;

  // `config` outlives it.
  explicit KeyedAddresses(const engine::Config& config);

  // The address of a keyed namespace of `config`; kNone of any other.
  std::uint16_t Of(const engine::Namespace& ns) const;

  // What the names of a keyed channel's slots begin with, and the key follows. Empty: `ns` is over
  // a feed, and this is not a name over it.
  std::string SlotPrefix(const engine::Namespace& ns, std::string_view channel) const;

  // The namespace whose channels the slots of `ns` are: for those of a feed the feed's, else `ns`.
  const engine::Namespace& SlotNamespace(const engine::Namespace& ns) const;

  struct Name {
    std::string channel;
    std::string_view key;  // Of `slot`.
    bool is_map;
  };
  // What subscribers of `address` are told of a slot.
  Name NameOf(std::uint16_t address, std::string_view slot) const;
  // Only the key.
  std::string_view KeyOf(std::uint16_t address, std::string_view slot) const;

 private:
  const engine::Namespace& At(std::uint16_t address) const;

  const engine::Config& config_;
};

}  // namespace tickcast::shards
