#include "engine/sim_ring.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/sim_world.h"

namespace tickcast::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kSecond = 1'000'000'000;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// One ring and what is asked of it step by step.
class SimRingTest : public testing::Test {
 protected:
  void Build(const SimFaults& faults = {}, const SimRingOptions& options = {},
             std::uint64_t seed = 1) {
    world_ = std::make_unique<SimWorld>(seed, faults);
    ring_ = &world_->AddRing(options);
  }

  // Whatever there is to reap now, without a turn of the kernel.
  std::vector<Completion> Reap() {
    std::vector<Completion> all;
    Completion done;
    while (ring_->Reap({&done, 1}) == 1) all.push_back(done);
    return all;
  }
  // Lets a second pass in steps and reaps what came.
  std::vector<Completion> Settle() {
    std::vector<Completion> all;
    for (int i = 0; i < 1000; ++i) {
      world_->AdvanceTo(world_->now_ns() + kSecond / 1000);
      ring_->Wait(0);
      for (const Completion& done : Reap()) all.push_back(done);
    }
    return all;
  }
  // The bytes of receive completions, whose buffers go back.
  std::string TakeText(const std::vector<Completion>& completions) {
    std::string text;
    for (const Completion& done : completions) {
      if (!done.has_buffer) continue;
      if (done.result > 0) text += Text(ring_->Received(done));
      ring_->Recycle(done.buffer_id);
    }
    return text;
  }
  SimPeer& Accepted() {
    SimPeer& peer = world_->Connect(*ring_);
    Settle();
    EXPECT_TRUE(peer.accepted());
    return peer;
  }

  std::unique_ptr<SimWorld> world_;
  SimRing* ring_ = nullptr;
};

TEST_F(SimRingTest, BytesGoBothWaysInOrder) {
  Build();
  ring_->ArmAccept();
  SimPeer& peer = world_->Connect(*ring_);
  peer.Send("hello ");  // Before it is accepted.
  const std::vector<Completion> accepted = Settle();
  ASSERT_EQ(accepted.size(), 1u);
  EXPECT_EQ(accepted[0].token, Token{.operation = Operation::kAccept});
  EXPECT_EQ(accepted[0].result, 0);
  EXPECT_TRUE(accepted[0].more);

  ring_->ArmReceive(0, 5);
  peer.Send("world");
  const std::vector<Completion> received = Settle();
  ASSERT_FALSE(received.empty());
  EXPECT_EQ(received[0].token, (Token{Operation::kReceive, 5, 0}));
  EXPECT_TRUE(received.back().more);
  EXPECT_EQ(TakeText(received), "hello world");
  EXPECT_EQ(ring_->lent_buffers(), 0u);

  ring_->Send(0, 5, Bytes("one "));
  ring_->Submit();
  ring_->Send(0, 5, Bytes("two"));
  EXPECT_THAT(Settle(), IsEmpty()) << "a send that took everything reports nothing";
  EXPECT_EQ(Text(peer.TakeReceived()), "one two");
  EXPECT_THAT(peer.TakeReceived(), IsEmpty());
  EXPECT_EQ(peer.received_bytes(), 7u);
}

TEST_F(SimRingTest, NothingArrivesWithoutATurnOfTheKernel) {
  Build();
  ring_->ArmAccept();
  ring_->Submit();
  world_->Connect(*ring_);
  world_->AdvanceTo(world_->now_ns() + kSecond);
  EXPECT_TRUE(ring_->has_work());
  EXPECT_EQ(world_->NextEventNs(), world_->now_ns());
  EXPECT_THAT(Reap(), IsEmpty());
  ring_->Wait(0);
  EXPECT_EQ(Reap().size(), 1u);
}

TEST_F(SimRingTest, AcceptTakesTheLowestFreeSlotAndEndsWithoutOne) {
  Build({}, {.slots = 2});
  ring_->ArmAccept();
  SimPeer& first = Accepted();
  Accepted();
  SimPeer& third = world_->Connect(*ring_);
  const std::vector<Completion> full = Settle();
  ASSERT_EQ(full.size(), 1u);
  EXPECT_EQ(full[0].result, -ENFILE);
  EXPECT_FALSE(full[0].more);
  EXPECT_FALSE(third.accepted());
  EXPECT_TRUE(third.was_reset());

  ring_->CancelAndClose(0);
  Settle();
  EXPECT_TRUE(first.closed());
  SimPeer& fourth = world_->Connect(*ring_);
  EXPECT_THAT(Settle(), IsEmpty()) << "the accept has ended";
  ring_->ArmAccept();
  const std::vector<Completion> again = Settle();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].result, 0);
  EXPECT_TRUE(fourth.accepted());
}

TEST_F(SimRingTest, StopAcceptRefusesWhoIsNotAcceptedYet) {
  Build();
  ring_->ArmAccept();
  ring_->Submit();
  SimPeer& waiting = world_->Connect(*ring_);
  world_->AdvanceTo(world_->now_ns() + kSecond);
  ring_->StopAccept();
  SimPeer& late = world_->Connect(*ring_);
  const std::vector<Completion> ended = Settle();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].result, -ECANCELED);
  EXPECT_FALSE(ended[0].more);
  EXPECT_TRUE(waiting.was_reset());
  EXPECT_TRUE(late.was_reset());
}

TEST_F(SimRingTest, AFullSocketTakesPartThenNothingUntilItsPeerReads) {
  Build({.min_socket_buffer_bytes = 10, .max_socket_buffer_bytes = 10});
  ring_->ArmAccept();
  SimPeer& peer = Accepted();
  peer.SetReading(false);
  ring_->Send(0, 1, Bytes("0123456"));
  ring_->Submit();
  EXPECT_THAT(Reap(), IsEmpty());
  ring_->Send(0, 1, Bytes("789abc"));
  ring_->Submit();
  const std::vector<Completion> part = Reap();
  ASSERT_EQ(part.size(), 1u) << "there as soon as the submit has returned";
  EXPECT_EQ(part[0].token, (Token{Operation::kSend, 1, 0}));
  EXPECT_EQ(part[0].result, 3);
  ring_->Send(0, 1, Bytes("x"));
  ring_->Submit();
  const std::vector<Completion> none = Reap();
  ASSERT_EQ(none.size(), 1u);
  EXPECT_EQ(none[0].result, -EAGAIN);

  ring_->ArmPollOut(0, 1);
  EXPECT_THAT(Settle(), IsEmpty());
  peer.SetReadLimit(4);
  peer.SetReading(true);
  const std::vector<Completion> writable = Settle();
  ASSERT_EQ(writable.size(), 1u);
  EXPECT_EQ(writable[0].token, (Token{Operation::kPollOut, 1, 0}));
  EXPECT_GT(writable[0].result, 0);
  EXPECT_EQ(Text(peer.TakeReceived()), "0123456789");
}

TEST_F(SimRingTest, AResetIsToldOnceThenThePipeIsBroken) {
  Build();
  ring_->ArmAccept();
  SimPeer& peer = Accepted();
  peer.Reset();
  Settle();
  ring_->Send(0, 1, Bytes("a"));
  ring_->Submit();
  ring_->Send(0, 1, Bytes("b"));
  ring_->Submit();
  const std::vector<Completion> sent = Reap();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].result, -ECONNRESET);
  EXPECT_EQ(sent[1].result, -EPIPE);
}

TEST_F(SimRingTest, WhatCameBeforeAResetIsReceivedFirst) {
  Build();
  ring_->ArmAccept();
  SimPeer& peer = Accepted();
  ring_->ArmReceive(0, 1);
  ring_->ArmPollOut(0, 1);
  Settle();
  peer.Send("last words");
  peer.Reset();
  std::vector<Completion> done = Settle();
  ASSERT_EQ(done.size(), 2u);
  EXPECT_EQ(done[1].result, -ECONNRESET);
  EXPECT_FALSE(done[1].more);
  EXPECT_FALSE(done[1].has_buffer);
  EXPECT_EQ(TakeText(done), "last words");
}

TEST_F(SimRingTest, AHalfClosedPeerEndsTheReceiveAndStillReads) {
  Build();
  ring_->ArmAccept();
  SimPeer& peer = Accepted();
  ring_->ArmReceive(0, 1);
  peer.CloseWrite();
  const std::vector<Completion> ended = Settle();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].result, 0);
  EXPECT_FALSE(ended[0].more);
  ring_->Send(0, 1, Bytes("bye"));
  ring_->CancelAndClose(0);
  Settle();
  EXPECT_EQ(Text(peer.TakeReceived()), "bye");
  EXPECT_TRUE(peer.closed());
  EXPECT_FALSE(peer.was_reset());
}

TEST_F(SimRingTest, SendingToAPeerThatClosedIsAnsweredWithAReset) {
  Build();
  ring_->ArmAccept();
  SimPeer& peer = Accepted();
  peer.Close();
  Settle();
  ring_->Send(0, 1, Bytes("taken by the kernel"));
  EXPECT_THAT(Settle(), IsEmpty());
  ring_->Send(0, 1, Bytes("too late"));
  const std::vector<Completion> failed = Settle();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].result, -ECONNRESET);
  EXPECT_EQ(peer.received_bytes(), 0u);
}

// The design waits for the peer's end before it closes for this reason.
TEST_F(SimRingTest, ClosingWithInputUnreadResetsAndLosesTheLastWords) {
  Build();
  ring_->ArmAccept();
  SimPeer& peer = Accepted();
  peer.Send("never read");
  Settle();
  ring_->Send(0, 1, Bytes("close frame"));
  ring_->CancelAndClose(0);
  Settle();
  EXPECT_TRUE(peer.was_reset());
  EXPECT_EQ(peer.received_bytes(), 0u);
}

TEST_F(SimRingTest, AnEmptyPoolEndsTheReceiveAndRefusesTheNext) {
  Build({}, {.buffers = 1, .buffer_bytes = 4});
  ring_->ArmAccept();
  SimPeer& peer = Accepted();
  ring_->ArmReceive(0, 1);
  peer.Send("abcdefgh");
  std::vector<Completion> done = Settle();
  ASSERT_EQ(done.size(), 2u);
  EXPECT_EQ(Text(ring_->Received(done[0])), "abcd");
  EXPECT_TRUE(done[0].more);
  EXPECT_EQ(done[1].result, -ENOBUFS);
  EXPECT_FALSE(done[1].more);
  EXPECT_EQ(ring_->lent_buffers(), 1u);

  ring_->ArmReceive(0, 1);
  ring_->Submit();
  const std::vector<Completion> refused = Reap();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].result, -ENOBUFS);

  ring_->Recycle(done[0].buffer_id);
  ring_->ArmReceive(0, 1);
  ring_->Submit();
  EXPECT_EQ(TakeText(Reap()), "efgh");
}

TEST_F(SimRingTest, ACancelledReceiveLosesNothing) {
  bool before_seen = false;
  bool after_seen = false;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Build({}, {}, seed);
    ring_->ArmAccept();
    SimPeer& peer = Accepted();
    ring_->ArmReceive(0, 1);
    ring_->Submit();
    peer.Send("bytes");
    world_->AdvanceTo(world_->now_ns() + kSecond);
    ring_->CancelReceive(0, 1);
    const std::vector<Completion> cancelled = Settle();
    ASSERT_FALSE(cancelled.empty());
    EXPECT_EQ(cancelled.back().result, -ECANCELED);
    EXPECT_FALSE(cancelled.back().more);
    const std::string before = TakeText(cancelled);
    ring_->ArmReceive(0, 1);
    const std::string after = TakeText(Settle());
    EXPECT_EQ(before + after, "bytes");
    before_seen |= !before.empty();
    after_seen |= !after.empty();
  }
  EXPECT_TRUE(before_seen && after_seen) << "both outcomes of the race occur";
}

TEST_F(SimRingTest, EachPeerHasAnAddressOfItsOwnThatIsToldOnce) {
  Build();
  ring_->ArmAccept();
  const SimPeer& first = Accepted();
  const SimPeer& second = Accepted();
  EXPECT_EQ(first.address().Text(), "10.0.0.0:40000");
  EXPECT_EQ(second.address().Text(), "10.0.0.1:40001");
  ring_->AskPeerName(1, 6);
  ring_->AskPeerName(0, 5);
  EXPECT_THAT(Reap(), IsEmpty());
  const std::vector<Completion> done = Settle();
  ASSERT_EQ(done.size(), 2u);
  EXPECT_EQ(done[0].token, (Token{Operation::kPeerName, 6, 1}));
  EXPECT_GT(done[0].result, 0);
  EXPECT_FALSE(done[0].more);
  EXPECT_FALSE(done[0].has_buffer);
  EXPECT_EQ(done[1].token, (Token{Operation::kPeerName, 5, 0}));
  EXPECT_EQ(ring_->untaken_peer_names(), 2u);
  EXPECT_EQ(ring_->TakePeerName(done[0]), second.address());
  EXPECT_EQ(ring_->TakePeerName(done[1]), first.address());
  EXPECT_EQ(ring_->untaken_peer_names(), 0u);
}

TEST_F(SimRingTest, AKernelThatDoesNotTellPeersSaysSo) {
  Build({.unknown_peer = 1});
  ring_->ArmAccept();
  Accepted();
  ring_->AskPeerName(0, 1);
  const std::vector<Completion> done = Settle();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].result, -EOPNOTSUPP);
  EXPECT_EQ(ring_->TakePeerName(done[0]), PeerAddress{});
}

TEST_F(SimRingTest, APeersAddressCanComeWhenTheSlotHasItsNextTenant) {
  Build({}, {.slots = 1});
  ring_->ArmAccept();
  const SimPeer& former = Accepted();
  ring_->AskPeerName(0, 1);
  ring_->CancelAndClose(0);
  ring_->Submit();
  const SimPeer& next = world_->Connect(*ring_);
  const std::vector<Completion> done = Settle();
  EXPECT_TRUE(next.accepted());
  const auto late = std::find_if(done.begin(), done.end(), [](const Completion& one) {
    return one.token.operation == Operation::kPeerName;
  });
  ASSERT_NE(late, done.end());
  EXPECT_EQ(late->token, (Token{Operation::kPeerName, 1, 0}));
  EXPECT_EQ(ring_->TakePeerName(*late), former.address());
  EXPECT_NE(former.address(), next.address());
}

TEST_F(SimRingTest, ALateCompletionCanMeetTheSlotsNextTenant) {
  bool late_seen = false;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Build({.reorder = 0.5}, {.slots = 1}, seed);
    ring_->ArmAccept();
    SimPeer& former = Accepted();
    ring_->ArmReceive(0, 1);
    ring_->Submit();
    world_->Connect(*ring_);
    world_->AdvanceTo(world_->now_ns() + kSecond);
    ring_->CancelAndClose(0);
    const std::vector<Completion> done = Settle();
    ASSERT_EQ(done.size(), 2u) << "accepted into slot 0, and the end of the former receive";
    EXPECT_TRUE(former.closed());
    EXPECT_FALSE(former.was_reset());
    const Completion& last = done[1];
    if (last.token == Token{Operation::kReceive, 1, 0}) late_seen = true;
    ring_->ArmReceive(0, 2);
    Settle();
  }
  EXPECT_TRUE(late_seen);
}

TEST_F(SimRingTest, WakeReachesTheOtherRingLater) {
  Build();
  SimRing& other = world_->AddRing();
  other.Wait(SimWorld::kNever);
  ring_->Wake(other.handle());
  ring_->Wait(SimWorld::kNever);
  EXPECT_FALSE(other.has_work());
  ASSERT_NE(world_->NextEventNs(), SimWorld::kNever);
  world_->AdvanceTo(world_->NextEventNs());
  EXPECT_TRUE(other.has_work());
  other.Wait(SimWorld::kNever);
  EXPECT_EQ(other.parked_until_ns(), 0u) << "with a completion at hand it does not sleep";
  Completion done;
  ASSERT_EQ(other.Reap({&done, 1}), 1u);
  EXPECT_EQ(done.token.operation, Operation::kWake);
}

TEST_F(SimRingTest, TheWorldKnowsUntilWhenARingSleeps) {
  Build();
  const std::uint64_t deadline_ns = world_->now_ns() + 5 * kSecond;
  ring_->Wait(deadline_ns);
  EXPECT_EQ(ring_->parked_until_ns(), deadline_ns);
  EXPECT_EQ(world_->NextEventNs(), deadline_ns);
  world_->AdvanceTo(deadline_ns);
  EXPECT_EQ(ring_->now_ns(), deadline_ns);
  ring_->Wait(SimWorld::kNever);
  EXPECT_EQ(world_->NextEventNs(), SimWorld::kNever);
}

TEST_F(SimRingTest, AFullSubmissionQueueIsSubmittedByItself) {
  Build({}, {.slots = 8, .submission_entries = 2});
  ring_->ArmAccept();
  std::vector<SimPeer*> peers;
  for (Slot slot = 0; slot < 5; ++slot) peers.push_back(&Accepted());
  for (Slot slot = 0; slot < 5; ++slot) ring_->Send(slot, 1, Bytes("x"));
  world_->AdvanceTo(world_->now_ns() + kSecond);
  const auto got = std::count_if(peers.begin(), peers.end(),
                                 [](SimPeer* peer) { return peer->received_bytes() == 1; });
  EXPECT_EQ(got, 4) << "the fifth waits in the queue";
}

using SimRingDeathTest = SimRingTest;

TEST_F(SimRingDeathTest, BreakingTheContractEndsInAnInvariant) {
  Build();
  ring_->ArmAccept();
  Accepted();
  std::string frame = "frame";
  const auto send_twice = [&] {
    ring_->Send(0, 1, Bytes(frame));
    ring_->Send(0, 1, Bytes(frame));
  };
  EXPECT_DEATH(send_twice(), "a second send in one submit");
  const auto change_before_submit = [&] {
    ring_->Send(0, 1, Bytes(frame));
    frame[0] = 'X';
    ring_->Submit();
  };
  EXPECT_DEATH(change_before_submit(), "stay as they are until its submit");
  const auto reuse_generation = [&] {
    ring_->Send(0, 1, Bytes(frame));
    ring_->CancelAndClose(0);
    Accepted();
    ring_->Send(0, 1, Bytes(frame));
  };
  EXPECT_DEATH(reuse_generation(), "a generation of its own");
  const auto close_twice = [&] {
    ring_->CancelAndClose(0);
    ring_->CancelAndClose(0);
    ring_->Submit();
  };
  EXPECT_DEATH(close_twice(), "a vacant slot is closed");
  EXPECT_DEATH(ring_->Recycle(0), "a buffer is recycled once");
  const auto arm_twice = [&] {
    ring_->ArmReceive(0, 1);
    ring_->ArmReceive(0, 1);
    ring_->Submit();
  };
  EXPECT_DEATH(arm_twice(), "one receive is armed per slot");
  const auto ask_twice = [&] {
    ring_->AskPeerName(0, 1);
    ring_->AskPeerName(0, 1);
  };
  EXPECT_DEATH(ask_twice(), "asked for its peer once at a time");
  const auto take_twice = [&] {
    ring_->AskPeerName(0, 1);
    const std::vector<Completion> done = Settle();
    ring_->TakePeerName(done.at(0));
    ring_->TakePeerName(done.at(0));
  };
  EXPECT_DEATH(take_twice(), "a peer's name is taken once");
}

}  // namespace
}  // namespace tickcast::engine
