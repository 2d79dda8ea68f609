#include "shards/join_leave.h"

#include <algorithm>
#include <utility>

#include "engine/invariant.h"

namespace tickcast::shards {

void JoinLeave::Watch(ChannelIndex channel, engine::Slot slot, std::uint64_t first_event,
                      std::int64_t id) {
  std::unique_ptr<Watchers>& watchers = watchers_[channel];
  if (watchers == nullptr) watchers = std::make_unique<Watchers>();
  const auto place = static_cast<std::uint32_t>(watchers->list.size());
  const bool added = watchers->places.emplace(slot, place).second;
  INVARIANT(added, "a connection is told once");
  watchers->list.push_back({slot, first_event, id});
}

void JoinLeave::Unwatch(ChannelIndex channel, engine::Slot slot) {
  const auto found = watchers_.find(channel);
  if (found == watchers_.end()) return;
  Watchers& watchers = *found->second;
  const auto left = watchers.places.find(slot);
  if (left == watchers.places.end()) return;
  const Watcher moved = watchers.list.back();
  watchers.list[left->second] = moved;
  watchers.places[moved.slot] = left->second;
  watchers.places.erase(slot);
  watchers.list.pop_back();
  if (watchers.list.empty()) watchers_.erase(found);
}

void JoinLeave::Take(ChannelIndex channel, std::shared_ptr<const MemberEvents> events) {
  if (!watchers_.contains(channel)) return;
  const bool only_leaves = std::none_of(events->begin(), events->end(),
                                        [](const MemberEvent& event) { return event.joined; });
  if (only_leaves) {
    leaves_.push_back({channel, channels_.generation(channel), std::move(events)});
    return;
  }
  // Who left and is back must not be seen to leave last.
  const auto of_channel = [channel](const Waiting& waiting) { return waiting.channel == channel; };
  for (const Waiting& waiting : leaves_) {
    if (of_channel(waiting)) Send(channel, *waiting.events);
  }
  std::erase_if(leaves_, of_channel);
  Send(channel, *events);
}

void JoinLeave::SendLeaves() {
  for (const Waiting& waiting : leaves_) {
    const bool there = channels_.Find(waiting.channel, waiting.generation) != nullptr;
    if (there) Send(waiting.channel, *waiting.events);
  }
  leaves_.clear();
}

void JoinLeave::Send(ChannelIndex channel, const MemberEvents& events) {
  const auto found = watchers_.find(channel);
  if (found == watchers_.end()) return;
  for (Lines& lines : lines_) lines.begins.clear();
  for (const Watcher& watcher : found->second->list) SendTo(watcher, channel, events);
}

void JoinLeave::SendTo(const Watcher& watcher, ChannelIndex channel, const MemberEvents& events) {
  const auto first = std::find_if(
      events.begin(), events.end(),
      [&watcher](const MemberEvent& event) { return event.number >= watcher.first_event; });
  if (first == events.end()) return;
  const auto count = static_cast<std::uint64_t>(events.end() - first);
  const Connection& connection = connections_[watcher.slot];
  const Lines& lines =
      LinesOf(connection.form, {.channel = channels_[channel].name, .id = watcher.id}, events);
  const std::string_view text =
      std::string_view(lines.text)
          .substr(lines.begins[static_cast<std::size_t>(first - events.begin())]);
  if (connections_.hot(watcher.slot).Is(Hot::kBlocked)) {
    const std::size_t waiting = connection.outbox == OutboxPool::kNone
                                    ? 0
                                    : connections_.outboxes()[connection.outbox].size_bytes();
    if (waiting + text.size() > kMaxWaitingBytes) return metrics_.join_leave_slow.Add(count);
  }
  connections_.NewLine(watcher.slot) += text;
  fan_out_.OwesReplies(watcher.slot);
  metrics_.join_leave_pushes.Add(count);
}

// All that are told an id are told the same one: it is the channel's.
const JoinLeave::Lines& JoinLeave::LinesOf(protocol::Form form, const protocol::PushTarget& target,
                                           const MemberEvents& events) {
  const bool json = form.encoding == protocol::Encoding::kJson;
  Lines& lines = lines_[(json ? 0u : 1u) + (form.bare ? 2u : 0u) + (target.id != 0 ? 4u : 0u)];
  if (!lines.begins.empty()) return lines;
  lines.text.clear();
  for (const MemberEvent& event : events) {
    if (json && !lines.text.empty()) lines.text += '\n';
    lines.begins.push_back(lines.text.size());
    const auto append = event.joined ? protocol::AppendJoinPush : protocol::AppendLeavePush;
    append(form, target, event.info.view(), lines.text);
  }
  return lines;
}

}  // namespace tickcast::shards
