#include "engine/uring_ring.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "engine/listener.h"
#include "engine/uring_probe.h"

namespace tickcast::engine {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

class UringRingTest : public testing::Test {
 protected:
  void SetUp() override {
    const absl::Status probe = ProbeKernel();
    if (!probe.ok()) GTEST_SKIP() << probe;
    const absl::StatusOr<int> listener = OpenListener({.port = 0}, &port_);
    ASSERT_TRUE(listener.ok()) << listener.status();
    auto ring = UringRing::Create({.submission_entries = 64,
                                   .completion_entries = 256,
                                   .slots = 4,
                                   .buffers = 8,
                                   .buffer_bytes = 256},
                                  *listener);
    ASSERT_TRUE(ring.ok()) << ring.status();
    ring_ = std::move(*ring);
  }

  int Connect(int receive_buffer = 0) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) {
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  // The next completion of `operation` within a second; others are dropped.
  std::optional<Completion> Await(Operation operation) {
    const std::uint64_t deadline = ring_->now_ns() + kSecond;
    while (ring_->now_ns() < deadline) {
      ring_->Wait(deadline);
      Completion done;
      while (ring_->Reap({&done, 1}) == 1) {
        if (done.token.operation == operation) return done;
      }
    }
    return std::nullopt;
  }

  Slot Accept() {
    const std::optional<Completion> done = Await(Operation::kAccept);
    EXPECT_TRUE(done.has_value());
    EXPECT_GE(done->result, 0);
    return static_cast<Slot>(done->result);
  }

  std::uint16_t port_ = 0;
  std::unique_ptr<UringRing> ring_;
};

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST_F(UringRingTest, ReceivesIntoLentBuffersAndSendsWithoutACompletion) {
  ring_->ArmAccept();
  const int client = Connect();
  const Slot slot = Accept();
  ring_->ArmReceive(slot, 7);
  ASSERT_EQ(write(client, "hello", 5), 5);
  const std::optional<Completion> done = Await(Operation::kReceive);
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->token, (Token{Operation::kReceive, 7, slot}));
  ASSERT_EQ(done->result, 5);
  EXPECT_TRUE(done->more);
  ASSERT_TRUE(done->has_buffer);
  const std::span<std::byte> bytes = ring_->Received(*done);
  EXPECT_EQ(std::memcmp(bytes.data(), "hello", 5), 0);
  ring_->Recycle(done->buffer_id);

  ring_->Send(slot, 7, Bytes("world"));
  ring_->Submit();
  Completion none;
  EXPECT_EQ(ring_->Reap({&none, 1}), 0U) << "a send that was taken whole has no completion";
  std::array<char, 8> got{};
  EXPECT_EQ(read(client, got.data(), got.size()), 5);
  EXPECT_EQ(std::string_view(got.data(), 5), "world");
  close(client);
}

// The fan-out depends on exactly this: after Submit() every send's fate is known.
TEST_F(UringRingTest, AFullSocketReportsAShortSendThenRefusalsAtOnceAndPollOutWhenItDrains) {
  ring_->ArmAccept();
  const int client = Connect(4096);
  const Slot slot = Accept();
  const std::string chunk(3000, 'x');
  std::size_t taken = 0;
  bool refused = false;
  for (int i = 0; i < 1000 && !refused; ++i) {
    ring_->Send(slot, 1, Bytes(chunk));
    ring_->Submit();
    Completion done;
    if (ring_->Reap({&done, 1}) == 0) {
      taken += chunk.size();
      continue;
    }
    ASSERT_EQ(done.token, (Token{Operation::kSend, 1, slot}));
    if (done.result > 0) {
      EXPECT_LT(static_cast<std::size_t>(done.result), chunk.size());
      taken += static_cast<std::size_t>(done.result);
    } else {
      EXPECT_EQ(done.result, -EAGAIN);
      refused = true;
    }
  }
  ASSERT_TRUE(refused);
  ring_->ArmPollOut(slot, 1);
  ring_->Submit();
  std::vector<char> sink(1 << 20);
  std::size_t read_bytes = 0;
  while (read_bytes < taken) {
    const ssize_t got = read(client, sink.data(), sink.size());
    ASSERT_GT(got, 0);
    read_bytes += static_cast<std::size_t>(got);
  }
  EXPECT_EQ(read_bytes, taken);
  const std::optional<Completion> drained = Await(Operation::kPollOut);
  ASSERT_TRUE(drained.has_value());
  EXPECT_NE(drained->result & POLLOUT, 0);
  close(client);
}

TEST_F(UringRingTest, ClosingSendsTheEndToThePeerThoughAReceiveIsArmed) {
  ring_->ArmAccept();
  const int client = Connect();
  const Slot slot = Accept();
  ring_->ArmReceive(slot, 1);
  ring_->Submit();
  ring_->CancelAndClose(slot);
  const std::optional<Completion> cancelled = Await(Operation::kReceive);
  ASSERT_TRUE(cancelled.has_value());
  EXPECT_EQ(cancelled->result, -ECANCELED);
  EXPECT_FALSE(cancelled->more);
  timeval second{.tv_sec = 1, .tv_usec = 0};
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
  char byte = 0;
  EXPECT_EQ(read(client, &byte, 1), 0) << "the peer sees FIN, not silence";
  close(client);
}

TEST_F(UringRingTest, AFullTableEndsAcceptingAndAClosedSlotIsAcceptedIntoAgain) {
  ring_->ArmAccept();
  std::vector<int> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(Connect());
  for (int i = 0; i < 4; ++i) Accept();
  clients.push_back(Connect());
  const std::optional<Completion> full = Await(Operation::kAccept);
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(full->result, -ENFILE);
  EXPECT_FALSE(full->more);
  ring_->CancelAndClose(2);
  ring_->ArmAccept();
  clients.push_back(Connect());
  EXPECT_EQ(Accept(), 2U);
  for (const int fd : clients) close(fd);
}

TEST_F(UringRingTest, ADryBufferPoolEndsTheReceiveAndRecyclingLetsItGoOn) {
  ring_->ArmAccept();
  const int client = Connect();
  const Slot slot = Accept();
  ring_->ArmReceive(slot, 1);
  const std::string data(256 * 12, 'y');
  ASSERT_EQ(write(client, data.data(), data.size()), static_cast<ssize_t>(data.size()));
  std::vector<std::uint16_t> lent;
  std::size_t received = 0;
  for (;;) {
    const std::optional<Completion> done = Await(Operation::kReceive);
    ASSERT_TRUE(done.has_value());
    if (done->result == -ENOBUFS) break;
    ASSERT_GT(done->result, 0);
    received += static_cast<std::size_t>(done->result);
    lent.push_back(done->buffer_id);
  }
  EXPECT_EQ(lent.size(), 8U);
  for (const std::uint16_t id : lent) ring_->Recycle(id);
  ring_->ArmReceive(slot, 1);
  while (received < data.size()) {
    const std::optional<Completion> done = Await(Operation::kReceive);
    ASSERT_TRUE(done.has_value());
    ASSERT_GT(done->result, 0);
    received += static_cast<std::size_t>(done->result);
    ring_->Recycle(done->buffer_id);
  }
  EXPECT_EQ(received, data.size());
  close(client);
}

// What getsockname(2) says at the client's end; the family is that of the socket.
PeerAddress OwnNameOf(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size), 0);
  return PeerAddress::From(reinterpret_cast<const sockaddr*>(&name));
}

TEST_F(UringRingTest, TellsThePeersOfAcceptedConnections) {
  ring_->ArmAccept();
  const int first = Connect();
  const Slot first_slot = Accept();
  const int second = Connect();
  const Slot second_slot = Accept();
  ring_->AskPeerName(first_slot, 7);
  ring_->AskPeerName(second_slot, 8);
  for (const auto& [slot, generation, fd] :
       {std::tuple(first_slot, 7u, first), std::tuple(second_slot, 8u, second)}) {
    const std::optional<Completion> done = Await(Operation::kPeerName);
    ASSERT_TRUE(done.has_value());
    EXPECT_EQ(done->token, (Token{Operation::kPeerName, generation, slot}));
    if (done->result == -EOPNOTSUPP) GTEST_SKIP() << "SO_PEERNAME by io_uring needs Linux 6.7";
    EXPECT_GT(done->result, 0);
    const PeerAddress peer = ring_->TakePeerName(*done);
    EXPECT_EQ(peer, OwnNameOf(fd)) << peer.Text();
    EXPECT_EQ(peer.family, PeerAddress::Family::kIpv4);
  }
  close(first);
  close(second);
}

TEST_F(UringRingTest, APeersNameIsAskedForAgainOnceItWasTaken) {
  ring_->ArmAccept();
  const int client = Connect();
  const Slot slot = Accept();
  for (int i = 0; i < 2; ++i) {
    ring_->AskPeerName(slot, 1);
    const std::optional<Completion> done = Await(Operation::kPeerName);
    ASSERT_TRUE(done.has_value());
    if (done->result == -EOPNOTSUPP) GTEST_SKIP() << "SO_PEERNAME by io_uring needs Linux 6.7";
    EXPECT_EQ(ring_->TakePeerName(*done), OwnNameOf(client));
  }
  close(client);
}

TEST_F(UringRingTest, AClosedConnectionsNameIsUnknownAndNotItsSuccessors) {
  ring_->ArmAccept();
  const int former = Connect();
  const Slot slot = Accept();
  ring_->CancelAndClose(slot);
  ring_->AskPeerName(slot, 1);
  const std::optional<Completion> none = Await(Operation::kPeerName);
  ASSERT_TRUE(none.has_value());
  EXPECT_EQ(none->result, -EBADF);
  EXPECT_EQ(ring_->TakePeerName(*none), PeerAddress{});

  const int next = Connect();
  ASSERT_EQ(Accept(), slot);
  // The completion is there and not reaped when the connection ends and the slot has another.
  ring_->AskPeerName(slot, 2);
  ring_->CancelAndClose(slot);
  ring_->Submit();
  const PeerAddress name = OwnNameOf(next);
  const int last = Connect();
  std::optional<Completion> late;
  std::optional<Completion> accepted;
  const std::uint64_t deadline = ring_->now_ns() + kSecond;
  while (!accepted.has_value() && ring_->now_ns() < deadline) {
    ring_->Wait(deadline);
    Completion done;
    while (ring_->Reap({&done, 1}) == 1) {
      if (done.token.operation == Operation::kPeerName) late = done;
      if (done.token.operation == Operation::kAccept) accepted = done;
    }
  }
  ASSERT_TRUE(accepted.has_value());
  EXPECT_EQ(accepted->result, static_cast<std::int32_t>(slot));
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->token, (Token{Operation::kPeerName, 2, slot}));
  if (late->result == -EOPNOTSUPP) GTEST_SKIP() << "SO_PEERNAME by io_uring needs Linux 6.7";
  EXPECT_EQ(ring_->TakePeerName(*late), name);
  for (const int fd : {former, next, last}) close(fd);
}

// The kernel refuses to write an address of another size than the socket's family has.
TEST(UringRingPeerNameTest, AListenerOnIpv6TellsClientsOfBothFamilies) {
  if (const absl::Status probe = ProbeKernel(); !probe.ok()) GTEST_SKIP() << probe;
  std::uint16_t port = 0;
  const absl::StatusOr<int> listener = OpenListener({.address = "::", .port = 0}, &port);
  if (!listener.ok()) GTEST_SKIP() << "no IPv6 here: " << listener.status();
  auto ring = UringRing::Create({.submission_entries = 8,
                                 .completion_entries = 16,
                                 .slots = 4,
                                 .buffers = 8,
                                 .buffer_bytes = 64},
                                *listener);
  ASSERT_TRUE(ring.ok()) << ring.status();
  const auto await = [&ring](Operation operation) {
    Completion done;
    const std::uint64_t deadline = (*ring)->now_ns() + kSecond;
    while ((*ring)->now_ns() < deadline) {
      (*ring)->Wait(deadline);
      while ((*ring)->Reap({&done, 1}) == 1) {
        if (done.token.operation == operation) return done;
      }
    }
    ADD_FAILURE() << "no completion";
    return Completion{.result = -ETIME};
  };
  (*ring)->ArmAccept();
  for (const int family : {AF_INET, AF_INET6}) {
    const int client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_GE(client, 0);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_addr = in6addr_loopback;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int connected = family == AF_INET
                              ? connect(client, reinterpret_cast<sockaddr*>(&v4), sizeof(v4))
                              : connect(client, reinterpret_cast<sockaddr*>(&v6), sizeof(v6));
    ASSERT_EQ(connected, 0) << strerror(errno);
    const Completion accepted = await(Operation::kAccept);
    ASSERT_GE(accepted.result, 0);
    (*ring)->AskPeerName(static_cast<Slot>(accepted.result), 1);
    const Completion done = await(Operation::kPeerName);
    if (done.result == -EOPNOTSUPP) GTEST_SKIP() << "SO_PEERNAME by io_uring needs Linux 6.7";
    const PeerAddress peer = (*ring)->TakePeerName(done);
    EXPECT_EQ(peer, OwnNameOf(client)) << peer.Text();
    EXPECT_NE(peer.port, 0);
    close(client);
  }
}

TEST_F(UringRingTest, MoreSubmissionsThanTheQueueHoldsAreAllTaken) {
  ring_->ArmAccept();
  const int client = Connect();
  const Slot slot = Accept();
  for (int i = 0; i < 1000; ++i) ring_->ArmPollOut(slot, 3);
  ring_->Submit();
  int fired = 0;
  while (fired < 1000) {
    const std::optional<Completion> done = Await(Operation::kPollOut);
    ASSERT_TRUE(done.has_value()) << fired << " of 1000";
    ++fired;
  }
  close(client);
}

TEST_F(UringRingTest, AnotherRingWakesASleepingOne) {
  auto other = UringRing::Create({.submission_entries = 8,
                                  .completion_entries = 16,
                                  .slots = 1,
                                  .buffers = 8,
                                  .buffer_bytes = 64},
                                 -1);
  ASSERT_TRUE(other.ok()) << other.status();
  (*other)->Wake(ring_->handle());
  (*other)->Submit();
  const std::optional<Completion> woken = Await(Operation::kWake);
  EXPECT_TRUE(woken.has_value());
}

TEST_F(UringRingTest, WaitEndsAtItsDeadline) {
  const std::uint64_t deadline = ring_->now_ns() + 5'000'000;
  ring_->Wait(deadline);
  EXPECT_GE(ring_->now_ns(), deadline);
}

TEST_F(UringRingTest, StoppedAcceptingRefusesNewConnections) {
  ring_->ArmAccept();
  ring_->Submit();
  ring_->StopAccept();
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // The cancel is run by the ring's own task work, so the ring still refers to the socket; but it
  // listens no more, and the next server finds its port free.
  EXPECT_NE(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  close(fd);
  EXPECT_TRUE(CheckPortFree({.port = port_}).ok());
}

TEST(ListenerTest, APortThatSomebodyElseListensOnIsRefusedByName) {
  std::uint16_t port = 0;
  const absl::StatusOr<int> first = OpenListener({.port = 0}, &port);
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status status = CheckPortFree({.port = port});
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("EADDRINUSE"));
  const absl::StatusOr<int> sibling = OpenListener({.port = port}, nullptr);
  EXPECT_TRUE(sibling.ok()) << "a sibling shard shares the port: " << sibling.status();
  close(*first);
  close(*sibling);
  EXPECT_TRUE(CheckPortFree({.port = port}).ok());
}

TEST(ListenerTest, AnAddressThatIsNoneIsNamed) {
  const absl::StatusOr<int> fd = OpenListener({.address = "localhost"}, nullptr);
  EXPECT_EQ(fd.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tickcast::engine
