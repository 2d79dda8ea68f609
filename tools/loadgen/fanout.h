// Fanout: publishers and subscribers of one server in one process.
//
// Closed loop (no rate): at most W publications are under way. The next one is sent when the oldest
// is complete, that is when its reply and all its deliveries have come; with `lockstep`, when all
// W are complete, so that every server under test reads the same batches.
// Open loop (a rate): publication k is due at start + k / rate and stamped with that moment
// whenever it really leaves, so that a server (or client) that falls behind shows the waiting it
// causes: no coordinated omission.
// Channels are taken in turns; the publications of a channel always come from the same publisher,
// so that their order is defined.
// Threading: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tools/loadgen/flight.h"
#include "tools/loadgen/ledger.h"
#include "tools/loadgen/report.h"
#include "tools/loadgen/workload.h"

namespace tickcast::loadgen {

class Fanout final : public Workload, public FleetEvents {
 public:
  Fanout(const Options& options, std::uint32_t run);
  void set_fleet(std::unique_ptr<Fleet> fleet) { fleet_ = std::move(fleet); }

  absl::Status Prepare() override;
  absl::StatusOr<Figures> Run(const Phase& phase) override;
  void Rest(std::uint64_t deadline_ns) override { fleet_->Turn(deadline_ns); }
  std::uint64_t now_ns() override { return fleet_->now_ns(); }

  void OnReady(ClientIndex client) override;
  void OnDelivery(ClientIndex client, const Stamp& stamp, std::uint64_t now_ns) override;
  void OnPublishReply(ClientIndex client, std::uint32_t id, std::uint32_t code) override;
  void OnClosed(ClientIndex client, std::string_view reason) override;

 private:
  // All that counts up, so that a phase is the difference of two.
  struct Counts {
    std::uint64_t publications = 0;
    std::uint64_t due = 0;  // Deliveries that the publications should cause.
    std::uint64_t deliveries = 0;
    std::uint64_t errors = 0;
    std::uint64_t given_up = 0;
    std::uint64_t misdirected = 0;
    std::uint64_t closed = 0;
    Ledger::Tally tally;
    FleetCounters fleet;
    std::uint64_t client_cpu_ns = 0;
    std::uint64_t server_cpu_ns = 0;
    std::uint64_t time_ns = 0;
  };

  absl::Status OpenNext();
  std::string Commands(std::uint32_t connection) const;
  void PublishUntil(std::uint64_t until_ns);
  std::uint64_t PublishDue(std::uint64_t now_ns);
  void Publish(std::uint64_t stamp_ns, std::uint64_t now_ns);
  void Drain();
  void GiveUpStalled(std::uint64_t now_ns);
  void SettleLedger();
  absl::StatusOr<Counts> Take();
  Figures Compare(const Counts& start, const Counts& begin, const Counts& end) const;
  void ShowProgress(std::uint64_t now_ns);

  const Options options_;
  const std::uint32_t run_;
  const Topology topology_;
  std::unique_ptr<Fleet> fleet_;

  // Connections [0, subscribers) subscribe, the others publish.
  const std::uint32_t subscribers_;
  const std::uint32_t publishers_;
  std::uint32_t opened_ = 0;
  std::vector<std::uint32_t> connections_;  // By client.
  std::vector<ClientIndex> publisher_clients_;
  absl::Status failure_;  // Why the first lost connection was lost; ends Prepare().

  Ledger ledger_;
  Flight flight_;
  std::vector<std::uint32_t> published_;  // Publications so far, by channel.
  std::uint32_t next_channel_ = 0;
  double rate_ = 0;
  std::uint64_t schedule_start_ns_ = 0;
  std::uint64_t scheduled_ = 0;

  Counts counts_;
  Histogram latency_;
  Histogram interval_latency_;
  std::uint64_t measured_from_ns_ = 0;
  std::uint64_t interval_deliveries_ = 0;
  std::uint64_t interval_publications_ = 0;
  std::uint64_t interval_began_ns_ = 0;
  Progress progress_;
  std::string command_;
};

}  // namespace tickcast::loadgen
