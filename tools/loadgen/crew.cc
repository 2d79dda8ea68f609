#include "tools/loadgen/crew.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tickcast::loadgen {
namespace {

using Behaviour = Kind::Behaviour;

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;
// How long a task waits for its worker at most.
constexpr std::uint64_t kTurnNs = 5 * kMillisecond;
// Who was lost or refused comes back after this long, like an SDK that has just begun to back off.
constexpr std::uint64_t kComeBackNs = kSecond;
// Who was refused in a storm tries again sooner: the storm is what is measured.
constexpr std::uint64_t kStormRetryNs = 200 * kMillisecond;
// SO_RCVBUF of those who are to be slow; the kernel doubles it.
constexpr int kSmallBufferBytes = 4096;

// A value of the market is some 200 bytes, and a buffer should hold a message of one for each
// subscription: a message that is cut has to be copied.
std::uint32_t BufferBytes(std::uint32_t subscriptions) {
  return std::clamp(std::bit_ceil(subscriptions * 256), 1024U, 8192U);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Crew>> Crew::Create(const Plan& plan, std::uint32_t number) {
  std::unique_ptr<Crew> crew(new Crew(plan, number));
  const Options& options = plan.options;
  auto fleet = Fleet::Create({.server = plan.server,
                              .host = absl::StrCat(options.host, ":", options.port),
                              .path = options.path,
                              .dialect = options.dialect,
                              .clients = static_cast<std::uint32_t>(crew->members_.size()),
                              .sources = plan.sources,
                              .first_source = number,
                              .buffer_bytes = BufferBytes(plan.topology.subscriptions())},
                             *crew);
  if (!fleet.ok()) return fleet.status();
  crew->fleet_ = *std::move(fleet);
  crew->epoch_ns_ = crew->now_ns();
  return crew;
}

Crew::Crew(const Plan& plan, std::uint32_t number)
    : plan_(plan),
      books_({.crew = number,
              .crews = plan.crews,
              .feed = plan.options.feed,
              .address = plan.options.address,
              .scrolling = plan.options.scroll_every_ns > 0,
              .run = plan.run,
              .wall_offset_ns = plan.wall_offset_ns},
             plan.topology, plan.mix),
      members_(books_.connections() + (number == 0 ? plan.publishers : 0)) {
  WriteSubscribeData();
  if (plan.options.scroll_every_ns > 0) scrolls_.resize(books_.connections());
  scroll_keys_ = plan.options.scroll_keys;
  for (std::uint32_t member = 0; member < books_.connections(); ++member) {
    if (books_.kind(member).behaviour == Behaviour::kSilent) silent_.push_back(member);
  }
  if (number != 0 || plan.publishers == 0) return;
  std::vector<std::uint32_t> awaited(plan.topology.channel_count());
  for (std::uint32_t i = 0; i < plan.topology.connection_count(); ++i) {
    if (!plan.mix.of(i).prompt()) continue;
    const std::uint32_t* channels = plan.topology.channels(i);
    for (std::uint32_t k = 0; k < plan.topology.subscriptions(); ++k) ++awaited[channels[k]];
  }
  own_publisher_ = std::make_unique<Publisher>(
      plan.options, plan.topology, std::move(awaited), plan.run,
      [this](std::uint32_t publisher, std::string_view command) {
        const Member& member = members_[books_.connections() + publisher];
        if (member.client != kNoClient) fleet_->Say(member.client, command);
      });
}

std::uint32_t Crew::Milliseconds(std::uint64_t now_ns) const {
  return static_cast<std::uint32_t>((now_ns - epoch_ns_) / kMillisecond);
}

void Crew::SetPace(double rate, std::uint64_t now_ns) {
  rate_ = rate / plan_.crews;
  pace_began_ns_ = now_ns;
  paced_ = 0;
}

void Crew::OpenSubscribers() {
  SetPace(plan_.options.connect_rate, now_ns());
  for (std::uint32_t member = 0; member < books_.connections(); ++member) {
    to_open_.push_back(member);
  }
}

void Crew::OpenPublishers() {
  SetPace(plan_.options.connect_rate * plan_.crews, now_ns());
  for (std::uint32_t member = books_.connections(); member < members_.size(); ++member) {
    to_open_.push_back(member);
  }
}

void Crew::EndOpening() {
  opening_ = false;
  SetPace(0, now_ns());
}

Manners Crew::MannersOf(std::uint32_t member) const {
  if (IsPublisher(member)) return {};
  const Kind& kind = books_.kind(member);
  return {.receive_buffer_bytes = kind.small_buffer() ? kSmallBufferBytes : 0,
          .pongs = kind.behaviour != Behaviour::kNoPong,
          .metered = kind.behaviour == Behaviour::kSlow};
}

void Crew::OpenDue(std::uint64_t now_ns) {
  const std::uint32_t most = std::max(1U, plan_.options.connecting / plan_.crews);
  while (!to_open_.empty() && fleet_->opening() < most) {
    const double elapsed_s = static_cast<double>(now_ns - pace_began_ns_) / 1e9;
    if (rate_ > 0 && static_cast<double>(paced_) > rate_ * elapsed_s) return;
    const std::uint32_t member = to_open_.front();
    if (!Open(member, now_ns)) return;
    to_open_.pop_front();
    ++paced_;
  }
}

// False when it has to wait for a slot.
bool Crew::Open(std::uint32_t member, std::uint64_t now_ns) {
  const bool publisher = IsPublisher(member);
  const absl::StatusOr<ClientIndex> client =
      fleet_->Open(Commands(member), RepliesDue(member), MannersOf(member));
  if (absl::IsResourceExhausted(client.status())) return false;
  Member& opened = members_[member];
  if (!client.ok()) {
    if (opening_) {
      failure_ = client.status();
    } else {
      SetTimer(now_ns + kComeBackNs, member, Due::kOpen);
    }
    return true;
  }
  if (!publisher) books_.Open(member, opened.opened_before);
  if (member_of_.size() <= *client) member_of_.resize(*client + 1);
  member_of_[*client] = member;
  opened.client = *client;
  opened.since_ms = Milliseconds(now_ns);
  opened.rests_until_ms = 0;
  opened.leaving = false;
  ++opened.life;
  ++open_;
  return true;
}

void Crew::Turn() {
  const std::uint64_t now = now_ns();
  OpenDue(now);
  std::uint64_t deadline = std::min(now + kTurnNs, RunTimers(now));
  if (own_publisher_) deadline = std::min(deadline, own_publisher_->Step(now));
  if (!to_open_.empty()) deadline = std::min(deadline, now + kMillisecond);
  fleet_->Turn(deadline);
  if (fleet_->ready() == 0) {
    books_.Nobody(now, now_ns());
  } else {
    books_.Somebody();
  }
  if (!reports_.empty()) ReportDeliveries();
}

void Crew::ReportDeliveries() {
  if (publisher_ != nullptr) publisher_->Report(reports_);
  reports_.clear();
  if (wakes_ && publisher_handle_ >= 0) fleet_->Wake(publisher_handle_);
}

void Crew::SetTimer(std::uint64_t due_ns, std::uint32_t member, Due due) {
  timers_.push({.due_ns = due_ns, .member = member, .life = members_[member].life, .due = due});
}

// Returns when the next one is due.
std::uint64_t Crew::RunTimers(std::uint64_t now_ns) {
  while (!timers_.empty() && timers_.top().due_ns <= now_ns) {
    const Timer timer = timers_.top();
    timers_.pop();
    if (timer.life == members_[timer.member].life) Run(timer, now_ns);
  }
  return timers_.empty() ? UINT64_MAX : timers_.top().due_ns;
}

void Crew::Run(const Timer& timer, std::uint64_t now_ns) {
  Member& member = members_[timer.member];
  switch (timer.due) {
    case Due::kOpen:
      if (!closing_ && member.client == kNoClient) to_open_.push_back(timer.member);
      return;
    case Due::kLeave:
      if (closing_ || !member.ready) return;
      member.leaving = true;
      books_.Gone(timer.member, now_ns);
      fleet_->Close(member.client);
      return;
    case Due::kScroll:
      return Scroll(timer.member, timer.due_ns);
    case Due::kRead:
      if (member.client == kNoClient || Milliseconds(now_ns) < member.rests_until_ms) return;
      fleet_->Resume(member.client);
      return;
  }
}

void Crew::OnReady(ClientIndex client) {
  const std::uint32_t number = member_of_[client];
  Member& member = members_[number];
  const std::uint64_t now = now_ns();
  member.ready = true;
  if (!member.opened_before) ++joined_;
  if (IsPublisher(number)) {
    member.opened_before = true;
    return;
  }
  if (member.opened_before) {
    KindRecord& record = books_.record(number);
    ++record.counts.reopened;
    record.join.Record((Milliseconds(now) - member.since_ms) * kMillisecond);
  }
  if (std::exchange(member.in_storm, false)) {
    storm_.Back(now);
    if (storm_.over()) SetPace(0, now);
  }
  member.since_ms = Milliseconds(now);
  books_.Ready(number, now);
  Behave(number, now);
  member.opened_before = true;
}

void Crew::Behave(std::uint32_t number, std::uint64_t now_ns) {
  const Kind& kind = books_.kind(number);
  if (kind.behaviour == Behaviour::kSilent && !kind.awake) {
    fleet_->Pause(members_[number].client);
  }
  if (kind.behaviour == Behaviour::kReconnecting) {
    // The first lives have all lengths, so that the kind's members leave one after the other.
    const double share =
        members_[number].opened_before ? 1.0 : static_cast<double>(number % 1009 + 1) / 1009;
    SetTimer(now_ns + static_cast<std::uint64_t>(static_cast<double>(kind.every_ns) * share),
             number, Due::kLeave);
  }
  BeginScrolling(number, now_ns);
}

void Crew::OnPush(ClientIndex client, std::string_view line, std::uint64_t now_ns) {
  const std::uint32_t member = member_of_[client];
  if (IsPublisher(member)) return;
  const Books::Push push = books_.OnPush(member, line, now_ns);
  if (push.what == Books::Push::What::kUnsubscribed && !closing_) {
    std::string command;
    Subscribe(member, push.subscription, command);
    return fleet_->Say(client, command);
  }
  if (push.what != Books::Push::What::kPublication || !push.first_time || publisher_ == nullptr ||
      !books_.kind(member).prompt()) {
    return;
  }
  if (own_publisher_) return own_publisher_->OnDelivery(push.publication);
  // Neighbouring deliveries are mostly of one publication.
  if (!reports_.empty() && reports_.back().first == push.publication) {
    ++reports_.back().second;
  } else {
    reports_.emplace_back(push.publication, 1);
  }
}

// Whoever reads `rate` bytes per second rests after each read until it was not too fast. What was
// received while the receive was being cancelled adds to the rest.
void Crew::OnMeteredRead(ClientIndex client, std::uint32_t bytes, std::uint64_t now_ns) {
  const std::uint32_t number = member_of_[client];
  Member& member = members_[number];
  if (!member.ready || closing_) return;
  const double rest_ms = bytes * 1e3 / books_.kind(number).read_rate;
  member.rests_until_ms = std::max(member.rests_until_ms, Milliseconds(now_ns)) +
                          static_cast<std::uint32_t>(std::ceil(rest_ms));
  fleet_->Pause(client);
  SetTimer(epoch_ns_ + member.rests_until_ms * kMillisecond, number, Due::kRead);
}

void Crew::OnClosed(ClientIndex client, std::string_view reason, std::uint32_t) {
  const std::uint32_t number = member_of_[client];
  Member& member = members_[number];
  const bool was_ready = std::exchange(member.ready, false);
  member.client = kNoClient;
  --open_;
  if (closing_) return;
  const std::uint64_t now = now_ns();
  if (!IsPublisher(number) && was_ready && !member.leaving) books_.Gone(number, now);
  if (member.leaving || (member.in_storm && was_ready)) {
    to_open_.push_back(number);
    return;
  }
  Lost(number, was_ready, reason, now);
}

void Crew::Lost(std::uint32_t number, bool was_ready, std::string_view reason,
                std::uint64_t now_ns) {
  Member& member = members_[number];
  if (failure_.ok()) {
    failure_ = absl::UnavailableError(absl::StrCat(
        IsPublisher(number) ? "a publisher" : absl::StrCat("connection ", books_.global(number)),
        ": ", absl::string_view(reason.data(), reason.size())));
  }
  if (opening_) return;
  if (IsPublisher(number)) {
    ++publishers_lost_;
  } else {
    KindRecord& record = books_.record(number);
    if (was_ready) {
      ++record.counts.closed;
      record.life.Record((Milliseconds(now_ns) - member.since_ms) * kMillisecond);
    } else {
      ++record.counts.refused;
      if (member.in_storm) storm_.Refused();
    }
  }
  SetTimer(now_ns + (member.in_storm ? kStormRetryNs : kComeBackNs), number, Due::kOpen);
}

void Crew::BeginStorm(double rate) {
  const std::uint64_t now = now_ns();
  SetPace(rate, now);
  std::vector<std::uint32_t> cut;
  for (std::uint32_t number = 0; number < books_.connections(); ++number) {
    if (members_[number].ready && !members_[number].leaving) cut.push_back(number);
  }
  storm_.Begin(cut.size(), now);
  for (const std::uint32_t number : cut) {
    members_[number].in_storm = true;
    fleet_->Cut(members_[number].client);
  }
}

void Crew::Silence(std::uint32_t count) {
  for (std::size_t i = 0; i < silent_.size(); ++i) {
    const ClientIndex client = members_[silent_[i]].client;
    if (client == kNoClient || !members_[silent_[i]].ready) continue;
    if (i < count) {
      fleet_->Pause(client);
    } else {
      fleet_->Resume(client);
    }
  }
}

void Crew::CloseAll() {
  closing_ = true;
  to_open_.clear();
  for (const Member& member : members_) {
    if (member.client == kNoClient) continue;
    fleet_->Resume(member.client);
    // Who is still being opened has nothing to say goodbye to.
    if (member.ready) {
      if (!member.leaving) fleet_->Close(member.client);
    } else {
      fleet_->Cut(member.client);
    }
  }
}

}  // namespace tickcast::loadgen
