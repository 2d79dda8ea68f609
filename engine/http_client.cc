#include "engine/http_client.h"

#include <array>
#include <latch>
#include <span>
#include <utility>

#include "absl/status/statusor.h"
#include "engine/completion.h"
#include "engine/http_transfers.h"
#include "engine/invariant.h"
#include "engine/uring_ring.h"

namespace tickcast::engine {
namespace {

// The longest sleep of the helper: nothing depends on it, as whoever has work wakes it.
constexpr int kLongestSleepMs = 1000;

}  // namespace

// A shard's end. `submitted_` and `answers_` are lanes between two threads; the rest is the
// shard's, or set before the threads start.
class HttpClient::Port final : public HttpPort {
 public:
  explicit Port(HttpClient& client) : client_(client) {}

  bool Submit(std::unique_ptr<HttpCall>&& call) override {
    if (under_way_ >= kMaxCallsPerShard || client_.transfers_ == nullptr) return false;
    const bool pushed = submitted_.TryPush(std::move(call));
    INVARIANT(pushed, "a lane holds as many calls as may be under way");
    ++under_way_;
    return true;
  }

  void Publish() override {
    if (submitted_.Publish() && client_.bell_.ShouldRing()) client_.transfers_->Wake();
  }

  std::unique_ptr<HttpCall> Take() override {
    std::unique_ptr<HttpCall>* const front = answers_.Front();
    if (front == nullptr) return nullptr;
    std::unique_ptr<HttpCall> call = std::move(*front);
    answers_.Pop();
    --under_way_;
    return call;
  }

  bool has_answers() const override { return answers_.depth() > 0; }

 private:
  friend class HttpClient;

  HttpClient& client_;
  Lane<std::unique_ptr<HttpCall>> submitted_{kMaxCallsPerShard};
  Lane<std::unique_ptr<HttpCall>> answers_{kMaxCallsPerShard};
  std::size_t under_way_ = 0;
  Doorbell* shard_bell_ = nullptr;
  int ring_handle_ = -1;
};

HttpClient::HttpClient(std::uint32_t shards, Registry& registry)
    : transfers_(HttpTransfers::Create(kIdleConnections)) {
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    ports_.push_back(std::make_unique<Port>(*this));
  }
  for (std::size_t i = 0; i < kHttpOutcomes; ++i) {
    counters_.calls[i] =
        &registry.AddCounter("tickcast_http_calls_total", "HTTP requests to backends, by outcome.",
                             {{"outcome", HttpOutcomeName(static_cast<HttpOutcome>(i))}});
  }
  counters_.in_flight =
      &registry.AddGauge("tickcast_http_calls_in_flight", "HTTP requests to backends under way.");
  counters_.took = &registry.AddHistogram("tickcast_http_call_seconds",
                                          "Time that HTTP requests to backends took.");
}

HttpClient::~HttpClient() { Stop(); }

HttpPort& HttpClient::port(std::uint32_t shard) { return *ports_[shard]; }

void HttpClient::Attach(std::uint32_t shard, Doorbell& bell, int ring_handle) {
  ports_[shard]->shard_bell_ = &bell;
  ports_[shard]->ring_handle_ = ring_handle;
}

absl::Status HttpClient::Start() {
  if (transfers_ == nullptr) return absl::InternalError("libcurl cannot be set up");
  absl::Status status;
  std::latch started(1);
  thread_ = std::thread([this, &status, &started] {
    // A ring serves only the thread that made it; this one does nothing but ring others.
    absl::StatusOr<std::unique_ptr<UringRing>> ring = UringRing::Create({.submission_entries = 256,
                                                                         .completion_entries = 512,
                                                                         .slots = 1,
                                                                         .buffers = 8,
                                                                         .buffer_bytes = 64},
                                                                        -1);
    status = ring.status();
    const bool ok = ring.ok();
    started.count_down();  // `status` is gone from here on.
    if (ok) Run(**ring);
  });
  started.wait();
  if (!status.ok()) thread_.join();
  return status;
}

void HttpClient::Stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true);
  transfers_->Wake();
  thread_.join();
}

void HttpClient::Run(UringRing& ring) {
  while (!stopping_.load(std::memory_order_relaxed)) {
    TakeSubmitted();
    transfers_->Perform();
    Answer();
    RingShards(ring);
    Sleep();
  }
}

void HttpClient::TakeSubmitted() {
  for (std::uint32_t shard = 0; shard < ports_.size(); ++shard) {
    ports_[shard]->submitted_.Drain(
        [&](std::unique_ptr<HttpCall>&& call) { transfers_->Add(shard, std::move(call)); },
        kMaxCallsPerShard);
  }
  counters_.in_flight->Set(static_cast<std::int64_t>(transfers_->in_flight()));
}

void HttpClient::Answer() {
  for (HttpTransfers::Finished finished = transfers_->TakeFinished(); finished.call != nullptr;
       finished = transfers_->TakeFinished()) {
    counters_.calls[static_cast<std::size_t>(finished.call->outcome)]->Add();
    counters_.took->Record(finished.call->took_ns);
    const bool pushed = ports_[finished.lane]->answers_.TryPush(std::move(finished.call));
    INVARIANT(pushed, "a lane holds as many answers as calls may be under way");
  }
  counters_.in_flight->Set(static_cast<std::int64_t>(transfers_->in_flight()));
}

void HttpClient::RingShards(UringRing& ring) {
  bool rung = false;
  for (const std::unique_ptr<Port>& port : ports_) {
    if (!port->answers_.Publish() || !port->shard_bell_->ShouldRing()) continue;
    ring.Wake(port->ring_handle_);
    rung = true;
  }
  if (!rung) return;
  ring.Submit();
  // A refused wake (a ring that is gone) leaves a completion that nobody else takes.
  std::array<Completion, 16> refused;
  while (ring.Reap(std::span(refused)) == refused.size()) {
  }
}

void HttpClient::Sleep() {
  bell_.PrepareSleep();
  bool waiting = stopping_.load(std::memory_order_relaxed);
  for (const std::unique_ptr<Port>& port : ports_) waiting |= port->submitted_.depth() > 0;
  // Whoever submits now wakes the sleep, or has been seen just above.
  if (!waiting) transfers_->Sleep(kLongestSleepMs);
  bell_.Awake();
}

}  // namespace tickcast::engine
