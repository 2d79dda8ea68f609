#include "shards/shard.h"

#include <errno.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "engine/invariant.h"
#include "engine/metrics_text.h"
#include "engine/probes.h"

namespace tickcast::shards {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kTimerTickNs = 10 * kMillisecond;
constexpr std::uint32_t kTimerSlots = 4096;  // One revolution: 41 s, beyond every usual deadline.
constexpr std::uint64_t kSweepIntervalNs = 100 * kMillisecond;
constexpr std::size_t kReapBatch = 256;
// Completions handled in one turn, and after one batch of a flush: a crowd that connects with
// twenty subscribes each (50 us of work for one completion) does not keep the others from their
// values.
constexpr std::size_t kHandledPerTurn = 128;
constexpr std::size_t kHandledPerBatch = 8;
// A turn in which nothing is due still looks at the clock this often.
constexpr std::uint64_t kLongestSleepNs = 1000 * kMillisecond;

}  // namespace

Shard::Shard(const engine::Config& config, Mesh& mesh, ShardId id, engine::Ring& ring,
             engine::Registry& registry, const HttpAssets& assets, ServerState& server,
             std::uint64_t seed)
    : config_(config),
      mesh_(mesh),
      ring_(ring),
      registry_(registry),
      server_(server),
      metrics_(registry, id),
      timers_(kTimerTickNs, kTimerSlots, ring.now_ns()),
      connections_(ring.slot_count()),
      addresses_(config),
      exchange_(mesh, id),
      home_(config, exchange_, seed),
      fan_out_(ring, connections_, channels_, filters_, addresses_, metrics_, *this,
               {.batch = config.engine.send_batch,
                .catch_up_bytes = config.engine.catch_up_bytes,
                .pressure = config.pressure}),
      join_leave_(connections_, channels_, fan_out_, metrics_),
      proxies_(config, registry, id, *this),
      polled_(config, home_, proxies_, registry, id, std::string(TrackEpochOf(server.node))),
      commands_(config, connections_, channels_, filters_, addresses_, fan_out_, join_leave_,
                exchange_, metrics_, proxies_, *server.tokens, *this, seed + 1),
      users_(connections_),
      user_requests_(connections_, channels_, users_, commands_, exchange_, *this),
      web_socket_(connections_, *this),
      http_(config, connections_, exchange_, metrics_, *this, assets, server.node),
      feed_port_(config, exchange_, home_),
      now_ns_(ring.now_ns()),
      busy_since_ns_(now_ns_),
      memory_(config.engine.memory_budget),
      level_sweep_(connections_.slots()) {
  completions_.reserve(kReapBatch);
  if (server_.limits != nullptr && server_.limits->counts_addresses()) {
    peers_.resize(connections_.slots());
  }
}

Shard::~Shard() = default;

void Shard::AddFeed(std::unique_ptr<Feed> feed) {
  feeds_.push_back({.feed = std::move(feed),
                    .next_ns = now_ns_,
                    .metrics = FeedMetrics(registry_, exchange_.self(), feeds_.size())});
}

// Copies levels into the metrics; a scrape sees them at most kSweepIntervalNs old.
void Shard::Sample() {
  CountBusy(now_ns_);
  if (exchange_.self() == 0) server_.tokens->Poll(now_ns_, http_port_);
  commands_.RetryTokens();
  user_requests_.Sample(
      {.publications = home_.published(), .refused = metrics_.limited(Limit::kConnections)},
      now_ns_);
  metrics_.Sample(connections_, channels_, exchange_, home_.channel_count(), home_.published());
  metrics_.SampleMembers(home_.member_count(), home_.joins_not_announced());
  metrics_.SampleMapPresence(commands_.present_count(), home_.unasked_refused());
  for (RunningFeed& running : feeds_) running.metrics.Update(running.feed->counters());
}

void Shard::Start() {
  accepting_ = true;
  accept_armed_ = true;
  ring_.ArmAccept();
  ring_.Submit();
}

void Shard::Run() {
  server_.running_shards.fetch_add(1);
  while (Turn()) Sleep();
  server_.running_shards.fetch_sub(1);
}

bool Shard::Turn() {
  now_ns_ = ring_.now_ns();
  metrics_.turns.Add();
  engine::probes::TurnBegin(exchange_.self(), metrics_.turns.value());
  ReapAll();
  HandleCompletions(kHandledPerTurn);
  timers_.Advance(now_ns_, [this](std::uint64_t payload) {
    const engine::Token owner = engine::Token::Unpack(payload);
    if (connections_.Find(owner.slot, owner.generation) != nullptr) OnTimer(owner.slot);
  });
  if (now_ns_ >= sweep_due_ns_) {
    home_.Sweep(now_ns_);
    commands_.RefreshPresent();
    ReviewMemory();
    Sample();
    sweep_due_ns_ = now_ns_ + kSweepIntervalNs;
  }
  if (drain_began_ns_ == 0 && server_.draining.load(std::memory_order_relaxed)) BeginDrain();
  if (drain_began_ns_ == 0) RunFeeds();
  if (drain_began_ns_ != 0) Drain();
  polled_.Run(now_ns_);
  TakeHttpAnswers();
  DrainLanes();
  home_.Announce();
  RearmReceives();
  SweepLevels();
  commands_.FeedMirrors();
  fan_out_.RunPacer(now_ns_);
  if (!fan_out_.idle()) {
    fan_out_.Flush(ring_.now_ns(), [this](bool long_flush) { SettleBatch(long_flush); });
  }
  join_leave_.SendLeaves();
  exchange_.Publish(ring_);
  if (http_port_ != nullptr) http_port_->Publish();
  ReviewShard(ring_.now_ns());
  engine::probes::TurnEnd(exchange_.self(), metrics_.turns.value());
  const bool done = drain_began_ns_ != 0 && connections_.open_count() == 0;
  // No sleep follows that would hand the last closes to the kernel.
  if (done) ring_.Submit();
  return !done;
}

// Everything but sleep is work, also in a shard that never sleeps.
void Shard::CountBusy(std::uint64_t until_ns) {
  if (until_ns <= busy_since_ns_) return;
  metrics_.busy_ns.Add(until_ns - busy_since_ns_);
  busy_since_ns_ = until_ns;
}

// Looks for work for a while before sleeping: waking a sleeping thread takes tens of microseconds.
bool Shard::Spin() {
  const std::uint64_t until = ring_.now_ns() + config_.engine.spin_ns;
  do {
    ring_.Wait(0);
    ReapAll();
    if (handled_ < completions_.size() || exchange_.inbound_depth() > 0 || has_http_answers()) {
      return true;
    }
  } while (ring_.now_ns() < until && NextDeadline() > ring_.now_ns());
  return false;
}

void Shard::Sleep() {
  const bool work_left = !fan_out_.idle() || commands_.feeds_mirrors() ||
                         handled_ < completions_.size() || !held_.empty();
  if (work_left) return ring_.Wait(0);
  if (config_.engine.spin_ns != 0 && Spin()) return;
  if (!exchange_.PrepareSleep()) return ring_.Wait(0);
  // The bell is set, so an answer that is not seen here rings it.
  if (has_http_answers()) {
    exchange_.Awake();
    return ring_.Wait(0);
  }
  std::uint64_t deadline = NextDeadline();
  const std::uint64_t before = ring_.now_ns();
  deadline = std::min(deadline, before + kLongestSleepNs);
  if (deadline > before) {
    CountBusy(before);
    ring_.Wait(deadline);
    busy_since_ns_ = ring_.now_ns();
    metrics_.idle_ns.Add(busy_since_ns_ - before);
  } else {
    ring_.Wait(0);
  }
  exchange_.Awake();
}

std::uint64_t Shard::NextDeadline() const {
  std::uint64_t deadline = std::min(
      {timers_.NextDeadline(), sweep_due_ns_, fan_out_.NextDeadline(), polled_.NextDeadline()});
  if (level_sweep_ < connections_.slots() || home_.announcing()) deadline = now_ns_;
  if (drain_began_ns_ != 0) return std::min(deadline, now_ns_ + 10 * kMillisecond);
  for (const RunningFeed& feed : feeds_) deadline = std::min(deadline, feed.next_ns);
  return deadline;
}

void Shard::RunFeeds() {
  for (RunningFeed& running : feeds_) {
    if (running.next_ns <= now_ns_) running.next_ns = running.feed->Run(now_ns_, feed_port_);
  }
}

// --- Completions ---------------------------------------------------------------------------------

// Sends are settled by the flush that made them; everything else waits in completions_.
void Shard::ReapAll() {
  engine::Completion batch[kReapBatch];
  for (;;) {
    const std::size_t count = ring_.Reap(batch);
    for (const engine::Completion& done : std::span(batch, count)) {
      if (done.token.operation == engine::Operation::kSend) {
        fan_out_.OnSend(done);
      } else {
        completions_.push_back(done);
      }
    }
    if (count < kReapBatch) return;
  }
}

void Shard::SettleBatch(bool long_flush) {
  if (long_flush) ring_.Wait(0);
  ReapAll();
  fan_out_.Settle();
  HandleCompletions(kHandledPerBatch);
  if (long_flush) DrainLanesInFlush();
}

void Shard::HandleCompletions(std::size_t most) {
  // By index: handling may submit, but only ReapAll() adds.
  const std::size_t end = handled_ + std::min(most, completions_.size() - handled_);
  while (handled_ < end) Handle(completions_[handled_++]);
  // Under a lasting backlog the end is never reached: what is done with goes a thousand at a time.
  constexpr std::size_t kForgetAfter = 1024;
  if (handled_ < completions_.size() && handled_ < kForgetAfter) return;
  completions_.erase(completions_.begin(),
                     completions_.begin() + static_cast<std::ptrdiff_t>(handled_));
  handled_ = 0;
}

void Shard::Handle(const engine::Completion& done) {
  switch (done.token.operation) {
    case engine::Operation::kAccept:
      return OnAccept(done);
    case engine::Operation::kReceive:
      return OnReceive(done);
    case engine::Operation::kPollOut:
      if (connections_.Find(done.token.slot, done.token.generation) != nullptr) {
        fan_out_.OnPollOut(done.token.slot);
      }
      return;
    case engine::Operation::kPeerName:
      return OnPeerName(done);
    case engine::Operation::kSend:
    case engine::Operation::kConnect:
      INVARIANT(false, "a shard settles its sends and never connects");
    case engine::Operation::kWake:
    case engine::Operation::kNone:
      return;
  }
}

void Shard::OnAccept(const engine::Completion& done) {
  if (!done.more) accept_armed_ = false;
  if (done.result < 0) {
    // No slot is free; accepting goes on when one is (CloseNow).
    if (accepting_ && done.result != -ECANCELED) metrics_.accept_refused.Add();
    return;
  }
  const auto slot = static_cast<engine::Slot>(done.result);
  Connection& connection = connections_.Open(slot);
  metrics_.accepted.Add();
  connection.level = floor_;
  metrics_.MoveLevel(PressureLevel::kNormal, floor_);
  connection.due_ns = now_ns_ + config_.client.head_timeout_ns;
  // Before the receive, so that the kernel tells it before a request that is there already.
  if (CountsAddresses()) ring_.AskPeerName(slot, connections_.generation(slot));
  connection.receive_armed = true;
  ring_.ArmReceive(slot, connections_.generation(slot));
  Schedule(slot);
  // The last slots are kept for saying no: a full table could not even do that.
  const std::uint32_t reserve = std::min<std::uint32_t>(64, connections_.slots() / 16);
  if (connections_.open_count() + reserve > connections_.slots()) {
    Refuse(slot, CloseReason::kNoRoom, "the server is full");
  } else if (memory_.shed() >= Shed::kRefuse) {
    Refuse(slot, CloseReason::kNoMemory, "the server is short of memory");
  } else {
    LimitAccepted(slot);
  }
  if (!accept_armed_ && accepting_) {
    accept_armed_ = true;
    ring_.ArmAccept();
  }
}

void Shard::Refuse(engine::Slot slot, CloseReason reason, std::string_view text, int status) {
  // Begun first, so that this is the one reason that is counted; the response still goes out.
  BeginClose(slot, reason, /*wait_for_peer=*/true);
  http_.RefuseConnection(slot, status, text);
}

void Shard::OnReceive(const engine::Completion& done) {
  const engine::Slot slot = done.token.slot;
  Connection* connection = connections_.Find(slot, done.token.generation);
  if (connection != nullptr) {
    connection->receive_armed = done.more;
    if (done.result > 0) {
      metrics_.bytes_received.Add(static_cast<std::uint64_t>(done.result));
      OnBytes(slot, ring_.Received(done));
    }
  }
  // Also a completion that comes after its connection was closed lends a buffer.
  if (done.has_buffer) ring_.Recycle(done.buffer_id);
  connection = connections_.Find(slot, done.token.generation);
  if (connection == nullptr) return;
  if (done.result == 0 ||
      (done.result < 0 && done.result != -ENOBUFS && done.result != -ECANCELED)) {
    return OnPeerEnd(slot, done.result);
  }
  if (connection->receive_armed || connection->reading_paused) return;
  if (done.result == -ENOBUFS) {
    // No fault of this peer: buffers come back within the turn.
    metrics_.buffers_exhausted.Add();
    starved_.emplace_back(slot, done.token.generation);
    return;
  }
  connection->receive_armed = true;
  ring_.ArmReceive(slot, done.token.generation);
}

void Shard::RearmReceives() {
  for (const auto& [slot, generation] : starved_) {
    Connection* connection = connections_.Find(slot, generation);
    if (connection == nullptr || connection->receive_armed || connection->reading_paused) continue;
    connection->receive_armed = true;
    ring_.ArmReceive(slot, generation);
  }
  starved_.clear();
}

void Shard::OnPeerEnd(engine::Slot slot, std::int32_t result) {
  Connection& connection = connections_[slot];
  if (result < 0) metrics_.transport_errors.Add();
  const bool owed = connection.outbox != OutboxPool::kNone || connection.unsent != nullptr ||
                    connection.answering;
  // It may have ended only its own side and still read: a response or our close frame goes out
  // (RFC 9112 section 9.6). A WebSocket that ends without a close frame is gone.
  if (result == 0 && owed && connection.state != Connection::State::kWebSocket) {
    connection.close_when_flushed = true;
    return;
  }
  CloseNow(slot, CloseReason::kPeerGone);
}

// --- What the command, HTTP and WebSocket handlers ask for ---------------------------------------

std::int64_t Shard::UnixMs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

bool Shard::Ready() const {
  return drain_began_ns_ == 0 && server_.running_shards.load() == mesh_.shards();
}

std::string Shard::MetricsText() { return engine::MetricsText(registry_); }

}  // namespace tickcast::shards
