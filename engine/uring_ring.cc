#include "engine/uring_ring.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/invariant.h"
#include "engine/uring_abi.h"
#include "engine/uring_probe.h"

namespace tickcast::engine {
namespace {

constexpr std::uint16_t kBufferGroup = 0;
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

std::byte* MapPages(std::size_t bytes) {
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : static_cast<std::byte*>(pages);
}

Completion FromKernel(const io_uring_cqe& cqe) {
  return {.token = Token::Unpack(cqe.user_data),
          .result = cqe.res,
          .more = (cqe.flags & IORING_CQE_F_MORE) != 0,
          .has_buffer = (cqe.flags & IORING_CQE_F_BUFFER) != 0,
          .buffer_id = static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT)};
}

std::uint32_t DescriptorLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::uint32_t>(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
}

// Of the addresses of what is accepted from `listen_fd`, which are of its family.
std::uint32_t PeerNameBytes(int listen_fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  getsockname(listen_fd, reinterpret_cast<sockaddr*>(&bound), &size);
  return bound.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

}  // namespace

absl::StatusOr<std::unique_ptr<UringRing>> UringRing::Create(const UringOptions& options,
                                                             int listen_fd) {
  std::unique_ptr<UringRing> ring(new UringRing);
  if (absl::Status status = ring->Init(options, listen_fd); !status.ok()) return status;
  return ring;
}

absl::Status UringRing::Init(const UringOptions& options, int listen_fd) {
  listen_fd_ = listen_fd;
  peer_name_bytes_ = PeerNameBytes(listen_fd);
  io_uring_params params{};
  params.flags = kRingSetupFlags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  params.cq_entries = options.completion_entries;
  if (const int error = io_uring_queue_init_params(options.submission_entries, &ring_, &params);
      error < 0) {
    return RingSetupError(-error);
  }
  ring_ready_ = true;
  no_iowait_ = (params.features & IORING_FEAT_NO_IOWAIT) != 0;
  // Saves a descriptor look-up in every enter; nothing is lost where it is refused.
  io_uring_register_ring_fd(&ring_);

  const std::uint32_t limit = DescriptorLimit();
  slot_count_ = options.slots == 0 ? limit : std::min(options.slots, limit);
  armed_.resize(slot_count_);
  if (const int error = io_uring_register_files_sparse(&ring_, slot_count_); error < 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a table of ", slot_count_, " direct descriptors was refused (",
                     strerror(-error), "): raise LimitNOFILE, or lower engine.table_slots"));
  }
  return RegisterBuffers(options);
}

absl::Status UringRing::RegisterBuffers(const UringOptions& options) {
  buffer_count_ = options.buffers;
  buffer_bytes_ = options.buffer_bytes;
  buffer_ring_bytes_ = buffer_count_ * sizeof(io_uring_buf);
  buffers_bytes_ = std::size_t{buffer_count_} * buffer_bytes_ + kReadSlackBytes;
  buffer_ring_ = reinterpret_cast<io_uring_buf_ring*>(MapPages(buffer_ring_bytes_));
  buffers_ = MapPages(buffers_bytes_);
  if (buffer_ring_ == nullptr || buffers_ == nullptr) {
    return absl::ResourceExhaustedError("no memory for receive buffers");
  }
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(buffer_ring_);
  registration.ring_entries = buffer_count_;
  registration.bgid = kBufferGroup;
  if (const int error = io_uring_register_buf_ring(&ring_, &registration, 0); error < 0) {
    return absl::FailedPreconditionError(absl::StrCat("a provided-buffer ring of ", buffer_count_,
                                                      " entries was refused: ", strerror(-error)));
  }
  io_uring_buf_ring_init(buffer_ring_);
  for (std::uint32_t id = 0; id < buffer_count_; ++id) Recycle(static_cast<std::uint16_t>(id));
  PublishBuffers();
  return absl::OkStatus();
}

UringRing::~UringRing() {
  if (listen_fd_ >= 0) close(listen_fd_);
  if (ring_ready_) io_uring_queue_exit(&ring_);
  if (buffer_ring_ != nullptr) munmap(buffer_ring_, buffer_ring_bytes_);
  if (buffers_ != nullptr) munmap(buffers_, buffers_bytes_);
}

std::uint64_t UringRing::now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kNanosecondsPerSecond +
         static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t UringRing::cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

io_uring_sqe* UringRing::NextEntry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (entry == nullptr) [[unlikely]] {
    Submit();
    entry = io_uring_get_sqe(&ring_);
    INVARIANT(entry != nullptr, "a submission queue that was just submitted has room");
  }
  return entry;
}

void UringRing::Forget(io_uring_sqe* entry) {
  io_uring_sqe_set_data64(entry, Token{}.Pack());
  entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void UringRing::ArmAccept() {
  INVARIANT(listen_fd_ >= 0, "accepting needs a listener");
  io_uring_sqe* entry = NextEntry();
  io_uring_prep_multishot_accept(entry, listen_fd_, nullptr, nullptr, 0);
  // Set by hand: liburing 2.3's helper for direct accepts wraps IORING_FILE_INDEX_ALLOC to 0.
  entry->file_index = IORING_FILE_INDEX_ALLOC;
  io_uring_sqe_set_data64(entry, Token{.operation = Operation::kAccept}.Pack());
}

void UringRing::StopAccept() {
  if (listen_fd_ < 0) return;
  io_uring_sqe* entry = NextEntry();
  io_uring_prep_cancel64(entry, Token{.operation = Operation::kAccept}.Pack(), 0);
  Forget(entry);
  Submit();
  // The ring refers to the listener until the accept has ended, which may be after the process has:
  // the kernel takes rings down in the background. Shut down, it listens no more from here on, and
  // a server that is started next finds the port free.
  shutdown(listen_fd_, SHUT_RDWR);
  close(listen_fd_);
  listen_fd_ = -1;
}

void UringRing::ArmReceive(Slot slot, std::uint32_t generation) {
  armed_[slot].generation = generation & 0xff'ffffu;
  armed_[slot].receive = 1;
  io_uring_sqe* entry = NextEntry();
  io_uring_prep_recv_multishot(entry, static_cast<int>(slot), nullptr, 0, 0);
  entry->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  entry->buf_group = kBufferGroup;
  io_uring_sqe_set_data64(entry, Token{Operation::kReceive, generation, slot}.Pack());
}

void UringRing::CancelReceive(Slot slot, std::uint32_t generation) {
  io_uring_sqe* entry = NextEntry();
  io_uring_prep_cancel64(entry, Token{Operation::kReceive, generation, slot}.Pack(), 0);
  Forget(entry);
}

void UringRing::Send(Slot slot, std::uint32_t generation, std::span<const std::byte> bytes) {
  io_uring_sqe* entry = NextEntry();
  // WAITALL makes a short send a failure, which is what cancels CQE_SKIP_SUCCESS and so reports
  // it; DONTWAIT makes -EAGAIN final, so nothing stays armed in the kernel.
  io_uring_prep_send(entry, static_cast<int>(slot), bytes.data(), bytes.size(),
                     MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL);
  entry->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data64(entry, Token{Operation::kSend, generation, slot}.Pack());
}

void UringRing::ArmPollOut(Slot slot, std::uint32_t generation) {
  armed_[slot].generation = generation & 0xff'ffffu;
  armed_[slot].poll_out = 1;
  io_uring_sqe* entry = NextEntry();
  io_uring_prep_poll_add(entry, static_cast<int>(slot), POLLOUT);
  entry->flags |= IOSQE_FIXED_FILE;
  io_uring_sqe_set_data64(entry, Token{Operation::kPollOut, generation, slot}.Pack());
}

void UringRing::AskPeerName(Slot slot, std::uint32_t generation) {
  const std::uint64_t token = Token{Operation::kPeerName, generation, slot}.Pack();
  const auto [name, added] = peer_names_.try_emplace(token);
  INVARIANT(added, "a connection is asked for its peer once at a time");
  io_uring_sqe* entry = NextEntry();
  PrepareGetSockOpt(entry, static_cast<int>(slot), SOL_SOCKET, SO_PEERNAME, &name->second,
                    peer_name_bytes_);
  entry->flags |= IOSQE_FIXED_FILE;
  io_uring_sqe_set_data64(entry, token);
}

PeerAddress UringRing::TakePeerName(const Completion& done) {
  const auto name = peer_names_.extract(done.token.Pack());
  INVARIANT(!name.empty(), "a peer's name is taken once");
  if (done.result < 0) return {};
  return PeerAddress::From(reinterpret_cast<const sockaddr*>(&name.mapped()));
}

void UringRing::CancelAndClose(Slot slot) {
  // All in one submit, so that the slot cannot be accepted into between them.
  constexpr unsigned kMostEntries = 3;
  if (io_uring_sq_space_left(&ring_) < kMostEntries) Submit();
  // By user_data, which the kernel finds in a hash table. Cancelling by descriptor looks at all
  // that is armed on the ring: 17,000 connections that left at once took 24 s of a core.
  const Armed armed = std::exchange(armed_[slot], {});
  if (armed.receive != 0) CancelReceive(slot, armed.generation);
  if (armed.poll_out != 0) {
    io_uring_sqe* cancel = NextEntry();
    io_uring_prep_cancel64(cancel, Token{Operation::kPollOut, armed.generation, slot}.Pack(), 0);
    Forget(cancel);
  }
  io_uring_sqe* close_entry = NextEntry();
  io_uring_prep_close_direct(close_entry, slot);
  Forget(close_entry);
}

void UringRing::Wake(int handle) {
  io_uring_sqe* entry = NextEntry();
  io_uring_prep_msg_ring(entry, handle, 0, Token{.operation = Operation::kWake}.Pack(), 0);
  Forget(entry);
}

void UringRing::Submit() {
  PublishBuffers();
  while (io_uring_sq_ready(&ring_) > 0) {
    const int taken = io_uring_submit(&ring_);
    if (taken >= 0) continue;
    // The completion queue is full (-EBUSY) or the kernel is short of memory (-EAGAIN): make room
    // and offer the rest again. Interrupted calls are simply repeated.
    INVARIANT(taken == -EBUSY || taken == -EAGAIN || taken == -EINTR,
              "io_uring_submit fails only for reasons that pass");
    Spill();
  }
}

void UringRing::Spill() {
  io_uring_get_events(&ring_);
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    spilled_.push_back(FromKernel(*cqe));
    ++count;
  }
  io_uring_cq_advance(&ring_, count);
}

void UringRing::GetEvents() {
  if (io_uring_sq_ready(&ring_) > 0) {
    Submit();
  }
  // TASKRUN_FLAG lets us see without a call whether the kernel has deferred anything.
  const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
  if ((flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0) io_uring_get_events(&ring_);
}

void UringRing::Wait(std::uint64_t deadline_ns) {
  PublishBuffers();
  const bool idle = spilled_next_ == spilled_.size() && io_uring_cq_ready(&ring_) == 0;
  const std::uint64_t now = deadline_ns == 0 || !idle ? 0 : now_ns();
  if (deadline_ns == 0 || !idle || deadline_ns <= now) return GetEvents();
  Submit();
  Park(deadline_ns - now);
}

// Called directly because liburing 2.3's wait helpers never set NO_IOWAIT. The number of events
// waited for is 1: with more, a message of another ring does not wake us (measured).
void UringRing::Park(std::uint64_t timeout_ns) {
  if (io_uring_cq_ready(&ring_) > 0) return;
  __kernel_timespec timeout{.tv_sec = static_cast<long long>(timeout_ns / kNanosecondsPerSecond),
                            .tv_nsec = static_cast<long long>(timeout_ns % kNanosecondsPerSecond)};
  io_uring_getevents_arg argument{};
  argument.ts = reinterpret_cast<std::uint64_t>(&timeout);
  unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
  if (no_iowait_) flags |= IORING_ENTER_NO_IOWAIT;
  if (ring_.enter_ring_fd != ring_.ring_fd) flags |= IORING_ENTER_REGISTERED_RING;
  io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), 0, 1, flags,
                  reinterpret_cast<sigset_t*>(&argument), sizeof(argument));
}

std::size_t UringRing::Reap(std::span<Completion> completions) {
  std::size_t count = 0;
  while (count < completions.size() && spilled_next_ < spilled_.size()) {
    completions[count++] = spilled_[spilled_next_++];
  }
  if (spilled_next_ == spilled_.size() && spilled_next_ != 0) {
    spilled_.clear();
    spilled_next_ = 0;
  }
  unsigned head = 0;
  unsigned taken = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    if (count == completions.size()) break;
    completions[count++] = FromKernel(*cqe);
    ++taken;
  }
  io_uring_cq_advance(&ring_, taken);
  return count;
}

std::span<std::byte> UringRing::Received(const Completion& done) {
  return {buffers_ + std::size_t{done.buffer_id} * buffer_bytes_,
          static_cast<std::size_t>(done.result)};
}

void UringRing::Recycle(std::uint16_t buffer_id) {
  io_uring_buf_ring_add(buffer_ring_, buffers_ + std::size_t{buffer_id} * buffer_bytes_,
                        buffer_bytes_, buffer_id, io_uring_buf_ring_mask(buffer_count_),
                        buffers_recycled_++);
}

// One release per batch of recycled buffers instead of one each.
void UringRing::PublishBuffers() {
  if (buffers_recycled_ == 0) return;
  io_uring_buf_ring_advance(buffer_ring_, buffers_recycled_);
  buffers_recycled_ = 0;
}

}  // namespace tickcast::engine
