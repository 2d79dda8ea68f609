// Publisher: the run's own publications: when the next one is due, and which are on their way.
//
// Closed loop (rate 0): at most W publications are under way. The next one is sent when the oldest
// is complete, that is when its reply and all its deliveries to prompt subscribers have come; with
// `lockstep`, when all W are complete, so that every server under test reads the same batches.
// Open loop (a rate): publication k is due at start + k / rate and stamped with that moment
// whenever it really leaves, so that a server (or client) that falls behind shows the waiting it
// causes: no coordinated omission.
// Channels are taken in turns; the publications of a channel always come from the same publishing
// client, so that their order is defined.
// Threading: one thread, but for Report() and TakeReported().
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/loadgen/flight.h"
#include "tools/loadgen/options.h"
#include "tools/loadgen/topology.h"

namespace tickcast::loadgen {

// Deliveries of a publication, by its number.
using DeliveryCounts = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

class Publisher {
 public:
  // Sends a command (one line) from one of the publishing clients.
  using Say = std::function<void(std::uint32_t client, std::string_view command)>;

  struct Counts {
    std::uint64_t publications = 0;
    std::uint64_t errors = 0;
    std::uint64_t given_up = 0;
  };

  // `awaited`: by channel, the subscriptions whose deliveries complete a publication.
  Publisher(const Options& options, const Topology& topology, std::vector<std::uint32_t> awaited,
            std::uint32_t run, Say say);

  // Publishes from now on until `until_ns`; rate 0: closed loop.
  void Start(double rate, std::uint64_t now_ns, std::uint64_t until_ns);
  void Stop(std::uint64_t now_ns);

  // Publishes what is due, and gives up what has stalled. Returns when it wants to be called again
  // at the latest.
  std::uint64_t Step(std::uint64_t now_ns);

  // Publishing has ended, at `stopped_ns`, and nothing is under way.
  bool idle() const { return !publishing_ && flight_.size() == 0; }
  std::uint64_t stopped_ns() const { return stopped_ns_; }

  void OnDelivery(std::uint32_t publication) { flight_.OnDelivery(publication); }
  void OnReply(std::uint32_t id, std::uint32_t code);

  // Deliveries that another thread has seen. Clears `counts`. Any thread.
  void Report(DeliveryCounts& counts);

  const Counts& counts() const { return counts_; }
  // Publications so far, by channel.
  const std::vector<std::uint32_t>& published() const { return published_; }

 private:
  void Publish(std::uint64_t stamp_ns, std::uint64_t now_ns);
  std::uint64_t PublishDue(std::uint64_t now_ns);
  void TakeReported();

  const Options& options_;
  const Topology& topology_;
  const std::vector<std::uint32_t> awaited_;
  const std::uint32_t run_;
  const Say say_;

  Flight flight_;
  std::vector<std::uint32_t> published_;
  std::uint32_t next_channel_ = 0;
  bool publishing_ = false;
  double rate_ = 0;
  std::uint64_t start_ns_ = 0;
  std::uint64_t until_ns_ = 0;
  std::uint64_t stopped_ns_ = 0;
  std::uint64_t scheduled_ = 0;
  Counts counts_;
  std::string command_;

  std::mutex mutex_;
  DeliveryCounts reported_;  // Guarded by mutex_.
  DeliveryCounts taken_;
};

}  // namespace tickcast::loadgen
