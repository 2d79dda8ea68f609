// KeyUrl: the JWKS document behind a URL.
//
// It is fetched at the start, again every hour, and at once when a token names a key that is not
// known, as issuers begin to use a new key without asking anybody; but not more often than every
// kRefetchNs, or whoever sends tokens with invented keys would make us ask the issuer for each.
// After a failure it is tried again, first soon and then less and less often.
// Threading: Poll() and OnAnswer() on shard 0's thread, the rest on any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/metrics.h"
#include "shards/key_source.h"
#include "shards/shared_keys.h"

namespace tickcast::shards {

class KeyUrl final : public KeySource {
 public:
  static constexpr std::uint64_t kLifeNs =
      3'600'000'000'000;  // As long as the original keeps keys.
  static constexpr std::uint64_t kRefetchNs = 10'000'000'000;
  static constexpr std::uint64_t kFirstRetryNs = 1'000'000'000;
  static constexpr std::uint64_t kLastRetryNs = 60'000'000'000;

  // Of all URLs of one use, "connection" or "subscription".
  struct Metrics {
    Metrics(engine::Registry& registry, const char* use);

    engine::Counter& loads;
    engine::Counter& failures;
  };

  // `slot` comes back in HttpCall::slot. `keys` outlive it.
  KeyUrl(std::string url, std::uint32_t slot, SharedKeys& keys,
         std::shared_ptr<const Metrics> metrics);

  void Poll(std::uint64_t now_ns, engine::HttpPort* http) override;
  void OnAnswer(const engine::HttpCall& call, std::uint64_t now_ns) override;
  bool OnUnknownKey(std::uint64_t now_ns) override;
  std::uint64_t tries() const override { return tries_.load(std::memory_order_acquire); }

 private:
  bool TakeOver(const engine::HttpCall& call);

  const std::string url_;
  const std::uint32_t slot_;
  SharedKeys& keys_;
  const std::shared_ptr<const Metrics> metrics_;
  std::uint64_t due_ns_ = 0;
  std::uint64_t retry_ns_ = kFirstRetryNs;
  std::atomic<bool> fetching_{false};
  std::atomic<bool> wanted_{false};
  std::atomic<std::uint64_t> refetch_from_ns_{0};
  std::atomic<std::uint64_t> tries_{0};
};

}  // namespace tickcast::shards
