// Users: which of a shard's connections are a user's.
//
// The connections of one user are a list that goes through an array by slot, and a hash set holds
// the first slot of each: the name is only in the session. So a connection costs 8 bytes and its
// coming and going is O(1), however many connections a user has.
// Threading: owned by one shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "engine/completion.h"
#include "shards/connection.h"
#include "shards/string_map.h"

namespace tickcast::shards {

class Users {
 public:
  // `connections` outlives this and does not move.
  explicit Users(ConnectionTable& connections);

  // REQUIRES: open, with a session that stays, and whose user does not change, until Remove().
  void Add(engine::Slot slot);
  // Does nothing for a connection that was not added.
  void Remove(engine::Slot slot);

  // Calls `visit(slot)` for each connection of `user`, the newest first; it may remove that one.
  template <typename Visit>
  void ForEach(std::string_view user, Visit&& visit) const {
    const auto first = first_.find(user);
    engine::Slot slot = first == first_.end() ? kEnd : *first;
    while (slot != kEnd) {
      const engine::Slot next = links_[slot].next;
      visit(slot);
      slot = next;
    }
  }

  // The same for the connections of all users, in no order.
  template <typename Visit>
  void ForAll(Visit&& visit) const {
    for (engine::Slot slot = 0; slot < links_.size(); ++slot) {
      if (links_[slot].previous != kOut) visit(slot);
    }
  }

  // Appends a hash of each user's name, the same in the whole process.
  void AppendHashes(std::vector<std::uint64_t>& out) const;

  std::size_t connections() const { return connections_in_; }
  std::size_t users() const { return first_.size(); }

 private:
  static constexpr engine::Slot kEnd = ~engine::Slot{0};
  static constexpr engine::Slot kOut = kEnd - 1;  // In `previous`: not in any list.

  struct Link {
    engine::Slot next = kEnd;
    engine::Slot previous = kOut;
  };
  // Of a slot, what is hashed and compared is its user.
  struct Names {
    ConnectionTable* connections;
    std::string_view Of(engine::Slot slot) const;
    std::string_view Of(std::string_view user) const { return user; }
  };
  struct Hash : Names {
    using is_transparent = void;
    template <typename Key>
    std::size_t operator()(const Key& key) const {
      return StringHash{}(Of(key));
    }
  };
  struct Equal : Names {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return Of(a) == Of(b);
    }
  };

  std::vector<Link> links_;  // By slot.
  absl::flat_hash_set<engine::Slot, Hash, Equal> first_;
  std::size_t connections_in_ = 0;
};

}  // namespace tickcast::shards
