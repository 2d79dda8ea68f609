// ConnectionLimits: how many connections the server, a user and an address may have, and how fast
// new ones may come; counted over all shards.
//
// What a limit counts may be spread over all shards, so the counts are shared: an atomic for the
// whole server, maps in stripes behind locks for users and addresses. They are touched when a
// connection comes, says who it is and goes, never per command or delivery, and not at all where
// the limit is 0. A rate is a bucket that holds one second's worth: who stayed below it for a
// second may come all at once. An IPv6 client owns a /64, so addresses are told apart by those.
// Threading: any shard calls it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "engine/config.h"
#include "engine/peer_address.h"
#include "shards/string_map.h"

namespace tickcast::shards {

class ConnectionLimits {
 public:
  enum class Address : std::uint8_t {
    kTaken,    // Counted: to be given back.
    kTooMany,  // client.address_connection_limit
    kTooFast,  // client.address_connection_rate
  };

  // `config` outlives it.
  explicit ConnectionLimits(const engine::ClientConfig& config) : config_(config) {}

  // A connection has come: false where client.connection_rate_limit refuses it.
  bool TakeConnection(std::uint64_t now_ns);

  // A connection begins to be a client's: false where client.connection_limit refuses it; otherwise
  // it is to be given back.
  bool TakeClient();
  void GiveClient();

  // The same for who it is, an anonymous user is never refused; client.user_connection_limit.
  bool TakeUser(std::string_view user);
  void GiveUser(std::string_view user);

  // Whether connections have to be asked where they come from.
  bool counts_addresses() const {
    return config_.address_connection_limit != 0 || config_.address_connection_rate != 0;
  }
  // REQUIRES: counts_addresses(), and the address is known.
  Address TakeAddress(const engine::PeerAddress& address, std::uint64_t now_ns);
  void GiveAddress(const engine::PeerAddress& address);
  // Those with connections, and those whose rate is still remembered.
  std::size_t known_addresses();

 private:
  static constexpr std::size_t kStripes = 16;
  // Addresses without a connection are forgotten when there are so many more.
  static constexpr std::size_t kSweepEvery = 1024;

  // Family and the bytes that tell clients apart.
  using AddressKey = std::array<std::uint8_t, 9>;
  struct AddressUse {
    std::uint32_t connections = 0;
    std::uint64_t until_ns = 0;
  };
  struct AddressStripe {
    std::mutex mutex;
    absl::flat_hash_map<AddressKey, AddressUse> uses;
    std::size_t sweep_at = kSweepEvery;
  };
  struct UserStripe {
    std::mutex mutex;
    StringMap<std::uint32_t> connections;
  };

  static AddressKey KeyOf(const engine::PeerAddress& address);
  AddressStripe& StripeOf(const AddressKey& key);
  UserStripe& StripeOf(std::string_view user);
  static void Sweep(AddressStripe& stripe, std::uint64_t now_ns);

  const engine::ClientConfig& config_;
  std::atomic<std::uint64_t> until_ns_{0};
  std::atomic<std::uint32_t> clients_{0};
  std::array<AddressStripe, kStripes> addresses_;
  std::array<UserStripe, kStripes> users_;
};

}  // namespace tickcast::shards
