// FanOut: brings publications from channels to sockets.
//
// Applying a publication only marks its channel. The flush at the end of a turn hands every marked
// channel's frame to its group, one send per connection straight from the shared frame (push). A
// connection that is owed more than one frame, or replies, or that was behind, is pulled instead:
// brought up to date from its channels in one message. Nothing is queued per connection: a blocked
// one only remembers, per subscription, which publication it has seen last.
//
// Accounting, exact at every moment: owed = delivered + conflated + skipped + still outstanding.
// Threading: owned by one shard. Design: docs/architecture.md.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ring.h"
#include "shards/channel.h"
#include "shards/connection.h"
#include "shards/sender.h"
#include "shards/shard_metrics.h"

namespace tickcast::shards {

struct FanOutOptions {
  std::uint32_t batch = 64;                // Sends per submit.
  std::size_t catch_up_bytes = 64 * 1024;  // Per stream channel.
  std::size_t message_bytes = 16 * 1024;   // A gathered message stops here.
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
  };

  FanOut(engine::Ring& ring, ConnectionTable& connections, ChannelTable& channels,
         ShardMetrics& metrics, Events& events, const FanOutOptions& options);

  // A publication from the home shard. Ignored where the channel is not live here.
  void Apply(ChannelIndex index, Channel& channel, PublicationRef publication);

  // Makes a subscription part of its channel's group; it is owed what comes after `seen`.
  // REQUIRES: the channel is live, seen <= channel.sequence.
  void Join(engine::Slot slot, std::uint32_t subscription, std::uint64_t seen);

  // Takes a subscription out of its group (if it is in it) and out of its connection. What it was
  // still owed is counted as skipped.
  void Leave(engine::Slot slot, std::uint32_t subscription);

  // The connection is owed what its outbox holds.
  void OwesReplies(engine::Slot slot);

  // The socket of a blocked connection takes bytes again.
  void OnPollOut(engine::Slot slot);

  // The kernel did not take a send of the batch whole.
  void OnSend(const engine::Completion& done) { sender_.OnSend(done); }

  // Whether Flush() has anything to do.
  bool idle() const { return dirty_.empty() && owed_.empty() && replying_.empty(); }

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
  struct Taken {
    std::uint32_t subscription;
    std::uint64_t seen_before;
  };

  // Making the list of what is owed.
  void Mark();
  void MarkChannel(ChannelIndex index, Channel& channel);
  void MakeTurnFrame(Channel& channel);
  void JoinFrames(Channel& channel);
  void ListOwed(engine::Slot slot);
  void EndTurn();

  // Making one connection's message.
  void Serve(engine::Slot slot);
  void Gather(engine::Slot slot);
  void SendTail(engine::Slot slot);
  bool PullTurn(engine::Slot slot, InFlight& message);
  bool PullBehind(engine::Slot slot, InFlight& message);
  std::uint64_t CollectLines(const Channel& channel, std::uint64_t cut, InFlight& message);
  void DropGaps(engine::Slot slot);
  void Compose(engine::Slot slot, InFlight& message);
  void QueueMessage(engine::Slot slot, const InFlight& message);

  // Settling it (fan_out_settle.cc).
  void SettleTaken(const InFlight& sent);
  void SettlePart(const InFlight& sent);
  void SettleRefused(const InFlight& sent);
  void SettleBroken(const InFlight& sent);
  void CountDelivered(const InFlight& sent);
  void Undo(const InFlight& sent);
  void BecomeBehind(engine::Slot slot);
  void Block(engine::Slot slot);

  // The newest sequence that `subscription` of a connection is not owed any more.
  std::uint64_t CutOf(const Hot& hot, const Subscription& subscription,
                      const Channel& channel) const;

  engine::Ring& ring_;
  ConnectionTable& connections_;
  ChannelTable& channels_;
  ShardMetrics& metrics_;
  Events& events_;
  const FanOutOptions options_;
  Sender sender_;

  std::uint64_t turn_ = 1;  // Publications applied now belong to it; it ends with its flush.
  std::uint64_t now_ns_ = 0;
  std::vector<ChannelIndex> dirty_;     // Changed in this turn.
  std::vector<engine::Slot> owed_;      // Owed publications; may hold slots already served.
  std::vector<engine::Slot> replying_;  // Owed what lies in their outbox.
  std::size_t next_owed_ = 0;
  std::size_t next_replying_ = 0;
  std::deque<std::string> joined_;       // Frames of several publications, for one flush.
  std::vector<std::string_view> lines_;  // Of the message being gathered.
  std::size_t lines_bytes_ = 0;
  std::vector<Taken> taken_;  // What the pulls of the batch changed.
};

template <typename SettleBatch>
void FanOut::Flush(std::uint64_t now_ns, SettleBatch&& settle) {
  now_ns_ = now_ns;
  Mark();
  for (;;) {
    // Replies first: a long broadcast delays nobody's answer by more than one batch.
    while (!sender_.full() && next_replying_ < replying_.size()) Serve(replying_[next_replying_++]);
    while (!sender_.full() && next_owed_ < owed_.size()) Serve(owed_[next_owed_++]);
    if (sender_.empty()) {
      // Who turned out to be owed nothing may have been let go on, and now is owed replies.
      if (next_replying_ < replying_.size()) continue;
      break;
    }
    ring_.Submit();
    settle(next_owed_ < owed_.size());
  }
  EndTurn();
}

}  // namespace tickcast::shards
