#include "shards/connection_limits.h"

#include <algorithm>

#include "engine/invariant.h"
#include "shards/rate_bucket.h"

namespace tickcast::shards {
bool ConnectionLimits::TakeConnection(std::uint64_t now_ns) {
  const std::uint32_t rate = config_.connection_rate_limit;
  if (rate == 0) return true;
  std::uint64_t seen_ns = until_ns_.load(std::memory_order_relaxed);
  for (;;) {
    std::uint64_t until_ns = seen_ns;
    if (!TakeFromBucket(until_ns, rate, rate, now_ns)) return false;
    if (until_ns_.compare_exchange_weak(seen_ns, until_ns, std::memory_order_relaxed)) return true;
  }
}

bool ConnectionLimits::TakeClient() {
  const std::uint32_t before = clients_.fetch_add(1, std::memory_order_relaxed);
  if (config_.connection_limit == 0 || before < config_.connection_limit) return true;
  clients_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void ConnectionLimits::GiveClient() { clients_.fetch_sub(1, std::memory_order_relaxed); }

bool ConnectionLimits::TakeUser(std::string_view user) {
  if (config_.user_connection_limit == 0 || user.empty()) return true;
  UserStripe& stripe = StripeOf(user);
  const std::lock_guard lock(stripe.mutex);
  std::uint32_t& connections = stripe.connections[user];
  if (connections >= config_.user_connection_limit) return false;
  ++connections;
  return true;
}

void ConnectionLimits::GiveUser(std::string_view user) {
  if (config_.user_connection_limit == 0 || user.empty()) return;
  UserStripe& stripe = StripeOf(user);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.connections.find(user);
  INVARIANT(found != stripe.connections.end() && found->second > 0,
            "a user gave back a connection that was not taken");
  if (--found->second == 0) stripe.connections.erase(found);
}

ConnectionLimits::Address ConnectionLimits::TakeAddress(const engine::PeerAddress& address,
                                                        std::uint64_t now_ns) {
  const AddressKey key = KeyOf(address);
  AddressStripe& stripe = StripeOf(key);
  const std::lock_guard lock(stripe.mutex);
  if (stripe.uses.size() >= stripe.sweep_at) Sweep(stripe, now_ns);
  AddressUse& use = stripe.uses[key];
  const std::uint32_t limit = config_.address_connection_limit;
  if (limit != 0 && use.connections >= limit) return Address::kTooMany;
  const std::uint32_t rate = config_.address_connection_rate;
  if (rate != 0 && !TakeFromBucket(use.until_ns, rate, rate, now_ns)) return Address::kTooFast;
  ++use.connections;
  return Address::kTaken;
}

// Its rate stays known until it counts no more, which a later Sweep() finds.
void ConnectionLimits::GiveAddress(const engine::PeerAddress& address) {
  const AddressKey key = KeyOf(address);
  AddressStripe& stripe = StripeOf(key);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.uses.find(key);
  INVARIANT(found != stripe.uses.end() && found->second.connections > 0,
            "an address gave back a connection that was not taken");
  --found->second.connections;
  if (found->second.connections == 0 && found->second.until_ns == 0) stripe.uses.erase(found);
}

std::size_t ConnectionLimits::known_addresses() {
  std::size_t known = 0;
  for (AddressStripe& stripe : addresses_) {
    const std::lock_guard lock(stripe.mutex);
    known += stripe.uses.size();
  }
  return known;
}

void ConnectionLimits::Sweep(AddressStripe& stripe, std::uint64_t now_ns) {
  absl::erase_if(stripe.uses, [now_ns](const auto& each) {
    return each.second.connections == 0 && each.second.until_ns <= now_ns;
  });
  stripe.sweep_at = 2 * stripe.uses.size() + kSweepEvery;
}

ConnectionLimits::AddressKey ConnectionLimits::KeyOf(const engine::PeerAddress& address) {
  AddressKey key{static_cast<std::uint8_t>(address.family)};
  const bool v4 = address.family == engine::PeerAddress::Family::kIpv4;
  std::copy_n(address.ip.begin(), v4 ? 4 : 8, key.begin() + 1);
  return key;
}

ConnectionLimits::AddressStripe& ConnectionLimits::StripeOf(const AddressKey& key) {
  return addresses_[absl::Hash<AddressKey>()(key) % kStripes];
}

ConnectionLimits::UserStripe& ConnectionLimits::StripeOf(std::string_view user) {
  return users_[std::hash<std::string_view>()(user) % kStripes];
}

}  // namespace tickcast::shards
