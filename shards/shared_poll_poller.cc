#include "shards/shared_poll_poller.h"

#include <algorithm>
#include <utility>

#include "engine/invariant.h"

namespace tickcast::shards {

using protocol::ProxyAnswer;

namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};

engine::Counter& AddAsked(engine::Registry& registry, ShardId shard, std::string_view reason) {
  return registry.AddCounter("tickcast_shared_poll_asked_keys_total",
                             "Keys that backends were asked for.",
                             {{"shard", std::to_string(shard)}, {"reason", std::string(reason)}});
}

engine::Counter& AddResult(engine::Registry& registry, ShardId shard, std::string_view result) {
  return registry.AddCounter("tickcast_shared_poll_values_total",
                             "What backends answered of keys, by what it was.",
                             {{"shard", std::to_string(shard)}, {"result", std::string(result)}});
}

}  // namespace

SharedPollPoller::Metrics::Metrics(engine::Registry& registry, ShardId shard)
    : keys(registry.AddGauge("tickcast_shared_poll_keys",
                             "Keys that backends are asked for, because somebody tracks them.",
                             {{"shard", std::to_string(shard)}})),
      asked_new(AddAsked(registry, shard, "new")),
      asked_in_rounds(AddAsked(registry, shard, "interval")),
      changed(AddResult(registry, shard, "changed")),
      unchanged(AddResult(registry, shard, "unchanged")),
      removed(AddResult(registry, shard, "removed")),
      unknown(AddResult(registry, shard, "untracked")),
      failed(
          registry.AddCounter("tickcast_shared_poll_failed_batches_total",
                              "Batches of keys that got no answer; the values stood as they were.",
                              {{"shard", std::to_string(shard)}})) {}

SharedPollPoller::SharedPollPoller(const engine::Config& config, Proxies& proxies,
                                   engine::Registry& registry, ShardId shard, Sink& sink,
                                   std::string epoch)
    : config_(config.shared_poll),
      proxies_(proxies),
      sink_(sink),
      epoch_(std::move(epoch)),
      metrics_(registry, shard) {}

SharedPollPoller::Channel* SharedPollPoller::Find(std::string_view name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : channels_.Find(found->second);
}

void SharedPollPoller::Watch(const engine::Namespace& ns, std::string_view name,
                             std::string_view key, std::uint64_t now_ns) {
  INVARIANT(ns.is_polled(), "REQUIRES: a shared poll without a source");
  engine::Handle& handle = by_name_[std::string(name)];
  if (channels_.Find(handle) == nullptr) {
    handle = channels_.Allocate(ns, name);
  }
  Channel& channel = channels_[handle.index];
  // It is asked for at once: the first round, or the first one after nobody was there, can wait.
  if (channel.keys.empty()) {
    channel.next_round_ns =
        std::max(channel.next_round_ns, now_ns + ns.shared_poll.refresh_interval_ns);
  }
  if (!channel.keys.Add(key)) return;
  metrics_.keys.Add();
  channel.fresh.emplace_back(key);
  Schedule(handle, now_ns);
}

void SharedPollPoller::Unwatch(std::string_view name, std::string_view key, std::uint64_t now_ns) {
  Channel* const channel = Find(name);
  if (channel == nullptr || !channel->keys.Remove(key)) return;
  metrics_.keys.Subtract();
  if (!channel->keys.empty()) return;
  channel->drop_ns = now_ns + channel->ns.shared_poll.channel_shutdown_delay_ns;
  Schedule(by_name_.find(name)->second, NextDue(*channel));
}

bool SharedPollPoller::Publish(std::string_view name, std::string_view key, std::uint64_t version,
                               std::string_view epoch) {
  Channel* channel = Find(name);
  if (channel == nullptr) return false;
  if (channel->keys.Flip(epoch)) {
    sink_.OnPolledEpoch(channel->name, channel->keys.epoch());
    channel = Find(name);
  }
  return channel != nullptr && channel->keys.TakePublished(key, version);
}

std::string_view SharedPollPoller::EpochOf(const engine::Namespace& ns, std::string_view name) {
  if (ns.shared_poll.mode == engine::SharedPollMode::kVersionless) return epoch_;
  const Channel* const channel = Find(name);
  return channel == nullptr ? std::string_view() : std::string_view(channel->keys.epoch());
}

std::uint64_t SharedPollPoller::next_due_ns() const {
  if (!ready_.empty() && under_way_.size() < config_.concurrency_limit) return 0;
  return due_.empty() ? kNever : due_.begin()->first;
}

void SharedPollPoller::Schedule(engine::Handle handle, std::uint64_t due_ns) {
  Channel& channel = channels_[handle.index];
  if (channel.due_ns != 0) due_.erase({channel.due_ns, handle.index});
  channel.due_ns = due_ns == kNever ? 0 : std::max<std::uint64_t>(due_ns, 1);
  if (channel.due_ns != 0) due_.emplace(channel.due_ns, handle.index);
}

// When there is something to do for it, unless an answer comes before.
std::uint64_t SharedPollPoller::NextDue(const Channel& channel) const {
  if (channel.keys.empty()) return channel.drop_ns;
  if (!channel.fresh.empty()) return 0;
  if (channel.next_key < channel.round.size()) return channel.next_batch_ns;
  return channel.under_way == 0 ? channel.next_round_ns : kNever;
}

void SharedPollPoller::Run(std::uint64_t now_ns) {
  while (!due_.empty() && due_.begin()->first <= now_ns) {
    const std::uint32_t index = due_.begin()->second;
    due_.erase(due_.begin());
    channels_[index].due_ns = 0;
    if (std::exchange(channels_[index].is_ready, true)) continue;
    ready_.push_back(channels_.handle(index));
  }
  while (!ready_.empty() && under_way_.size() < config_.concurrency_limit) {
    const engine::Handle handle = ready_.front();
    ready_.pop_front();
    if (channels_.Find(handle) == nullptr) continue;
    if (Step(handle, now_ns)) {
      ready_.push_back(handle);
    } else if (Channel* const channel = channels_.Find(handle)) {
      channel->is_ready = false;
    }
  }
}

// Does one thing that is due for a channel. False: there is no other, and it is scheduled again or
// gone.
bool SharedPollPoller::Step(engine::Handle handle, std::uint64_t now_ns) {
  Channel& channel = channels_[handle.index];
  const std::uint64_t due_ns = NextDue(channel);
  if (due_ns > now_ns) {
    Schedule(handle, due_ns);
    return false;
  }
  if (channel.keys.empty()) {
    Drop(handle);
    return false;
  }
  if (!channel.fresh.empty()) {
    AskFresh(handle);
    return true;
  }
  if (channel.next_key == channel.round.size()) BeginRound(channel, now_ns);
  if (channel.next_key < channel.round.size()) AskNextOfRound(handle);
  return true;
}

// Those that are new since the last turn, as many as fit into a batch.
void SharedPollPoller::AskFresh(engine::Handle handle) {
  Channel& channel = channels_[handle.index];
  std::vector<std::string> fresh = std::move(channel.fresh);
  // One may have been given up and watched again.
  std::sort(fresh.begin(), fresh.end());
  fresh.erase(std::unique(fresh.begin(), fresh.end()), fresh.end());
  const std::size_t size =
      std::min<std::size_t>(channel.ns.shared_poll.refresh_batch_size, fresh.size());
  channel.fresh.assign(fresh.begin() + static_cast<std::ptrdiff_t>(size), fresh.end());
  Ask(handle, std::span(fresh).first(size), /*of_round=*/false);
}

void SharedPollPoller::AskNextOfRound(engine::Handle handle) {
  Channel& channel = channels_[handle.index];
  const auto rest = std::span<const std::string>(channel.round).subspan(channel.next_key);
  const auto batch =
      rest.first(std::min<std::size_t>(channel.ns.shared_poll.refresh_batch_size, rest.size()));
  channel.next_key += batch.size();
  channel.next_batch_ns += channel.batch_step_ns;
  Ask(handle, batch, /*of_round=*/true);
}

void SharedPollPoller::BeginRound(Channel& channel, std::uint64_t now_ns) {
  const engine::SharedPollConfig& config = channel.ns.shared_poll;
  channel.round = channel.keys.TakeRound();
  channel.next_key = 0;
  const std::size_t batches =
      (channel.round.size() + config.refresh_batch_size - 1) / config.refresh_batch_size;
  channel.next_batch_ns = now_ns;
  channel.batch_step_ns = batches == 0 ? 0 : config.refresh_interval_ns / batches;
  channel.next_round_ns = now_ns + config.refresh_interval_ns;
}

void SharedPollPoller::Ask(engine::Handle handle, std::span<const std::string> keys,
                           bool of_round) {
  Channel& channel = channels_[handle.index];
  std::vector<protocol::ProxyPolledKey> items;
  items.reserve(keys.size());
  for (const std::string& key : keys) {
    if (channel.keys.Has(key)) items.push_back(channel.keys.Asked(key));
  }
  if (items.empty()) return;
  const Proxies::Begun begun =
      proxies_.Ask(channel.ns.shared_poll.proxy_name,
                   {.kind = protocol::ProxyKind::kSharedPollRefresh, .poll = ++last_batch_},
                   {.channel = channel.name, .items = items});
  (of_round ? metrics_.asked_in_rounds : metrics_.asked_new).Add(items.size());
  if (begun != Proxies::Begun::kYes) return metrics_.failed.Add();
  under_way_.emplace(last_batch_, Batch{.channel = handle, .of_round = of_round});
  if (of_round) ++channel.under_way;
}

void SharedPollPoller::Drop(engine::Handle handle) {
  Channel& channel = channels_[handle.index];
  if (channel.due_ns != 0) due_.erase({channel.due_ns, handle.index});
  by_name_.erase(by_name_.find(channel.name));
  channels_.Free(handle);
}

std::vector<SharedPollPoller::News> SharedPollPoller::TakeNews(Channel& channel,
                                                               const ProxyAnswer& answer) {
  std::vector<News> all;
  for (const protocol::ProxyPolledValue& item : answer.items) {
    News news{.key = item.key, .data = item.data};
    switch (channel.keys.Take(item, last_version_, news.version)) {
      case PolledKeys::News::kUnchanged:
        metrics_.unchanged.Add();
        break;
      case PolledKeys::News::kUnknown:
        metrics_.unknown.Add();
        break;
      case PolledKeys::News::kValue:
        metrics_.changed.Add();
        all.push_back(news);
        break;
      case PolledKeys::News::kRemoved:
        metrics_.removed.Add();
        metrics_.keys.Subtract();
        news.removed = true;
        all.push_back(news);
        break;
    }
  }
  return all;
}

void SharedPollPoller::OnAnswer(const Proxies::Question& question, const ProxyAnswer* answer,
                                std::uint64_t now_ns) {
  const auto found = under_way_.find(question.poll);
  INVARIANT(found != under_way_.end(), "a batch is answered once");
  const Batch batch = found->second;
  under_way_.erase(found);
  const bool answered = answer != nullptr && answer->verdict == ProxyAnswer::Verdict::kResult;
  if (!answered) metrics_.failed.Add();
  Channel* const channel = channels_.Find(batch.channel);
  if (channel == nullptr) return;
  if (batch.of_round) --channel->under_way;
  const bool flipped = answered && answer->has_result && channel->keys.Flip(answer->epoch);
  std::vector<News> all;
  if (answered) all = TakeNews(*channel, *answer);
  if (channel->keys.empty())
    channel->drop_ns = now_ns + channel->ns.shared_poll.channel_shutdown_delay_ns;
  Schedule(batch.channel, NextDue(*channel));

  // What is told may come back as Watch() and Unwatch(), so nothing of the channel is used below.
  const std::string name = channel->name;
  if (flipped) sink_.OnPolledEpoch(name, answer->epoch);
  for (const News& news : all) {
    if (news.removed) {
      sink_.OnPolledRemoval(name, news.key);
    } else {
      sink_.OnPolledValue(name, news.key, news.data, news.version);
    }
  }
}

}  // namespace tickcast::shards
