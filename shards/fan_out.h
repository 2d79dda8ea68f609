// FanOut: brings publications from channels to sockets.
//
// Applying a publication only marks its channel. The flush at the end of a turn hands every marked
// channel's frame to its group, one send per connection straight from the shared frame (push). A
// connection that is owed more than one frame, or replies, or that was behind, is pulled instead:
// brought up to date from its channels in one message. Nothing is queued per connection: a blocked
// one only remembers, per subscription, which publication it has seen last.
//
// Subscribers with an interval are not in groups at all: a pacer says when their connection is due,
// and then it is pulled in the same way. Pressure puts everybody's state channels there.
//
// Accounting, exact at every moment: owed = delivered + conflated + skipped + still outstanding.
// Threading: owned by one shard. Design: docs/architecture.md.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config.h"
#include "engine/probes.h"
#include "engine/ring.h"
#include "shards/channel.h"
#include "shards/connection.h"
#include "shards/filter_table.h"
#include "shards/framing.h"
#include "shards/line_maker.h"
#include "shards/pacer.h"
#include "shards/payload_value.h"
#include "shards/sender.h"
#include "shards/shard_metrics.h"
#include "shards/terms.h"

namespace tickcast::shards {

struct FanOutOptions {
  std::uint32_t batch = 64;                // Sends per submit.
  std::size_t catch_up_bytes = 64 * 1024;  // Per stream channel.
  std::size_t message_bytes = 16 * 1024;   // A gathered message stops here.
  engine::PressureConfig pressure = {};    // What the levels mean.
};

class FanOut {
 public:
  // What the flush tells about connections; the shard closes, resumes and times them.
  class Events {
   public:
    virtual ~Events() = default;
    // The socket has failed: close it. Comes while a batch is settled.
    virtual void OnSendFailed(engine::Slot slot) = 0;
    // Everything it was owed is with the kernel.
    virtual void OnFlushed(engine::Slot slot) = 0;
    // Its socket refused bytes.
    virtual void OnBlocked(engine::Slot slot) = 0;
    // It had been blocked and takes bytes again.
    virtual void OnUnblocked(engine::Slot slot) = 0;
    // The catch-up ring lost `lost` publications of this subscription: it was ended with 2500.
    // The subscription has left the group; tell the client.
    virtual void OnGap(engine::Slot slot, ChannelIndex channel, std::uint64_t lost) = 0;
    // It speaks JSON, and is owed a publication that is not: close it with 3506.
    virtual void OnInappropriate(engine::Slot slot) = 0;
  };

  FanOut(engine::Ring& ring, ConnectionTable& connections, ChannelTable& channels,
         FilterTable& filters, const KeyedAddresses& addresses, ShardMetrics& metrics,
         Events& events, const FanOutOptions& options);

  // A publication from the home shard, for all views of the channel. Ignored where it is not live
  // here. `replaced`: of a map what its key had before. REQUIRES: a primary.
  void Apply(ChannelIndex index, Channel& channel, PublicationRef publication,
             PublicationRef replaced = {});

  // The same with a slot's newest value for a map that mirrors it (mirror.h): what it is numbered
  // here. REQUIRES: no flush is under way, unless nobody has subscribed to the map.
  void ApplyKey(ChannelIndex index, Channel& channel, const PublicationRef& newest,
                const PublicationRef& replaced);

  // Makes a subscription part of its channel's group; it is owed what comes after `seen`. `based`:
  // the client has the payload of the publication `seen`.
  // REQUIRES: the channel is live, seen <= channel.sequence.
  void Join(engine::Slot slot, std::uint32_t subscription, std::uint64_t seen, bool based);

  // Takes a subscription out of its group (if it is in it) and out of its connection. What it was
  // still owed is counted as skipped.
  void Leave(engine::Slot slot, std::uint32_t subscription);

  // Gives a subscription other terms, before it has joined or after; its position is kept.
  void SetTerms(engine::Slot slot, std::uint32_t subscription, const Terms& terms);
  Terms TermsOf(engine::Slot slot, std::uint32_t subscription) const;

  // The level that holds for the connection from now on.
  void SetLevel(engine::Slot slot, PressureLevel level);

  // Lists the connections whose interval has passed. Once a turn, before the flush.
  void RunPacer(std::uint64_t now_ns);
  // When RunPacer() next has something to do, Pacer::kNever when nobody has an interval.
  std::uint64_t NextDeadline() const { return pacer_.NextDeadline(); }

  // Bytes that the catch-up rings hold, and what one may hold from now on.
  std::size_t catch_up_bytes() const { return catch_up_bytes_; }
  void LimitCatchUp(std::size_t bytes_per_channel) { catch_up_limit_ = bytes_per_channel; }

  // The connection is owed what its outbox holds.
  void OwesReplies(engine::Slot slot);

  // The socket of a blocked connection takes bytes again.
  void OnPollOut(engine::Slot slot);

  // Nothing is sent to the connection until Release(); what its subscriptions are owed meanwhile is
  // sent then, as after a blocked socket.
  void Hold(engine::Slot slot);
  void Release(engine::Slot slot);

  // The kernel did not take a send of the batch whole.
  void OnSend(const engine::Completion& done) { sender_.OnSend(done); }

  // Whether Flush() has anything to do.
  bool idle() const {
    if (!dirty_.empty()) return false;
    for (const Queue& queue : queues_) {
      if (!queue.slots.empty()) return false;
    }
    return true;
  }

  // The channel is about to be removed. REQUIRES: its group is empty.
  void Forget(ChannelIndex index);

  // Sends all that is owed. After every submit it calls settle(long_flush), which must reap every
  // completion, hand those of sends to OnSend(), call Settle(), and may then handle the others;
  // while `long_flush` is true it should also let the kernel deliver new ones, so that nobody
  // waits for the end of a long broadcast.
  template <typename SettleBatch>
  void Flush(std::uint64_t now_ns, SettleBatch&& settle);

  // Settles the batch in flight. Called by `settle` between reaping and handling.
  void Settle();

  // Publications still owed to members of groups, for tests of the ledger; looks at everything.
  std::uint64_t CountOutstanding();

 private:
  // What a refused message takes back.
  struct Taken {
    std::uint32_t subscription;
    std::uint32_t conflated_before;
    std::uint64_t seen_before;
    float last_value_before;
    bool based_before;
  };

  // In the order in which a flush serves them. A connection may stand in several queues; who was
  // served is passed by.
  enum Order : std::uint8_t { kReplies, kPriority, kStreams, kStates, kOrders };
  struct Queue {
    std::vector<engine::Slot> slots;
    std::size_t next = 0;  // Those before it were served.
  };

  // Taking publications in.
  void ApplyToView(ChannelIndex index, std::uint64_t sequence, const PublicationRef& publication);
  // Changes of a map (fan_out_map.cc).
  void ApplyChange(ChannelIndex index, Channel& channel, std::uint64_t sequence,
                   const PublicationRef& publication, const PublicationRef& replaced);
  void ShowChange(ChannelIndex index, const PublicationRef& publication,
                  const PublicationRef& replaced);
  void AdvanceMap(ChannelIndex index, std::uint64_t sequence, const PublicationRef& publication,
                  const PublicationRef& replaced);
  bool Shows(std::uint16_t filter, const Publication& publication);
  bool TakeKeys(Connection& connection, Subscription& subscription, InFlight& message);
  bool CollectKeys(const Channel& channel, Subscription& subscription, InFlight& message);
  void Advance(ChannelIndex index, Channel& channel, std::uint64_t sequence,
               PublicationRef publication);

  // Making the list of what is owed.
  void Mark();
  void MarkKind(engine::ChannelKind kind);
  void MarkChannel(ChannelIndex index, Channel& channel);
  void MakeTurnFrame(Channel& channel);
  void JoinFrames(Channel& channel);
  static const Publication* BaseOf(const Channel& channel, std::uint64_t sequence,
                                   std::uint64_t seen);
  void ListOwed(engine::Slot slot);
  bool AnyLeft(Order from) const;
  // Entries of all queues.
  std::uint64_t Listed() const;
  void EndTurn();

  // Where a subscription stands (fan_out_terms.cc).
  std::uint32_t PaceOf(const Connection& connection, const Subscription& subscription) const;
  static bool HasPace(const Connection& connection, std::uint32_t pace_ms);
  static void SetDue(Connection& connection, std::uint16_t interval_ms);
  static void ClearDue(Connection& connection);
  void KeepBase(Channel& channel, std::uint64_t seen);
  void Place(engine::Slot slot, std::uint32_t subscription);
  void Unplace(engine::Slot slot, std::uint32_t subscription);
  void Replace(engine::Slot slot, std::uint32_t subscription);
  static void CountTerms(Connection& connection, const Subscription& subscription,
                         const Channel& channel, int sign);

  // Making one connection's message (fan_out_pull.cc).
  void Serve(engine::Slot slot);
  void Gather(engine::Slot slot);
  void SendTail(engine::Slot slot);
  template <typename Take>
  bool InOrder(Connection& connection, Take&& take);
  bool PullTurn(engine::Slot slot, InFlight& message);
  bool PullBehind(engine::Slot slot, InFlight& message);
  bool TakeTurn(Connection& connection, const Hot& hot, Subscription& subscription,
                InFlight& message);
  bool TakeBehind(Connection& connection, Subscription& subscription, InFlight& message);
  bool TakePaced(Connection& connection, Subscription& subscription, InFlight& message);
  bool HeldBack(PressureLevel level, Subscription& subscription);
  float ValueOf(ChannelIndex index);
  void Remember(const Connection& connection, const Subscription& subscription);
  bool AddLine(std::string_view line);
  std::uint64_t CollectLines(const Channel& channel, std::uint64_t cut, bool based,
                             InFlight& message);
  bool AddNewestLine(const Subscription& subscription);
  void SetBased(Subscription& subscription, bool based);
  static bool HasAllAfter(const Channel& channel, std::uint64_t seen);
  void DropGaps(engine::Slot slot);
  void Compose(engine::Slot slot, InFlight& message);
  void PrependReplies(Transport transport, protocol::Encoding encoding, std::string_view replies);
  void QueueMessage(engine::Slot slot, const InFlight& message);

  // Settling it (fan_out_settle.cc).
  void SettleTaken(const InFlight& sent);
  void SettlePart(const InFlight& sent);
  void SettleRefused(const InFlight& sent);
  void SettleBroken(const InFlight& sent);
  void CountDelivered(const InFlight& sent);
  void Undo(const InFlight& sent);
  void TakeBack(Connection& connection, const InFlight& message);
  void BecomeBehind(engine::Slot slot);
  void Block(engine::Slot slot);

  // The newest sequence that `subscription` of a connection is not owed any more.
  std::uint64_t CutOf(const Hot& hot, const Subscription& subscription,
                      const Channel& channel) const;

  engine::Ring& ring_;
  ConnectionTable& connections_;
  ChannelTable& channels_;
  FilterTable& filters_;
  ShardMetrics& metrics_;
  Events& events_;
  const FanOutOptions options_;
  Sender sender_;

  std::uint64_t turn_ = 1;  // Publications applied now belong to it; it ends with its flush.
  std::uint64_t now_ns_ = 0;
  std::vector<ChannelIndex> dirty_;  // Changed in this turn.
  std::array<Queue, kOrders> queues_;
  Pacer pacer_;
  PayloadValue values_;
  LineMaker line_maker_;
  std::size_t catch_up_limit_;
  std::size_t catch_up_bytes_ = 0;
  std::deque<std::string> joined_;        // Frames of several publications, for one flush.
  std::vector<std::string_view> lines_;   // Of the message being gathered.
  const Publication* tags_of_ = nullptr;  // Whose tags the filters compare with now.
  bool inappropriate_ = false;            // It should hold what its connection cannot take.
  std::size_t lines_bytes_ = 0;
  std::vector<std::string_view> replies_;
  std::vector<Taken> taken_;  // What the pulls of the batch changed.
};

template <typename SettleBatch>
void FanOut::Flush(std::uint64_t now_ns, SettleBatch&& settle) {
  now_ns_ = now_ns;
  Mark();
  engine::probes::FlushBegin(Listed());
  std::uint64_t sends = 0;
  for (;;) {
    // From the first queue again after every batch: a long broadcast delays nobody's answer by more
    // than one of them.
    for (Queue& queue : queues_) {
      while (!sender_.full() && queue.next < queue.slots.size()) Serve(queue.slots[queue.next++]);
    }
    if (sender_.empty()) {
      // Who turned out to be owed nothing may have been let go on, and now is owed replies.
      if (AnyLeft(kReplies)) continue;
      break;
    }
    const std::size_t batch = sender_.batch().size();
    ring_.Submit();
    engine::probes::SendBatch(batch);
    sends += batch;
    settle(AnyLeft(kPriority));
  }
  engine::probes::FlushEnd(sends, Listed());
  EndTurn();
}

}  // namespace tickcast::shards
