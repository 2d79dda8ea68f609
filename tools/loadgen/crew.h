// Crew: the clients of one ring: subscribers of all kinds, and in the first crew the publishers.
//
// It opens them at a pace, makes each behave as its kind does, brings back who was lost, and writes
// everything that arrives into its books.
// Threading: built, used and destroyed on one worker's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "tools/loadgen/books.h"
#include "tools/loadgen/fleet.h"
#include "tools/loadgen/options.h"
#include "tools/loadgen/publisher.h"
#include "tools/loadgen/storm.h"

namespace tickcast::loadgen {

// What all crews of a run share, unchanging.
struct Plan {
  const Options& options;
  const Topology& topology;
  const Mix& mix;
  engine::Endpoint server;
  std::uint32_t crews = 1;
  std::uint32_t publishers = 0;
  std::uint32_t sources = 1;
  std::uint32_t run = 0;
  std::int64_t wall_offset_ns = 0;
};

class Crew final : public FleetEvents {
 public:
  // `plan` must outlive the crew. Fails when the machine has no ring or no memory for it.
  static absl::StatusOr<std::unique_ptr<Crew>> Create(const Plan& plan, std::uint32_t number);
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Waits for at most a few milliseconds, and handles all that happened.
  void Turn();

  // Queues all subscribers, later the publishers, to be opened at the options' pace.
  void OpenSubscribers();
  void OpenPublishers();
  // From now on a lost connection is counted and comes back; until then it is a failure().
  void EndOpening();

  // Where deliveries of the run's own publications are told to: the first crew's publisher, whose
  // fleet has that handle (-1: this crew's own). With `wakes` it is woken for them.
  void ReportTo(Publisher* publisher, int handle) {
    publisher_ = publisher;
    publisher_handle_ = handle;
  }
  void set_wakes(bool wakes) { wakes_ = wakes; }
  Publisher* own_publisher() { return own_publisher_.get(); }

  // Cuts every connection; they come back at `rate` per second, 0: as fast as they are accepted.
  void BeginStorm(double rate);
  // So many of the silent kinds' clients stop reading, the others read.
  void Silence(std::uint32_t count);
  // How many keys a scroll replaces from now on.
  void set_scroll_keys(std::uint32_t keys) { scroll_keys_ = keys; }
  // Everybody reads what is left and leaves. Nobody comes back.
  void CloseAll();

  std::uint64_t now_ns() { return fleet_->now_ns(); }
  int handle() const { return fleet_->handle(); }
  std::uint32_t ready() const { return fleet_->ready(); }
  // How many were ready at least once.
  std::uint32_t joined() const { return joined_; }
  std::uint64_t publishers_lost() const { return publishers_lost_; }
  bool gone() const { return open_ == 0; }
  const absl::Status& failure() const { return failure_; }
  const FleetCounters& fleet_counters() const { return fleet_->counters(); }
  Books& books() { return books_; }
  const Storm& storm() const { return storm_; }

  void OnReady(ClientIndex client) override;
  void OnPush(ClientIndex client, std::string_view line, std::uint64_t now_ns) override;
  void OnSubscribed(ClientIndex client, std::uint32_t id, std::string_view line) override;
  void OnRefreshed(ClientIndex client, std::uint32_t id, std::string_view line,
                   std::uint64_t now_ns) override;
  void OnPublishReply(ClientIndex client, std::uint32_t id, std::uint32_t code) override;
  void OnMeteredRead(ClientIndex client, std::uint32_t bytes, std::uint64_t now_ns) override;
  void OnClosed(ClientIndex client, std::string_view reason, std::uint32_t code) override;

 private:
  static constexpr ClientIndex kNoClient = ~0U;

  // Members are subscribers [0, subscribers), numbered as in the books, then publishers.
  struct Member {
    ClientIndex client = kNoClient;
    std::uint32_t since_ms = 0;  // When it was opened, or got ready.
    std::uint32_t rests_until_ms = 0;
    std::uint16_t life = 0;  // Counts up: tells a timer of an earlier life.
    bool ready = false;
    bool opened_before = false;
    bool leaving = false;  // Of its own will: not a loss.
    bool in_storm = false;
  };

  enum class Due : std::uint8_t { kOpen, kLeave, kScroll, kRead };
  struct Timer {
    std::uint64_t due_ns = 0;
    std::uint32_t member = 0;
    std::uint16_t life = 0;
    Due due = Due::kOpen;
    friend bool operator>(const Timer& a, const Timer& b) { return a.due_ns > b.due_ns; }
  };

  // A scroll that is asked for and not answered; id 0: none.
  struct AskedScroll {
    std::uint32_t id = 0;
    std::uint64_t due_ns = 0;
    Screens::Change change;
  };

  Crew(const Plan& plan, std::uint32_t number);

  bool IsPublisher(std::uint32_t member) const { return member >= books_.connections(); }
  void WriteSubscribeData();
  std::string Commands(std::uint32_t member) const;
  std::uint32_t RepliesDue(std::uint32_t member) const;
  void Subscribe(std::uint32_t member, std::uint32_t subscription, std::string& out) const;
  const std::string& SubscribeDataOf(std::uint32_t member, std::uint32_t subscription) const;
  void Track(std::uint32_t member);
  void ReadPage(std::uint32_t member, std::string_view reply);
  void BeginScrolling(std::uint32_t member, std::uint64_t now_ns);
  void Scroll(std::uint32_t member, std::uint64_t due_ns);
  Manners MannersOf(std::uint32_t member) const;
  void SetPace(double rate, std::uint64_t now_ns);
  void OpenDue(std::uint64_t now_ns);
  bool Open(std::uint32_t member, std::uint64_t now_ns);
  std::uint64_t RunTimers(std::uint64_t now_ns);
  void Run(const Timer& timer, std::uint64_t now_ns);
  void SetTimer(std::uint64_t due_ns, std::uint32_t member, Due due);
  void Behave(std::uint32_t member, std::uint64_t now_ns);
  void Lost(std::uint32_t member, bool was_ready, std::string_view reason, std::uint64_t now_ns);
  void ReportDeliveries();
  std::uint32_t Milliseconds(std::uint64_t now_ns) const;

  const Plan& plan_;
  std::unique_ptr<Fleet> fleet_;
  Books books_;
  std::vector<std::string> subscribe_data_;  // By kind, two each: plain, priority.

  std::vector<AskedScroll> scrolls_;  // By member, where they scroll.
  std::uint32_t scroll_keys_ = 0;
  std::uint32_t scroll_id_ = 0;

  std::vector<Member> members_;
  std::vector<std::uint32_t> member_of_;  // By client.
  std::vector<std::uint32_t> silent_;     // Members of silent kinds.
  std::deque<std::uint32_t> to_open_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::uint32_t open_ = 0;
  std::uint32_t joined_ = 0;
  std::uint64_t publishers_lost_ = 0;
  double rate_ = 0;
  std::uint64_t pace_began_ns_ = 0;
  std::uint64_t paced_ = 0;
  std::uint64_t epoch_ns_ = 0;
  bool opening_ = true;
  bool closing_ = false;
  absl::Status failure_;
  Storm storm_;

  std::unique_ptr<Publisher> own_publisher_;
  Publisher* publisher_ = nullptr;
  int publisher_handle_ = -1;
  bool wakes_ = false;
  DeliveryCounts reports_;
};

}  // namespace tickcast::loadgen
