// Fanout: publishers and subscribers of one server in one process, on as many rings as they need.
//
// Each ring has a worker thread with a crew (worker.h, crew.h); this is what starts them, tells
// them what to do, and adds up what they have counted. With --feed there are no publishers: the
// server's own market is received, and its sequence numbers are the ledger.
// Threading: the main thread; crews are touched on their workers only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/loadgen/crew.h"
#include "tools/loadgen/report.h"
#include "tools/loadgen/server_counters.h"
#include "tools/loadgen/slope.h"
#include "tools/loadgen/worker.h"
#include "tools/loadgen/workload.h"

namespace tickcast::loadgen {

class Fanout final : public Workload {
 public:
  Fanout(const Options& options, const engine::Endpoint& server, Topology topology,
         std::uint32_t rings);
  ~Fanout() override;

  absl::Status Prepare() override;
  absl::StatusOr<Figures> Run(const Phase& phase) override;
  absl::Status Silence(std::uint32_t clients) override;
  absl::Status Scroll(std::uint32_t keys) override;
  absl::StatusOr<Figures> Finish() override;
  void Rest(std::uint64_t deadline_ns) override;
  std::uint64_t now_ns() override;

 private:
  // All that counts up, so that a phase is the difference of two.
  struct Counts {
    std::vector<KindCounts> kinds;
    BookCounts books;
    FleetCounters fleet;
    Publisher::Counts publisher;
    std::uint32_t ready = 0;
    std::uint32_t joined = 0;  // Ready once, publishers too.
    std::uint32_t gone = 0;    // Crews without a connection.
    std::uint64_t publishers_lost = 0;
    std::uint64_t client_cpu_ns = 0;
    std::uint64_t server_cpu_ns = 0;
    std::uint64_t time_ns = 0;
    absl::Status failure;

    KindCounts AllKinds() const;
  };
  // What a phase is computed from.
  struct Measured {
    Counts start;  // Of the phase, with its warm-up.
    Counts begin;  // Of the measured time.
    Counts end;
    bool has_server = false;
    ServerCounters server;  // From start to end.
    std::vector<KindRecord> records;
    bool stormed = false;
    Storm storm;
    std::uint64_t lull_ns = 0;
  };

  absl::Status StartCrews();
  absl::Status AwaitReady(std::uint32_t wanted, std::uint64_t began_ns);
  // Returns whether there was a storm.
  bool Publish(const Phase& phase, std::uint64_t until_ns, std::int64_t storm_at_ns);
  bool PhaseOver(const Phase& phase, std::uint64_t until_ns, bool stormed);
  void Tick(std::uint64_t now_ns);
  void Collect(Measured& measured);
  Counts Count();
  absl::StatusOr<Counts> Take();
  bool ReadCounters(ServerCounters& counters);
  Figures Compare(const Measured& measured) const;
  void AddScrolls(const Measured& measured, const Histogram& answers, double seconds,
                  Figures& figures) const;
  void AddLedger(const Measured& measured, Figures& figures) const;
  void AddProcess(const Measured& measured, double seconds, Figures& figures) const;
  absl::StatusOr<Figures> FinalFigures(const Counts& counts);
  void ShowProgress(std::uint64_t now_ns);
  void TellFailure(const Counts& counts);
  Crew& first() { return *crews_[0]; }
  // On all crews at the same time, each on its thread.
  void OnAll(const std::function<void(Crew&, std::size_t)>& task);

  const Options options_;
  const engine::Endpoint server_;
  const Topology topology_;
  const Mix mix_;
  const Plan plan_;

  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<Crew>> crews_;
  bool told_failure_ = false;
  bool has_first_counters_ = false;
  std::optional<bool> server_counts_;  // Whether the first question for its counters was answered.
  ServerCounters first_counters_;      // Before the first connection.
  std::uint64_t stopped_ns_ = 0;       // When the last phase's publishing ended.
  bool cut_any_ = false;

  Slope server_rss_;
  std::uint64_t rss_due_ns_ = UINT64_MAX;
  std::uint64_t rss_began_ns_ = 0;
  double first_rss_ = 0;  // Before the first connection.

  std::uint64_t shown_deliveries_ = 0;
  std::uint64_t shown_publications_ = 0;
  std::uint64_t shown_ns_ = 0;
  Progress progress_;
};

}  // namespace tickcast::loadgen
