// Options of a subscription: what a subscriber asks for in its subscribe's `data`, and later by the
// rpc `tickcast.options`.
//
// The protocol has no members of its own for how often and how closely a client wants to follow a
// channel, but gives a subscribe a `data` that is the application's. So these are members of that
// object, beside whatever the application keeps there: members that are not known here are not
// ours to refuse, and a `data` that is no object has nothing to do with us. A member that is ours
// and wrong is refused, since a client that believes itself throttled must not be flooded.
// Threading: a SubscriptionOptionsParser belongs to one thread; one serves a shard.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tickcast::protocol {

// The longest interval between two values that a subscriber can ask for.
inline constexpr std::uint32_t kMaxOptionIntervalMs = 60'000;

// What was asked for. A value counts only with its `has_`; what is granted is the shard's to say.
struct SubscriptionOptions {
  bool has_interval = false;
  bool has_min_change = false;
  bool has_priority = false;
  std::uint32_t interval_ms = 0;  // Least time between two values, 0 to kMaxOptionIntervalMs.
  double min_change = 0;          // Least change worth sending, as a fraction of the value, [0, 1).
  bool priority = false;          // Sent first, and last to be held back.

  bool operator==(const SubscriptionOptions&) const = default;
};

// The `data` of the rpc `tickcast.options`: other options for a subscription that exists.
struct OptionsRequest {
  std::string channel;  // Never empty.
  SubscriptionOptions options;
};

// Reads options. The members are `interval_ms` (a whole number), `min_change` (a number) and
// `priority` (a boolean). null asks for nothing, and of a member named twice the last counts, both
// as in commands.
class SubscriptionOptionsParser {
 public:
  SubscriptionOptionsParser();
  SubscriptionOptionsParser(SubscriptionOptionsParser&&) noexcept;
  SubscriptionOptionsParser& operator=(SubscriptionOptionsParser&&) noexcept;
  ~SubscriptionOptionsParser();

  // Reads the `data` of a subscribe as the command had it; empty where it had none. Empty when all
  // is well, else the message of an error 107, naming the first member that is wrong; it stays
  // valid until the next call. `options` is set whole, and on an error to nothing asked for.
  // `data` needs no padding behind it; it is copied. Text that is no JSON, which no command has,
  // is told as well.
  std::string_view Parse(std::string_view data, SubscriptionOptions& options);

  // The same for the `data` of `tickcast.options`: the members stand beside a `channel`, which must
  // be there, so that here `data` must be an object.
  std::string_view ParseRequest(std::string_view data, OptionsRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Appends what a subscription was granted, always all of it, as one-line JSON:
// {"interval_ms":250,"min_change":0.001,"priority":true}. Numbers are the shortest that read back
// as the same. REQUIRES: `min_change` is finite.
void AppendGrantedOptions(std::uint32_t interval_ms, double min_change, bool priority,
                          std::string& out);

}  // namespace tickcast::protocol
