#include "tools/loadgen/publisher.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tools/loadgen/stamp.h"

namespace tickcast::loadgen {
namespace {

// Publish commands are numbered apart from the few of the set-up.
constexpr std::uint32_t kFirstPublishId = 1'000'000;

}  // namespace

Publisher::Publisher(const Options& options, const Topology& topology,
                     std::vector<std::uint32_t> awaited, std::uint32_t run, Say say)
    : options_(options),
      topology_(topology),
      awaited_(std::move(awaited)),
      run_(run),
      say_(std::move(say)),
      published_(topology.channel_count()) {}

void Publisher::Start(double rate, std::uint64_t now_ns, std::uint64_t until_ns) {
  rate_ = rate;
  start_ns_ = now_ns;
  until_ns_ = until_ns;
  scheduled_ = 0;
  publishing_ = true;
}

void Publisher::Stop(std::uint64_t now_ns) {
  if (!publishing_) return;
  publishing_ = false;
  stopped_ns_ = now_ns;
}

std::uint64_t Publisher::Step(std::uint64_t now_ns) {
  TakeReported();
  flight_.Advance();
  const auto stall_ns = static_cast<std::uint64_t>(options_.stall_ns);
  if (now_ns > stall_ns) counts_.given_up += flight_.GiveUp(now_ns - stall_ns);
  if (!publishing_) return UINT64_MAX;
  if (now_ns >= until_ns_) {
    Stop(now_ns);
    return UINT64_MAX;
  }
  return std::min(PublishDue(now_ns), until_ns_);
}

// Returns when the next publication is due by schedule.
std::uint64_t Publisher::PublishDue(std::uint64_t now_ns) {
  if (rate_ == 0) {
    if (options_.lockstep && flight_.size() > 0) return UINT64_MAX;
    while (flight_.size() < options_.window) Publish(now_ns, now_ns);
    return UINT64_MAX;
  }
  for (;;) {
    const std::uint64_t due_ns =
        start_ns_ + static_cast<std::uint64_t>(static_cast<double>(scheduled_) * 1e9 / rate_);
    if (due_ns > now_ns) return due_ns;
    Publish(due_ns, now_ns);
    ++scheduled_;
  }
}

void Publisher::Publish(std::uint64_t stamp_ns, std::uint64_t now_ns) {
  const std::uint32_t channel = next_channel_;
  next_channel_ = (next_channel_ + 1) % topology_.channel_count();
  const std::uint32_t publication = flight_.Begin(awaited_[channel], now_ns);
  const std::string_view name = topology_.name(channel);
  command_.clear();
  absl::StrAppend(&command_, R"({"id":)", kFirstPublishId + publication,
                  R"(,"publish":{"channel":")", absl::string_view(name.data(), name.size()),
                  R"(","data":)");
  AppendStamped({.run = run_,
                 .channel = channel,
                 .number = published_[channel]++,
                 .publication = publication,
                 .time_ns = stamp_ns},
                options_.payload_bytes, command_);
  command_ += "}}";
  say_(channel % options_.publishers, command_);
  ++counts_.publications;
}

void Publisher::OnReply(std::uint32_t id, std::uint32_t code) {
  const std::uint32_t publication = id - kFirstPublishId;
  if (code == 0) return flight_.OnReply(publication);
  ++counts_.errors;
  flight_.OnRefused(publication);
}

void Publisher::Report(DeliveryCounts& counts) {
  {
    const std::lock_guard lock(mutex_);
    reported_.insert(reported_.end(), counts.begin(), counts.end());
  }
  counts.clear();
}

void Publisher::TakeReported() {
  {
    const std::lock_guard lock(mutex_);
    taken_.swap(reported_);
  }
  for (const auto& [publication, deliveries] : taken_) flight_.OnDelivery(publication, deliveries);
  taken_.clear();
}

}  // namespace tickcast::loadgen
