// Shard: one core's loop and all that it owns.
//
// A turn: completions, lanes, timers and feeds change channels and fill outboxes; then one flush
// sends what is owed, and the shard sleeps until something comes. Nothing here is shared with other
// threads but what crosses the mesh, the counters, and the server's request to drain.
// Threading: built and run on the shard's own thread. Design: docs/architecture.md.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "engine/config.h"
#include "engine/http_call.h"
#include "engine/metrics.h"
#include "engine/ring.h"
#include "engine/timer_wheel.h"
#include "shards/channel.h"
#include "shards/commands.h"
#include "shards/connection.h"
#include "shards/connection_limits.h"
#include "shards/exchange.h"
#include "shards/fan_out.h"
#include "shards/feed_metrics.h"
#include "shards/feed_port.h"
#include "shards/feeds/feed.h"
#include "shards/home.h"
#include "shards/http_handler.h"
#include "shards/join_leave.h"
#include "shards/keyed_address.h"
#include "shards/memory_budget.h"
#include "shards/node.h"
#include "shards/polled_slots.h"
#include "shards/pressure.h"
#include "shards/proxies.h"
#include "shards/shard_metrics.h"
#include "shards/token_authority.h"
#include "shards/user_requests.h"
#include "shards/users.h"
#include "shards/web_socket.h"

namespace tickcast::shards {

// What all shards of a server look at.
struct ServerState {
  // Whose tokens are believed. Before the shards are built; outlives them.
  std::unique_ptr<TokenAuthority> tokens;
  std::atomic<bool> draining{false};
  std::atomic<std::uint32_t> running_shards{0};
  std::atomic<std::uint64_t> session_numbers{0};  // Given so far.
  Node node;
  std::unique_ptr<ConnectionLimits> limits;  // Null: there are none.
};

// How often a connection that was blocked is looked at again, and told about at most.
inline constexpr std::uint64_t kReviewNs = 1'000'000'000;

// What a blocked connection may be owed in replies before its input is no longer read.
inline constexpr std::size_t kOutboxLimitBytes = 64 * 1024;

class Shard final : private Commands::Host,
                    private FanOut::Events,
                    private Proxies::Host,
                    private HttpHandler::Host,
                    private UserRequests::Host,
                    private WebSocket::Host {
 public:
  // All arguments outlive the shard. `seed` differs from run to run, or epochs would repeat.
  Shard(const engine::Config& config, Mesh& mesh, ShardId id, engine::Ring& ring,
        engine::Registry& registry, const HttpAssets& assets, ServerState& server,
        std::uint64_t seed);
  ~Shard() override;

  // Before Start(). The shard polls the feed once a turn.
  void AddFeed(std::unique_ptr<Feed> feed);

  // Before Start(). By which the shard asks other people's HTTP servers; outlives the shard.
  void UseHttp(engine::HttpPort& port) {
    http_port_ = &port;
    proxies_.UseHttp(port);
  }

  // Begins to accept.
  void Start();

  // One turn without the sleep at its end. False when the shard has drained and is done.
  bool Turn();

  // Sleeps until something may have come (at most until the next timer).
  void Sleep();

  // Turns and sleeps until drained.
  void Run();

  const ConnectionTable& connections() const { return connections_; }
  FanOut& fan_out() { return fan_out_; }
  const FilterTable& filters() const { return filters_; }
  const ShardMetrics& metrics() const { return metrics_; }

 private:
  struct RunningFeed {
    std::unique_ptr<Feed> feed;
    std::uint64_t next_ns = 0;
    FeedMetrics metrics;
  };

  // Completions.
  void ReapAll();
  void SettleBatch(bool long_flush);
  void HandleCompletions(std::size_t most);
  void Handle(const engine::Completion& done);
  void OnAccept(const engine::Completion& done);
  void OnReceive(const engine::Completion& done);
  void OnBytes(engine::Slot slot, std::span<std::byte> bytes);
  void OnPeerEnd(engine::Slot slot, std::int32_t result);
  void RearmReceives();
  void Refuse(engine::Slot slot, CloseReason reason, std::string_view text, int status = 503);

  // Lanes.
  void DrainLanes();
  void DrainLanesInFlush();
  bool MustWait(const Message& message);
  void OnMessage(ShardId from, Message&& message);
  void OnQuestion(std::unique_ptr<Request> request);
  void TakeHttpAnswers();
  void OnHttpAnswer(std::unique_ptr<engine::HttpCall> call);
  bool has_http_answers() const { return http_port_ != nullptr && http_port_->has_answers(); }

  // Connections.
  void CloseNow(engine::Slot slot, CloseReason reason);
  void BeginClose(engine::Slot slot, CloseReason reason, bool wait_for_peer);
  void CloseWithFrame(engine::Slot slot, CloseReason reason, std::uint16_t code,
                      std::string_view text);
  void AppendClose(engine::Slot slot, std::uint16_t code, std::string_view text);
  void ReplayInput(engine::Slot slot);
  std::size_t InboundLimit(const Connection& connection) const;
  void LimitOutbox(engine::Slot slot);
  void PauseReading(engine::Slot slot);
  void ResumeReading(engine::Slot slot);
  void Schedule(engine::Slot slot);
  void OnTimer(engine::Slot slot);
  void Ping(engine::Slot slot);

  // Transports other than the WebSocket with commands (shard_streams.cc).
  void EndClient(engine::Slot slot, CloseReason reason, std::uint16_t code, std::string_view text);
  void EndStream(engine::Slot slot, CloseReason reason, std::uint16_t code, std::string_view text);
  void TakeUniConnect(engine::Slot slot, std::string_view message);
  void RunEmulated(std::unique_ptr<Request> request);
  void OnClientFrame(engine::Slot slot, std::string_view frame);
  static bool DiscardsInput(const Connection& connection);
  std::uint64_t SlowDeadline(const Connection& connection) const;

  // Limits (shard_limits.cc).
  bool CountsAddresses() const { return !peers_.empty(); }
  void LimitAccepted(engine::Slot slot);
  void LimitAddress(engine::Slot slot, const engine::PeerAddress& peer);
  void ReleaseLimits(engine::Slot slot);
  void ReleaseAddress(engine::Slot slot);

  // Pressure (shard_pressure.cc).
  void ReviewTrouble(engine::Slot slot);
  void SetLevel(engine::Slot slot);
  void TellPressure(engine::Slot slot);
  void OnPeerName(const engine::Completion& done);
  void AnswerSlowClients(std::unique_ptr<Request> request);
  void ReviewShard(std::uint64_t turn_end_ns);
  void SweepLevels();
  void ReviewMemory();
  MemoryUse CountMemory();
  void CloseSlowest(std::size_t excess_bytes);

  void RunFeeds();
  void Sample();
  void CountBusy(std::uint64_t until_ns);
  void BeginDrain();
  void Drain();
  std::uint64_t NextDeadline() const;
  bool Spin();

  // Commands::Host
  void Disconnect(engine::Slot slot, protocol::DisconnectCode code) override;
  // Commands::Host, UserRequests::Host
  void DisconnectAs(engine::Slot slot, std::uint16_t code, std::string_view reason) override;
  void RefuseOneWay(engine::Slot slot, std::uint32_t code, std::string_view message) override;
  void HoldInput(engine::Slot slot) override { PauseReading(slot); }
  void ReleaseInput(engine::Slot slot) override;
  bool AdmitUser(engine::Slot slot, Session& session) override;
  std::uint64_t NextSessionNumber() override {
    return server_.session_numbers.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  void OnConnected(engine::Slot slot) override;
  void OnDeadlines(engine::Slot slot) override;
  std::int64_t UnixMs() override;
  void OnSubscribedByServer(const Request& answer) override;
  std::uint64_t NowNs() override { return now_ns_; }
  const std::string& NodeUid() const override { return server_.node.uid; }
  std::string_view TrackEpoch() const override { return TrackEpochOf(server_.node); }
  // Proxies::Host
  void OnProxyAnswer(const Proxies::Question& question,
                     const protocol::ProxyAnswer* answer) override;
  // FanOut::Events
  void OnSendFailed(engine::Slot slot) override;
  void OnFlushed(engine::Slot slot) override;
  void OnBlocked(engine::Slot slot) override;
  void OnUnblocked(engine::Slot slot) override;
  void OnGap(engine::Slot slot, ChannelIndex channel, std::uint64_t lost) override;
  void OnInappropriate(engine::Slot slot) override;
  // HttpHandler::Host
  void OnRequestHead(engine::Slot slot, const protocol::RequestHead& head) override {
    proxies_.headers().KeepRequest(slot, head);
  }
  bool AdmitClient(engine::Slot slot) override;
  void OnUpgraded(engine::Slot slot, bool echo) override;
  void OnStreamOpened(engine::Slot slot, std::string_view commands) override;
  void OnUniConnect(engine::Slot slot, std::string_view frame) override;
  void OnResponse(engine::Slot slot, After after) override;
  bool Ready() const override;
  std::string MetricsText() override;
  // WebSocket::Host
  void OnCommands(engine::Slot slot, std::string_view frame) override;
  void OnPeerClose(engine::Slot slot, std::uint16_t code) override;
  void OnViolation(engine::Slot slot, std::uint16_t close_code) override;
  void OnOwed(engine::Slot slot) override;
  void OnPong(engine::Slot slot) override;

  const engine::Config& config_;
  Mesh& mesh_;
  engine::Ring& ring_;
  engine::Registry& registry_;
  ServerState& server_;
  ShardMetrics metrics_;
  engine::TimerWheel timers_;
  ConnectionTable connections_;
  ChannelTable channels_;
  FilterTable filters_;
  const KeyedAddresses addresses_;
  Exchange exchange_;
  Home home_;
  FanOut fan_out_;
  JoinLeave join_leave_;
  Proxies proxies_;
  PolledSlots polled_;
  Commands commands_;
  Users users_;
  UserRequests user_requests_;
  WebSocket web_socket_;
  HttpHandler http_;
  ConnectFrames connect_frames_;
  FeedPort feed_port_;
  std::vector<RunningFeed> feeds_;
  engine::HttpPort* http_port_ = nullptr;  // Null: no HTTP client runs.

  // By slot, where addresses are counted; else empty.
  struct Peer {
    engine::PeerAddress address;
    bool taken = false;  // It is to be given back.
  };
  std::vector<Peer> peers_;

  std::uint64_t now_ns_ = 0;
  std::uint64_t busy_since_ns_ = 0;  // End of the last sleep, or what was counted since.
  std::uint64_t sweep_due_ns_ = 0;
  bool replaying_http_ = false;  // HttpHandler::OnInput() is on the stack.
  bool accept_armed_ = false;
  bool accepting_ = false;
  struct Held {
    ShardId from;
    Message message;
  };
  std::vector<Held> held_;  // Came in the middle of a flush, and waits for its end.
  absl::flat_hash_set<ChannelIndex> held_channels_;  // Of the deliveries among them.

  ShardPressure pressure_;
  MemoryBudget memory_;
  PressureLevel floor_ = PressureLevel::kNormal;  // Of all connections.
  engine::Slot level_sweep_ = 0;  // Those below it have the floor; see SweepLevels().

  std::uint64_t drain_began_ns_ = 0;  // 0 = not draining.
  engine::Slot drain_next_ = 0;
  engine::Slot drain_slots_ = 0;  // Those above were vacant when the drain began.
  // Reaped; those before `handled_` are done with.
  std::vector<engine::Completion> completions_;
  std::size_t handled_ = 0;
  std::vector<std::pair<engine::Slot, std::uint32_t>> starved_;  // Wait for receive buffers.
};

}  // namespace tickcast::shards
