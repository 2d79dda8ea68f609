// HistoryReference: what a channel's history has to answer, told from everything ever published.
//
// The home keeps a ring and forgets; this keeps every publication and only says from which offset
// on they are still there. Nothing is shared with the code under test but the meaning, which is
// that of the original: broker_memory.go, node.go and client.go of
// github.com/centrifugal/centrifuge.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tickcast::shards {

struct ReferenceLimits {
  std::uint64_t size = 0;
  std::uint64_t ttl_ns = 0;
  std::uint64_t meta_ttl_ns = 0;
  std::uint64_t recovery_limit = 0;
  std::uint64_t history_limit = 0;
  bool cache = false;
  bool automatic = false;
};

class HistoryReference {
 public:
  // Epochs are counted here; the test learns their texts.
  struct Position {
    std::uint64_t offset = 0;
    int epoch = 0;  // 0: none.
    bool operator==(const Position&) const = default;
  };
  // A position as a client asks for it: any epoch, one that never was, or the n-th.
  struct Since {
    std::uint64_t offset = 0;
    enum { kAny, kForeign, kEpoch } which = kAny;
    int epoch = 0;
  };
  using Offsets = std::vector<std::uint64_t>;
  enum class Error { kNone, kBadRequest, kUnrecoverable };

  struct Published {
    Position position;
    bool suppressed = false;
  };
  struct Subscribed {
    Error error = Error::kNone;
    bool was_recovering = false;
    bool recovered = false;
    Position position;
    Offsets publications;
  };
  struct Read {
    Error error = Error::kNone;
    Position position;
    Offsets publications;
  };

  explicit HistoryReference(const ReferenceLimits& limits) : limits_(limits) {}

  Published Publish(std::uint64_t now, const std::string& data, bool skip_history,
                    std::uint64_t version, const std::string& version_epoch,
                    const std::string& key) {
    Look(now);
    if (!key.empty()) {
      const auto known = results_.find(key);
      if (known != results_.end() && now < known->second.second) {
        return {known->second.first, true};
      }
    }
    if (version != 0 && !skip_history && last_version_.first >= version &&
        (version_epoch.empty() || version_epoch == last_version_.second)) {
      used_ = now;
      gone_at_ = now + limits_.ttl_ns;
      return {Top(), true};
    }
    Position position;
    if (!skip_history) {
      used_ = now;
      gone_at_ = now + limits_.ttl_ns;
      log_.push_back(data);
      Keep(kept_);
      last_version_ = {version, version_epoch};
      position = Top();
    }
    if (!key.empty()) results_[key] = {position, now + kResultNs};
    return {position, false};
  }

  Subscribed Subscribe(std::uint64_t now, bool recoverable, bool recover, bool reject,
                       const Since& since) {
    Look(now);
    used_ = now;
    Subscribed answer{.was_recovering = recover, .position = Top()};
    if (recoverable && limits_.cache) {
      answer.was_recovering = recover || limits_.automatic;
      if (answer.was_recovering) {
        const bool same = since.offset != 0 && since.offset == log_.size() &&
                          since.which == Since::kEpoch && since.epoch == epoch_;
        answer.recovered = same || Has(log_.size());
        if (!same && Has(log_.size())) answer.publications = {log_.size()};
      }
    } else if (recoverable && recover) {
      Offsets missed;
      for (std::uint64_t offset = since.offset; offset < log_.size(); ++offset) {
        missed.push_back(offset + 1);
      }
      bool all =
          Matches(since) && since.offset <= log_.size() && missed.size() <= limits_.recovery_limit;
      for (const std::uint64_t offset : missed) all = all && Has(offset);
      answer.recovered = all;
      if (all) answer.publications = missed;
      if (!all && reject) answer.error = Error::kUnrecoverable;
    }
    if (answer.recovered) answer.position.offset = since.offset;
    return answer;
  }

  Read History(std::uint64_t now, std::int64_t limit, bool reverse,
               const std::optional<Since>& since) {
    Look(now);
    Read answer;
    if (reverse && since && since->offset == 0) {
      answer.error = Error::kBadRequest;
      return answer;
    }
    used_ = now;
    answer.position = Top();
    if (since && !Matches(*since)) {
      answer.error = Error::kUnrecoverable;
      return answer;
    }
    Offsets all;
    for (std::uint64_t offset = 1; offset <= log_.size(); ++offset) {
      if (!Has(offset)) continue;
      if (since && !reverse && offset <= since->offset) continue;
      if (since && reverse && offset >= since->offset) continue;
      all.push_back(offset);
    }
    if (since && reverse && !Has(since->offset - 1)) all.clear();
    if (reverse) all = Offsets(all.rbegin(), all.rend());
    const std::uint64_t most =
        limit < 0
            ? limits_.history_limit
            : std::min<std::uint64_t>(static_cast<std::uint64_t>(limit), limits_.history_limit);
    if (all.size() > most) all.resize(most);
    answer.publications = all;
    return answer;
  }

  void Remove(std::uint64_t now) {
    Look(now);
    first_ = log_.size() + 1;
  }

  // Somebody subscribes, or the last one leaves.
  void SetUsed(std::uint64_t now, bool used) {
    in_use_ = used;
    used_ = now;
  }
  // The server is short of memory, or no more; it looks at all channels now.
  void Shed(std::uint64_t kept) { kept_ = kept; }
  void Sweep(std::uint64_t now) {
    if (in_use_) used_ = now;
    if (now >= gone_at_) first_ = log_.size() + 1;
    if (kept_ < limits_.size) Keep(kept_);
  }
  void Restart() {
    const int epochs = epochs_;
    *this = HistoryReference(limits_);
    epochs_ = epochs;
  }

  std::uint64_t newest() const { return log_.size(); }
  const std::string& DataOf(std::uint64_t offset) const { return log_[offset - 1]; }
  // The offsets that are there, for paging.
  Offsets Kept(std::uint64_t now) {
    Look(now);
    Offsets all;
    for (std::uint64_t offset = 1; offset <= log_.size(); ++offset) {
      if (Has(offset)) all.push_back(offset);
    }
    return all;
  }

 private:
  static constexpr std::uint64_t kResultNs = 300'000'000'000;

  Position Top() const { return {log_.size(), epoch_}; }
  bool Has(std::uint64_t offset) const { return offset >= first_ && offset <= log_.size(); }
  bool Matches(const Since& since) const {
    return since.which == Since::kAny || (since.which == Since::kEpoch && since.epoch == epoch_);
  }
  void Keep(std::uint64_t count) {
    if (log_.size() >= count) first_ = std::max(first_, log_.size() - count + 1);
  }
  // What time has changed since somebody last looked.
  void Look(std::uint64_t now) {
    if (epoch_ != 0 && now >= gone_at_) first_ = log_.size() + 1;
    if (epoch_ != 0 && (in_use_ || now - used_ < limits_.meta_ttl_ns)) return;
    log_.clear();
    first_ = 1;
    last_version_ = {};
    epoch_ = ++epochs_;
    used_ = now;
    gone_at_ = 0;
  }

  ReferenceLimits limits_;
  std::vector<std::string> log_;  // Of this epoch; the first has offset 1.
  std::uint64_t first_ = 1;       // The first offset that is there.
  std::uint64_t gone_at_ = 0;
  std::uint64_t used_ = 0;
  std::uint64_t kept_ = limits_.size;
  bool in_use_ = false;
  int epoch_ = 0;
  int epochs_ = 0;
  std::pair<std::uint64_t, std::string> last_version_;
  std::map<std::string, std::pair<Position, std::uint64_t>> results_;
};

}  // namespace tickcast::shards
