// Crew: what its members ask for, and the answers.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/loadgen/crew.h"

namespace tickcast::loadgen {
namespace {

constexpr std::uint32_t kConnectId = 1;
constexpr std::uint32_t kFirstSubscribeId = 2;
// Of a watch list: behind its subscribe.
constexpr std::uint32_t kFirstTrackId = kFirstSubscribeId + 1;
// Keys in one track: a message of them is far below what servers accept.
constexpr std::uint32_t kTrackKeys = 500;
// Beyond all others.
constexpr std::uint32_t kFirstScrollId = 1'000'000;

std::string SubscribeData(const SubscribeOptions& options, bool priority) {
  std::string data;
  const auto add = [&](const std::string& member) {
    absl::StrAppend(&data, data.empty() ? "{" : ",", member);
  };
  if (options.interval_ms > 0) add(absl::StrCat("\"interval_ms\":", options.interval_ms));
  if (options.min_change > 0) add(absl::StrCat("\"min_change\":", options.min_change));
  if (priority) add("\"priority\":true");
  return data.empty() ? data : data + "}";
}

}  // namespace

void Crew::WriteSubscribeData() {
  for (const Kind& kind : plan_.mix.kinds()) {
    subscribe_data_.push_back(SubscribeData(kind.subscribe, false));
    subscribe_data_.push_back(SubscribeData(kind.subscribe, true));
  }
}

const std::string& Crew::SubscribeDataOf(std::uint32_t member, std::uint32_t subscription) const {
  const std::uint32_t connection = books_.global(member);
  const std::uint32_t subscriptions = books_.keyed() ? 1 : plan_.topology.subscriptions();
  const std::uint64_t number = std::uint64_t{connection} * subscriptions + subscription;
  const bool priority = IsPriority(number, books_.kind(member).subscribe.priority_share);
  return subscribe_data_[plan_.mix.kind(connection) * 2 + (priority ? 1 : 0)];
}

// `subscription` is 0 where a keyed channel is all that is subscribed to.
void Crew::Subscribe(std::uint32_t member, std::uint32_t subscription, std::string& out) const {
  const std::string& data = SubscribeDataOf(member, subscription);
  switch (plan_.options.address) {
    case Address::kStream:
      return AppendSubscribe(kFirstSubscribeId + subscription,
                             plan_.topology.name(books_.channels(member)[subscription]), data,
                             plan_.options.dialect, out);
    case Address::kTrack:
      return books_.keyed()->AppendSubscribe(kFirstSubscribeId, data, out);
    case Address::kMap:
      return books_.keyed()->AppendPage(kFirstSubscribeId, data, {}, plan_.options.page_keys, out);
  }
}

std::string Crew::Commands(std::uint32_t member) const {
  std::string commands;
  AppendConnect(kConnectId, commands);
  if (IsPublisher(member)) return commands;
  const std::uint32_t subscribes = books_.keyed() ? 1 : plan_.topology.subscriptions();
  for (std::uint32_t i = 0; i < subscribes; ++i) {
    commands += '\n';
    Subscribe(member, i, commands);
  }
  return commands;
}

// Until a connection has all that it wants.
std::uint32_t Crew::RepliesDue(std::uint32_t member) const {
  if (IsPublisher(member)) return 1;
  const std::uint32_t subscriptions = plan_.topology.subscriptions();
  if (!books_.keyed()) return 1 + subscriptions;
  if (plan_.options.address == Address::kMap) return 2;  // And one for each further page.
  return 2 + (subscriptions + kTrackKeys - 1) / kTrackKeys;
}

// A watch list is there: now its keys. All in one message, as the answer to the subscribe was one.
void Crew::Track(std::uint32_t member) {
  const std::uint32_t* const channels = books_.channels(member);
  const std::uint32_t count = plan_.topology.subscriptions();
  for (std::uint32_t first = 0; first < count; first += kTrackKeys) {
    std::string command;
    books_.keyed()->AppendTrack(kFirstTrackId + first / kTrackKeys,
                                {channels + first, std::min(kTrackKeys, count - first)}, {},
                                command);
    fleet_->Say(members_[member].client, command);
  }
}

// The next page is asked for when one is there, as SDKs do.
void Crew::ReadPage(std::uint32_t member, std::string_view reply) {
  const MapPage next = ReadMapPage(reply, plan_.options.page_keys);
  books_.OnPage(member, reply, next.live);
  if (next.live) return;
  std::string command;
  books_.keyed()->AppendPage(kFirstSubscribeId, SubscribeDataOf(member, 0), next,
                             plan_.options.page_keys, command);
  fleet_->AwaitReply(members_[member].client);
  fleet_->Say(members_[member].client, command);
}

void Crew::OnSubscribed(ClientIndex client, std::uint32_t id, std::string_view line) {
  const std::uint32_t member = member_of_[client];
  if (IsPublisher(member)) return;
  switch (plan_.options.address) {
    case Address::kStream:
      return books_.OnSubscribed(member, id - kFirstSubscribeId, line);
    case Address::kTrack:
      return Track(member);
    case Address::kMap:
      return ReadPage(member, line);
  }
}

// The first scrolls come at all times of the interval, so that the members' stay spread.
void Crew::BeginScrolling(std::uint32_t member, std::uint64_t now_ns) {
  if (scrolls_.empty()) return;
  scrolls_[member].id = 0;  // One of an earlier life is answered by nobody.
  const double share = static_cast<double>(books_.global(member) % 1009 + 1) / 1009;
  SetTimer(now_ns + static_cast<std::uint64_t>(plan_.options.scroll_every_ns * share), member,
           Due::kScroll);
}

// Open loop: an answer that is late delays nothing, but the next scroll of its own connection is
// left out, and counted, while it is not there.
void Crew::Scroll(std::uint32_t member, std::uint64_t due_ns) {
  if (closing_ || !members_[member].ready) return;
  SetTimer(due_ns + static_cast<std::uint64_t>(plan_.options.scroll_every_ns), member,
           Due::kScroll);
  if (scroll_keys_ == 0) return;
  AskedScroll& asked = scrolls_[member];
  if (asked.id != 0) return books_.SkipScroll();
  asked = {.id = kFirstScrollId + scroll_id_++,
           .due_ns = due_ns,
           .change = books_.NextScroll(member, scroll_keys_)};
  std::string command;
  books_.keyed()->AppendTrack(asked.id, asked.change.gained, asked.change.lost, command);
  fleet_->Say(members_[member].client, command);
}

void Crew::OnRefreshed(ClientIndex client, std::uint32_t id, std::string_view line,
                       std::uint64_t now_ns) {
  const std::uint32_t member = member_of_[client];
  if (scrolls_.empty() || id != scrolls_[member].id) return books_.OnTracked(member, line);
  AskedScroll& asked = scrolls_[member];
  asked.id = 0;
  books_.OnScrolled(member, asked.change, line, asked.due_ns, now_ns);
}

// A subscribe that is refused later is waited for by nobody.
void Crew::OnPublishReply(ClientIndex client, std::uint32_t id, std::uint32_t code) {
  const std::uint32_t member = member_of_[client];
  if (IsPublisher(member)) return own_publisher_->OnReply(id, code);
  if (scrolls_.empty() || id != scrolls_[member].id) return;
  scrolls_[member].id = 0;
  books_.OnScrollRefused();
}

}  // namespace tickcast::loadgen
