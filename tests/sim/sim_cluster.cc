#include "tests/sim/sim_cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "absl/strings/str_cat.h"

namespace tickcast::shards::sim {
namespace {

// The least time between two turns: events closer than this fall into one.
constexpr std::uint64_t kStepNs = 50'000;

}  // namespace

std::string WritePayload(Payload payload, std::size_t padding_bytes) {
  std::string data = absl::StrCat(R"({"source":)", payload.source, R"(,"number":)", payload.number);
  if (padding_bytes > 0)
    absl::StrAppend(&data, R"(,"padding":")", std::string(padding_bytes, 'x'), "\"");
  return data + "}";
}

Payload ReadPayload(std::string_view data) {
  const auto number = [&](std::string_view key) {
    std::uint64_t value = 0;
    const std::size_t at = data.find(key);
    EXPECT_NE(at, std::string_view::npos) << data;
    if (at == std::string_view::npos) return value;
    std::from_chars(data.data() + at + key.size(), data.data() + data.size(), value);
    return value;
  };
  return {static_cast<std::uint32_t>(number(R"("source":)")), number(R"("number":)")};
}

engine::Config SimConfig() {
  engine::Config config;
  config.client.insecure = true;
  config.client.ping_interval_ns = 4 * kSecond;
  config.client.pong_timeout_ns = 2 * kSecond;
  config.client.slow_client_timeout_ns = 3 * kSecond;
  config.client.stale_close_delay_ns = 2 * kSecond;
  config.client.head_timeout_ns = 1 * kSecond;
  config.http_api.insecure = true;
  // Levels come and go within a test's few seconds.
  config.pressure.window_ns = 500 * kMillisecond;
  config.pressure.hold_ns = 300 * kMillisecond;
  config.pressure.degraded_interval_ns = 50 * kMillisecond;
  config.shutdown.spread_ns = 1 * kSecond;
  config.shutdown.timeout_ns = 3 * kSecond;
  // Positions are forgotten within a test's virtual minutes.
  config.channel.history_meta_ttl_ns = 200 * kSecond;
  config.channel.namespaces = {
      {.name = "state", .kind = engine::ChannelKind::kState},
      {.name = "flow", .kind = engine::ChannelKind::kStream},
      {.name = "log",
       .kind = engine::ChannelKind::kStream,
       .history_size = 1000,
       .history_ttl_ns = 100 * kSecond,
       .allow_positioning = true,
       .allow_recovery = true},
  };
  return config;
}

SimCluster::SimCluster(std::uint64_t seed, const ClusterOptions& options)
    : world_(seed, options.faults),
      config_(options.config),
      mesh_(options.shards, options.lane_capacity),
      meanwhile_(options.meanwhile),
      stalled_until_ns_(options.shards),
      finished_(options.shards),
      turning_(options.shards) {
  server_.node.uid = "7d1f0c52-0000-4000-8000-000000000000";
  server_.tokens = TokenAuthority::Make(config_.client, registry_).value();
  server_.limits = std::make_unique<ConnectionLimits>(config_.client);
  for (ShardId id = 0; id < options.shards; ++id) {
    rings_.push_back(std::make_unique<BusyRing>(world_, world_.AddRing(options.ring)));
    if (meanwhile_ != 0) rings_.back()->set_meanwhile([this, id] { Meanwhile(id); });
    mesh_.SetHandle(id, rings_.back()->handle());
    shards_.push_back(std::make_unique<Shard>(config_, mesh_, id, *rings_.back(), registry_,
                                              HttpAssets{}, server_, seed + 2u * id));
    if (options.http) {
      https_.push_back(
          std::make_unique<engine::SimHttp>([this] { return world_.now_ns(); }, options.http));
      shards_.back()->UseHttp(*https_.back());
    }
  }
  server_.running_shards = options.shards;
}

void SimCluster::Start() {
  for (const std::unique_ptr<Shard>& shard : shards_) shard->Start();
}

SimClient& SimCluster::AddClient(ShardId id, const SimUpgrade& upgrade) {
  return *clients_.emplace_back(std::make_unique<SimClient>(world_, rings_[id]->sim(), upgrade));
}

SimClient& SimCluster::AddConnected(ShardId id) {
  SimClient& client = AddClient(id);
  const std::uint32_t connect = client.Connect();
  client.Flush();
  EXPECT_TRUE(RunUntil([&] { return client.ReplyTo(connect) != nullptr; }));
  return client;
}

void SimCluster::Step(std::uint64_t limit_ns) {
  // A simulated shard never really sleeps, so nobody rings it: what lies in its lanes keeps the
  // clock from jumping to the end of its sleep.
  const std::uint64_t event_ns =
      LanesAreEmpty() ? std::min(world_.NextEventNs(), NextHttpAnswerNs()) : world_.now_ns();
  const std::uint64_t next_ns = std::max(event_ns, world_.now_ns() + kStepNs);
  world_.AdvanceTo(std::min(next_ns, std::max(limit_ns, world_.now_ns())));
  Turns();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    SimClient& client = *clients_[i];
    for (const Heard& heard : client.Poll()) {
      if (on_heard) on_heard(client, heard);
    }
  }
}

std::uint64_t SimCluster::NextHttpAnswerNs() const {
  std::uint64_t next_ns = ~std::uint64_t{0};
  for (const auto& http : https_) next_ns = std::min(next_ns, http->next_answer_ns());
  return next_ns;
}

bool SimCluster::LanesAreEmpty() {
  for (ShardId from = 0; from < shards(); ++from) {
    for (ShardId to = 0; to < shards(); ++to) {
      if (from != to && mesh_.lane(from, to).depth() > 0) return false;
    }
  }
  return true;
}

void SimCluster::Turns() {
  // No fixed order: what one shard sends, another gets in the same step or in the next.
  const std::uint64_t first = world_.Between(0, shards() - 1u);
  for (ShardId i = 0; i < shards(); ++i) {
    TurnOf(static_cast<ShardId>((first + i) % shards()));
  }
}

void SimCluster::TurnOf(ShardId id) {
  const bool busy = std::max(stalled_until_ns_[id], rings_[id]->busy_until_ns()) > world_.now_ns();
  if (busy || finished_[id] || turning_[id]) return;
  turning_[id] = true;
  finished_[id] = !shards_[id]->Turn();
  turning_[id] = false;
  CheckLedger(id);
  if (on_turn) on_turn(id);
  if (!finished_[id]) shards_[id]->Sleep();
}

// Between two batches of a flush of shard `busy`.
void SimCluster::Meanwhile(ShardId busy) {
  if (!turning_[busy] || !world_.Chance(meanwhile_)) return;
  world_.AdvanceTo(world_.now_ns() + world_.Between(1, kStepNs));
  for (ShardId id = 0; id < shards(); ++id) TurnOf(id);
}

void SimCluster::CheckLedger(ShardId id) {
  const ShardMetrics& metrics = shards_[id]->metrics();
  const std::uint64_t settled = metrics.delivered.value() + metrics.conflated.value() +
                                metrics.skipped_gap.value() + metrics.skipped_left.value() +
                                metrics.skipped_filtered.value();
  ASSERT_EQ(metrics.owed.value(), settled + shards_[id]->fan_out().CountOutstanding())
      << "shard " << id << " at " << world_.now_ns();
}

void SimCluster::RunFor(std::uint64_t duration_ns) {
  const std::uint64_t end_ns = world_.now_ns() + duration_ns;
  while (world_.now_ns() < end_ns) Step(end_ns);
}

bool SimCluster::RunUntil(const std::function<bool()>& done, std::uint64_t limit_ns) {
  const std::uint64_t end_ns = world_.now_ns() + limit_ns;
  while (!done()) {
    if (world_.now_ns() >= end_ns) return false;
    Step(end_ns);
  }
  return true;
}

Ledger SimCluster::ledger() {
  Ledger sum;
  for (const std::unique_ptr<Shard>& shard : shards_) {
    const ShardMetrics& metrics = shard->metrics();
    sum.owed += metrics.owed.value();
    sum.delivered += metrics.delivered.value();
    sum.conflated += metrics.conflated.value();
    sum.skipped_gap += metrics.skipped_gap.value();
    sum.skipped_left += metrics.skipped_left.value();
    sum.skipped_filtered += metrics.skipped_filtered.value();
    sum.outstanding += shard->fan_out().CountOutstanding();
  }
  return sum;
}

std::int64_t SimCluster::Metric(std::string_view name, std::string_view label_value) const {
  std::int64_t sum = 0;
  registry_.Visit([&](const engine::Registry::Family& family) {
    if (family.name != name) return;
    for (const engine::Registry::Entry& entry : family.entries) {
      const bool wanted =
          label_value.empty() ||
          std::any_of(entry.labels.begin(), entry.labels.end(),
                      [&](const auto& label) { return label.second == label_value; });
      if (!wanted) continue;
      if (const auto* counter = std::get_if<const engine::Counter*>(&entry.metric)) {
        sum += static_cast<std::int64_t>((*counter)->value());
      } else if (const auto* gauge = std::get_if<const engine::Gauge*>(&entry.metric)) {
        sum += (*gauge)->value();
      }
    }
  });
  return sum;
}

std::size_t SimCluster::finished_shards() const {
  return static_cast<std::size_t>(std::count(finished_.begin(), finished_.end(), true));
}

}  // namespace tickcast::shards::sim
