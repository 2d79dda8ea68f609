#include "engine/uring_connector.h"

#include <dirent.h>
#include <errno.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/listener.h"
#include "engine/uring_probe.h"
#include "engine/uring_ring.h"

namespace tickcast::engine {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint32_t kLoopback = 0x7f00'0001;

std::size_t OpenDescriptors() {
  DIR* folder = opendir("/proc/self/fd");
  std::size_t count = 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class UringConnectorTest : public testing::Test {
 protected:
  void SetUp() override {
    const absl::Status probe = ProbeKernel();
    if (!probe.ok()) GTEST_SKIP() << probe;
    const absl::StatusOr<int> listener = OpenListener({.port = 0}, &port_);
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *listener;
    auto ring = UringRing::Create(
        {.submission_entries = 64, .completion_entries = 256, .slots = 4, .buffers = 8}, -1);
    ASSERT_TRUE(ring.ok()) << ring.status();
    ring_ = *std::move(ring);
    connector_.emplace(*ring_);
  }

  void TearDown() override {
    if (listener_ >= 0) close(listener_);
  }

  ConnectOptions ToListener(std::uint32_t source = 0) const {
    return {.source = {.address = source}, .destination = {.address = kLoopback, .port = port_}};
  }

  // The server's end of the next connection, and where it comes from.
  int Accept(std::uint32_t* source = nullptr) {
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    const int fd = accept(listener_, reinterpret_cast<sockaddr*>(&peer), &size);
    if (source != nullptr) *source = ntohl(peer.sin_addr.s_addr);
    return fd;
  }

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

  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::unique_ptr<UringRing> ring_;
  std::optional<UringConnector> connector_;
};

TEST_F(UringConnectorTest, BytesGoBothWaysAndNoDescriptorStaysOpen) {
  const std::size_t before = OpenDescriptors();
  ASSERT_EQ(connector_->Connect(2, ToListener()), 0);
  EXPECT_EQ(OpenDescriptors(), before);
  const int server = Accept();
  ASSERT_GE(server, 0);

  ring_->ArmReceive(2, 7);
  ring_->Send(2, 7, Bytes("question"));
  ring_->Submit();
  std::array<char, 16> question{};
  ASSERT_EQ(recv(server, question.data(), question.size(), 0), 8);
  EXPECT_EQ(std::string_view(question.data()), "question");

  ASSERT_EQ(send(server, "answer", 6, 0), 6);
  const std::optional<Completion> done = Await(Operation::kReceive);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->token, (Token{Operation::kReceive, 7, 2}));
  ASSERT_EQ(done->result, 6);
  EXPECT_EQ(std::string(reinterpret_cast<char*>(ring_->Received(*done).data()), 6), "answer");
  ring_->Recycle(done->buffer_id);
  close(server);
}

TEST_F(UringConnectorTest, TheSourceAddressIsTheOneAskedFor) {
  ASSERT_EQ(connector_->Connect(0, ToListener(kLoopback + 5)), 0);
  std::uint32_t source = 0;
  const int server = Accept(&source);
  ASSERT_GE(server, 0);
  EXPECT_EQ(source, kLoopback + 5);
  close(server);
}

TEST_F(UringConnectorTest, ADeadPortEndsTheReceiveWithItsReason) {
  close(listener_);
  listener_ = -1;
  const int begun = connector_->Connect(1, ToListener());
  if (begun == 0) {
    ring_->ArmReceive(1, 1);
    const std::optional<Completion> done = Await(Operation::kReceive);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->result, -ECONNREFUSED);
    EXPECT_FALSE(done->more);
  } else {
    EXPECT_EQ(begun, -ECONNREFUSED);
  }
}

TEST_F(UringConnectorTest, ASlotThatWasClosedIsConnectedAgain) {
  for (std::uint32_t generation = 1; generation <= 3; ++generation) {
    SCOPED_TRACE(generation);
    ASSERT_EQ(connector_->Connect(3, ToListener()), 0);
    const int server = Accept();
    ASSERT_GE(server, 0);
    ring_->ArmReceive(3, generation);
    ring_->CancelAndClose(3);
    const std::optional<Completion> cancelled = Await(Operation::kReceive);
    ASSERT_TRUE(cancelled);
    EXPECT_EQ(cancelled->result, -ECANCELED);
    // The peer sees the end, so nothing holds the socket any more.
    pollfd end{.fd = server, .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&end, 1, 1000), 1);
    char byte = 0;
    EXPECT_EQ(recv(server, &byte, 1, MSG_DONTWAIT), 0);
    close(server);
  }
}

TEST_F(UringConnectorTest, ASlotBeyondTheTableIsRefused) {
  EXPECT_LT(connector_->Connect(ring_->slot_count(), ToListener()), 0);
  EXPECT_EQ(connector_->Connect(ring_->slot_count() - 1, ToListener()), 0);
}

TEST_F(UringConnectorTest, ASourceAddressThatIsNotOursIsNamed) {
  // TEST-NET-1 (RFC 5737) is nobody's.
  EXPECT_EQ(connector_->Connect(0, ToListener(0xc000'0201)), -EADDRNOTAVAIL);
}

}  // namespace
}  // namespace tickcast::engine
