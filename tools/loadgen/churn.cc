// Churn: whole lives of connections, each opening, handshake, connect command (and subscribes),
// close; at most W at a time, or by a schedule of R per second.
//
// In the open loop a life's time counts from when it was due, also when all clients were busy then.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/loadgen/fleet.h"
#include "tools/loadgen/process_usage.h"
#include "tools/loadgen/report.h"
#include "tools/loadgen/workload.h"

namespace tickcast::loadgen {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

class Churn final : public Workload, public FleetEvents {
 public:
  explicit Churn(const Options& options)
      : options_(options), topology_(options.topology), progress_(options.quiet) {}
  void set_fleet(std::unique_ptr<Fleet> fleet) { fleet_ = std::move(fleet); }

  absl::Status Prepare() override { return absl::OkStatus(); }
  absl::StatusOr<Figures> Run(const Phase& phase) override;
  void Rest(std::uint64_t deadline_ns) override { fleet_->Turn(deadline_ns); }
  std::uint64_t now_ns() override { return fleet_->now_ns(); }

  void OnReady(ClientIndex client) override { fleet_->Close(client); }
  void OnPush(ClientIndex, std::string_view, std::uint64_t) override {}
  void OnPublishReply(ClientIndex, std::uint32_t, std::uint32_t) override {}
  void OnClosed(ClientIndex client, std::string_view reason, std::uint32_t code) override;

 private:
  absl::Status LiveUntil(std::uint64_t until_ns, std::uint64_t lives);
  absl::Status OpenDue(std::uint64_t now_ns, std::uint64_t lives);
  void Drain();
  void ShowProgress(std::uint64_t now_ns);

  const Options options_;
  const Topology topology_;
  std::unique_ptr<Fleet> fleet_;
  std::vector<std::uint64_t> began_ns_;  // By client.
  double rate_ = 0;
  std::uint64_t schedule_start_ns_ = 0;
  std::uint64_t opened_ = 0;  // Since the schedule's start.
  std::uint32_t alive_ = 0;
  std::uint64_t completed_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t shown_ = 0;
  Histogram life_;
  Progress progress_;
};

void Churn::OnClosed(ClientIndex client, std::string_view reason, std::uint32_t) {
  --alive_;
  if (reason.empty()) {
    ++completed_;
    life_.Record(now_ns() - began_ns_[client]);
    return;
  }
  if (++failed_ <= 3) {
    progress_.Print(now_ns(), absl::StrCat("a life failed: ", std::string(reason)));
  }
}

absl::Status Churn::OpenDue(std::uint64_t now_ns, std::uint64_t lives) {
  while (alive_ < options_.window && opened_ < lives) {
    std::uint64_t due_ns = now_ns;
    if (rate_ > 0) {
      due_ns = schedule_start_ns_ +
               static_cast<std::uint64_t>(static_cast<double>(opened_) * 1e9 / rate_);
      if (due_ns > now_ns) break;
    }
    std::string commands;
    AppendConnect(1, commands);
    const std::uint32_t* channels =
        topology_.channels(static_cast<std::uint32_t>(opened_ % options_.topology.connections));
    const std::uint32_t subscriptions = topology_.subscriptions();
    for (std::uint32_t i = 0; i < subscriptions; ++i) {
      commands += '\n';
      AppendSubscribe(2 + i, topology_.name(channels[i]), {}, {}, commands);
    }
    const absl::StatusOr<ClientIndex> client = fleet_->Open(std::move(commands), 1 + subscriptions);
    // Slots of those that just closed come back with the next turn.
    if (absl::IsResourceExhausted(client.status())) break;
    if (!client.ok()) return client.status();
    if (began_ns_.size() <= *client) began_ns_.resize(*client + 1);
    began_ns_[*client] = due_ns;
    ++opened_;
    ++alive_;
  }
  return absl::OkStatus();
}

absl::Status Churn::LiveUntil(std::uint64_t until_ns, std::uint64_t lives) {
  schedule_start_ns_ = now_ns();
  opened_ = 0;
  for (std::uint64_t now = schedule_start_ns_; now < until_ns && !StopRequested(); now = now_ns()) {
    if (opened_ >= lives && alive_ == 0) break;
    if (absl::Status status = OpenDue(now, lives); !status.ok()) return status;
    fleet_->Turn(std::min(until_ns, now + kMillisecond));
    if (progress_.Due(now)) ShowProgress(now);
  }
  Drain();
  return absl::OkStatus();
}

void Churn::Drain() {
  const std::uint64_t patience_ns = now_ns() + static_cast<std::uint64_t>(options_.stall_ns);
  while (alive_ > 0 && now_ns() < patience_ns) fleet_->Turn(now_ns() + kMillisecond);
  // The server has its side of the last lives to end.
  const std::uint64_t asleep_ns = now_ns() + 3 * kMillisecond;
  while (now_ns() < asleep_ns) fleet_->Turn(asleep_ns);
}

absl::StatusOr<Figures> Churn::Run(const Phase& phase) {
  rate_ = phase.rate;
  progress_.Begin(now_ns());
  if (phase.warmup_ns > 0) {
    if (absl::Status status = LiveUntil(now_ns() + phase.warmup_ns, UINT64_MAX); !status.ok()) {
      return status;
    }
  }
  life_.Clear();
  const std::uint64_t completed = completed_;
  const std::uint64_t failed = failed_;
  shown_ = completed_;
  const std::uint64_t client_cpu_ns = *ProcessCpuNs(0);
  absl::StatusOr<std::uint64_t> before = 0;
  if (options_.server_pid != 0) before = ProcessCpuNs(options_.server_pid);
  if (!before.ok()) return before.status();
  const std::uint64_t begin_ns = now_ns();
  const std::uint64_t until_ns = phase.duration_ns == 0 ? UINT64_MAX : begin_ns + phase.duration_ns;
  if (absl::Status status = LiveUntil(until_ns, options_.lives == 0 ? UINT64_MAX : options_.lives);
      !status.ok()) {
    return status;
  }
  const double seconds = static_cast<double>(now_ns() - begin_ns) / 1e9;
  const auto lives = static_cast<double>(completed_ - completed);
  const double per_life = lives == 0 ? 0 : 1 / lives;
  Figures figures = {{"seconds", seconds},
                     {"lives", lives},
                     {"lives_per_s", lives / seconds},
                     {"failed", static_cast<double>(failed_ - failed)},
                     {"unfinished", alive_}};
  AddQuantiles(life_, figures);
  figures.emplace_back("client_cpu_us_per_life",
                       static_cast<double>(*ProcessCpuNs(0) - client_cpu_ns) / 1e3 * per_life);
  if (options_.server_pid != 0) {
    const absl::StatusOr<std::uint64_t> after = ProcessCpuNs(options_.server_pid);
    if (!after.ok()) return after.status();
    figures.emplace_back("cpu_us_per_life", static_cast<double>(*after - *before) / 1e3 * per_life);
  }
  return figures;
}

void Churn::ShowProgress(std::uint64_t now_ns) {
  progress_.Print(now_ns,
                  absl::StrFormat("%s lives in the last second, %s alive, %s failed, p99 "
                                  "%.0f us",
                                  Grouped(completed_ - shown_), Grouped(alive_), Grouped(failed_),
                                  static_cast<double>(life_.Quantile(0.99)) / 1e3));
  shown_ = completed_;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Workload>> MakeChurn(const Options& options,
                                                    const engine::Endpoint& server) {
  auto churn = std::make_unique<Churn>(options);
  auto fleet = Fleet::Create({.server = server,
                              .host = absl::StrCat(options.host, ":", options.port),
                              .path = options.path,
                              .clients = options.window,
                              .sources = SourcesFor(options, server, options.window, true)},
                             *churn);
  if (!fleet.ok()) return fleet.status();
  churn->set_fleet(*std::move(fleet));
  return churn;
}

}  // namespace tickcast::loadgen
