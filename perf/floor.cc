// floor: the least possible server, the yardstick that perf/fanout holds tickcast against.
//
// A bare io_uring loop that takes the same publishes from the same publisher, sends the same bytes
// (replies too) to the same groups in the same order, and does nothing else: no check, session,
// lane, history, timer, limit or log. A channel is found by the digits its name ends with; the
// handshake and the connect reply are canned; a refused send, which a closed loop cannot cause,
// ends the program.
//
// What is joined: a connection that is owed several pushes in one turn (several publishes were
// read at once, and it subscribes to more than one of their channels) gets them as one message,
// lines joined, as tickcast sends them. That is the harder yardstick: sending each push apart would
// cost the floor one SEND per push. While no connection has two subscriptions and a turn names no
// channel twice, nothing can be joined, and the floor does not look for it.
// Threading: one thread. Usage: floor [--port N] [--cpu N] [--batch N] [--pub-extra JSON]
#include <liburing.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/completion.h"
#include "engine/listener.h"
#include "engine/uring_abi.h"
#include "engine/uring_probe.h"
#include "perf/floor_wire.h"

namespace tickcast::perf {
namespace {

using engine::Operation;
using engine::Slot;
using engine::Token;

constexpr unsigned kSubmissionEntries = 1024;
constexpr unsigned kCompletionEntries = 32768;
constexpr unsigned kBuffers = 2048;
constexpr unsigned kBufferBytes = 2048;
constexpr std::size_t kScratchBytes = 1 << 20;
constexpr std::uint32_t kNone = UINT32_MAX;

struct Options {
  int port = 0;
  int cpu = -1;
  unsigned batch = 128;   // SENDs per submit.
  std::string pub_extra;  // Members that follow "data" in each push, from the comma on.
};

struct Connection {
  std::uint32_t generation = 0;
  std::uint32_t subscriptions = 0;
  bool upgraded = false;
  std::string input;            // An unfinished head or frame.
  std::string output;           // This turn's replies, lines joined.
  std::uint64_t turn = 0;       // The turn in which pushes were last due.
  std::uint32_t first = kNone;  // Dues of that turn, oldest first.
  std::uint32_t last = kNone;
};

// A push that was built in this turn, as a whole WebSocket frame, and its text alone.
struct Push {
  const char* frame;
  std::uint32_t frame_bytes;
  std::uint32_t header_bytes;
  std::uint32_t channel;
};

// A push that is due to a connection, linked in order.
struct Due {
  std::uint32_t push;
  std::uint32_t next;
};

class Floor {
 public:
  explicit Floor(const Options& options);
  [[noreturn]] void Run();

 private:
  void SetUpRing();
  io_uring_sqe* NextEntry();
  void Submit();
  void ArmReceive(Slot slot);
  void Recycle(unsigned buffer);

  void OnCompletion(const io_uring_cqe& done);
  void OnReceive(Token token, const io_uring_cqe& done);
  void Close(Slot slot);
  bool IsCurrent(Token token) const;

  void Consume(Slot slot, char* bytes, std::size_t size);
  std::size_t ConsumeFrame(Slot slot, char* bytes, std::size_t size);
  void OnLine(Slot slot, std::string_view line);
  void Subscribe(Slot slot, std::uint32_t channel);
  void Publish(std::uint32_t channel, std::string_view name, std::string_view data);

  void FlushReplies();
  void FlushPushes();
  void FlushJoined();
  void SendJoined(Slot slot);
  void Send(Slot slot, const char* bytes, std::size_t size);

  const Options options_;
  int listen_fd_ = -1;
  io_uring ring_{};
  io_uring_buf_ring* buffer_ring_ = nullptr;
  std::unique_ptr<char[]> buffers_;
  int recycled_ = 0;
  unsigned queued_ = 0;  // SENDs since the last submit.

  std::vector<Connection> connections_;
  std::vector<std::vector<Slot>> groups_;  // Subscribers by the number of their channel.
  bool may_join_ = false;                  // Some connection has two subscriptions.

  std::uint64_t turn_ = 1;  // Connections that were never due have turn 0.
  std::vector<Slot> replying_;
  std::vector<Push> pushes_;
  std::vector<std::uint64_t> published_;  // By channel: the turn of its last push.
  std::vector<Due> dues_;
  std::vector<Slot> due_slots_;
  // Frames stay here until the turn's last submit, joined messages until their submit.
  std::unique_ptr<char[]> frames_ = std::make_unique<char[]>(kScratchBytes);
  std::size_t frames_used_ = 0;
  std::unique_ptr<char[]> joined_ = std::make_unique<char[]>(kScratchBytes);
  std::size_t joined_used_ = 0;
  std::string replies_;
};

Floor::Floor(const Options& options) : options_(options) {
  engine::ListenerOptions listen;
  listen.port = static_cast<std::uint16_t>(options.port);
  std::uint16_t port = 0;
  const absl::StatusOr<int> fd = engine::OpenListener(listen, &port);
  if (!fd.ok()) Die(fd.status().ToString());
  listen_fd_ = *fd;
  SetUpRing();
  printf("port %u\n", port);
  fflush(stdout);
}

void Floor::SetUpRing() {
  io_uring_params params{};
  params.flags = engine::kRingSetupFlags | IORING_SETUP_CQSIZE;
  params.cq_entries = kCompletionEntries;
  if (const int error = io_uring_queue_init_params(kSubmissionEntries, &ring_, &params)) {
    Die("io_uring_queue_init", -error);
  }
  io_uring_register_ring_fd(&ring_);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto slots = static_cast<unsigned>(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
  if (const int error = io_uring_register_files_sparse(&ring_, slots)) Die("files", -error);
  connections_.resize(slots);

  void* ring = nullptr;
  if (posix_memalign(&ring, 4096, kBuffers * sizeof(io_uring_buf)) != 0) Die("no memory");
  buffer_ring_ = static_cast<io_uring_buf_ring*>(ring);
  buffers_ = std::make_unique<char[]>(std::size_t{kBuffers} * kBufferBytes);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(buffer_ring_);
  registration.ring_entries = kBuffers;
  if (const int error = io_uring_register_buf_ring(&ring_, &registration, 0)) {
    Die("buffers", -error);
  }
  io_uring_buf_ring_init(buffer_ring_);
  for (unsigned id = 0; id < kBuffers; ++id) Recycle(id);
}

io_uring_sqe* Floor::NextEntry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (entry != nullptr) return entry;
  Submit();
  return io_uring_get_sqe(&ring_);
}

void Floor::Submit() {
  while (io_uring_sq_ready(&ring_) > 0) {
    const int taken = io_uring_submit(&ring_);
    if (taken < 0 && taken != -EINTR && taken != -EAGAIN) Die("io_uring_submit", -taken);
  }
  queued_ = 0;
}

void Floor::ArmReceive(Slot slot) {
  io_uring_sqe* entry = NextEntry();
  io_uring_prep_recv_multishot(entry, static_cast<int>(slot), nullptr, 0, 0);
  entry->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  io_uring_sqe_set_data64(entry,
                          Token{Operation::kReceive, connections_[slot].generation, slot}.Pack());
}

void Floor::Recycle(unsigned buffer) {
  io_uring_buf_ring_add(buffer_ring_, buffers_.get() + std::size_t{buffer} * kBufferBytes,
                        kBufferBytes, static_cast<unsigned short>(buffer),
                        io_uring_buf_ring_mask(kBuffers), recycled_++);
}

void Floor::Run() {
  io_uring_sqe* accept = NextEntry();
  io_uring_prep_multishot_accept(accept, listen_fd_, nullptr, nullptr, 0);
  accept->file_index = IORING_FILE_INDEX_ALLOC;
  io_uring_sqe_set_data64(accept, Token{.operation = Operation::kAccept}.Pack());
  for (;;) {
    io_uring_buf_ring_advance(buffer_ring_, recycled_);
    recycled_ = 0;
    if (const int error = io_uring_submit_and_wait(&ring_, 1); error < 0 && error != -EINTR) {
      Die("io_uring_submit_and_wait", -error);
    }
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* done = nullptr;
    io_uring_for_each_cqe(&ring_, head, done) {
      OnCompletion(*done);
      ++count;
    }
    io_uring_cq_advance(&ring_, count);
    FlushReplies();
    FlushPushes();
    ++turn_;
  }
}

void Floor::OnCompletion(const io_uring_cqe& done) {
  const Token token = Token::Unpack(done.user_data);
  switch (token.operation) {
    case Operation::kAccept:
      if (done.res < 0) Die("accept", -done.res);
      if ((done.flags & IORING_CQE_F_MORE) == 0) Die("the multishot accept ended");
      return ArmReceive(static_cast<Slot>(done.res));
    case Operation::kReceive:
      OnReceive(token, done);
      if ((done.flags & IORING_CQE_F_BUFFER) != 0) Recycle(done.flags >> IORING_CQE_BUFFER_SHIFT);
      return;
    case Operation::kSend:
      // A peer that just left; anything else means that the yardstick would not be one.
      if (done.res == -EPIPE || done.res == -ECONNRESET) return;
      Die("a send was refused or short: the window is too large for the socket's buffer",
          done.res < 0 ? -done.res : 0);
    case Operation::kNone:
    case Operation::kPollOut:
    case Operation::kWake:
    case Operation::kConnect:
    case Operation::kPeerName:
      return;
  }
}

void Floor::OnReceive(Token token, const io_uring_cqe& done) {
  const Slot slot = token.slot;
  if (!IsCurrent(token)) return;
  if (done.res == -ENOBUFS) return ArmReceive(slot);
  if (done.res <= 0) return Close(slot);
  const unsigned buffer = done.flags >> IORING_CQE_BUFFER_SHIFT;
  char* bytes = buffers_.get() + std::size_t{buffer} * kBufferBytes;
  Connection& connection = connections_[slot];
  if (connection.input.empty()) {
    Consume(slot, bytes, static_cast<std::size_t>(done.res));
  } else {
    std::string whole = std::move(connection.input);
    connection.input.clear();
    whole.append(bytes, static_cast<std::size_t>(done.res));
    Consume(slot, whole.data(), whole.size());
  }
  if ((done.flags & IORING_CQE_F_MORE) == 0 && IsCurrent(token)) ArmReceive(slot);
}

// The peer has left or asked to: what is armed is cancelled, because it would hold the socket.
void Floor::Close(Slot slot) {
  Connection& connection = connections_[slot];
  for (std::vector<Slot>& group : groups_) {
    if (connection.subscriptions == 0) break;
    const auto found = std::find(group.begin(), group.end(), slot);
    if (found == group.end()) continue;
    *found = group.back();
    group.pop_back();
    --connection.subscriptions;
  }
  const std::uint32_t generation = connection.generation + 1;
  connection = Connection{};
  connection.generation = generation;
  if (io_uring_sq_space_left(&ring_) < 2) Submit();
  io_uring_sqe* cancel = NextEntry();
  io_uring_prep_cancel_fd(cancel, static_cast<int>(slot),
                          IORING_ASYNC_CANCEL_FD_FIXED | IORING_ASYNC_CANCEL_ALL);
  io_uring_sqe* close = NextEntry();
  io_uring_prep_close_direct(close, slot);
  for (io_uring_sqe* entry : {cancel, close}) {
    entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(entry, Token{}.Pack());
  }
}

bool Floor::IsCurrent(Token token) const {
  return token.generation == (connections_[token.slot].generation & Token::kGenerationMask);
}

void Floor::Consume(Slot slot, char* bytes, std::size_t size) {
  Connection& connection = connections_[slot];
  std::size_t used = 0;
  if (!connection.upgraded) {
    const std::size_t end = std::string_view(bytes, size).find("\r\n\r\n");
    if (end == std::string_view::npos) {
      connection.input.assign(bytes, size);
      return;
    }
    connection.upgraded = true;
    used = end + 4;
    Send(slot, kUpgraded.data(), kUpgraded.size());
    Submit();
  }
  const std::uint32_t generation = connection.generation;
  while (used < size) {
    const std::size_t frame = ConsumeFrame(slot, bytes + used, size - used);
    if (connection.generation != generation) return;
    if (frame == 0) break;
    used += frame;
  }
  if (used < size) connection.input.assign(bytes + used, size - used);
}

// One masked frame. Returns its size, or 0 when it is not all there.
std::size_t Floor::ConsumeFrame(Slot slot, char* bytes, std::size_t size) {
  if (size < 6) return 0;
  std::size_t header = 6;
  std::size_t payload = static_cast<unsigned char>(bytes[1]) & 0x7f;
  if (payload == 126) {
    header = 8;
    payload = static_cast<std::size_t>(static_cast<unsigned char>(bytes[2])) << 8 |
              static_cast<unsigned char>(bytes[3]);
  }
  if (payload == 127) Die("a frame over 64 KiB");
  if (size < header + payload) return 0;
  const int opcode = bytes[0] & 0x0f;
  char* text = bytes + header;
  if (opcode == 8) Close(slot);
  if (opcode != 1) return header + payload;
  Unmask(text, payload, text - 4);
  std::string_view rest(text, payload);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    OnLine(slot, rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return header + payload;
}

// {"id":N,"publish":{"channel":"NAME","data":DATA}}, {"id":N,"subscribe":{"channel":"NAME"}} or
// {"id":N,"connect":{}}, exactly so.
void Floor::OnLine(Slot slot, std::string_view line) {
  const std::size_t comma = line.find(',');
  if (comma == std::string_view::npos) return;  // A pong.
  const std::string_view id = line.substr(0, comma + 1);
  Connection& connection = connections_[slot];
  if (connection.output.empty()) {
    replying_.push_back(slot);
  } else {
    connection.output += '\n';
  }
  connection.output += id;
  const char verb = line[comma + 2];
  if (verb == 'c') {
    connection.output +=
        R"("connect":{"client":"00000000-0000-4000-8000-000000000000","version":"floor",)"
        R"("ping":25,"pong":true}})";
    return;
  }
  const std::size_t name_begin = line.find('"', comma + (verb == 'p' ? 21 : 23)) + 1;
  const std::size_t name_end = line.find('"', name_begin);
  const std::string_view name = line.substr(name_begin, name_end - name_begin);
  const std::uint32_t channel = ChannelNumber(name);
  if (channel >= groups_.size()) {
    groups_.resize(channel + 1);
    published_.resize(channel + 1, 0);
  }
  if (verb == 's') {
    connection.output += R"("subscribe":{}})";
    return Subscribe(slot, channel);
  }
  connection.output += R"("publish":{}})";
  const std::size_t data_begin = name_end + 9;  // ","data":
  Publish(channel, name, line.substr(data_begin, line.size() - data_begin - 2));
}

void Floor::Subscribe(Slot slot, std::uint32_t channel) {
  groups_[channel].push_back(slot);
  if (++connections_[slot].subscriptions > 1) may_join_ = true;
}

void Floor::Publish(std::uint32_t channel, std::string_view name, std::string_view data) {
  constexpr std::string_view kBeforeName = R"({"push":{"channel":")";
  constexpr std::string_view kBeforeData = R"(","pub":{"data":)";
  constexpr std::string_view kEnd = "}}}";
  const std::size_t text_bytes = kBeforeName.size() + name.size() + kBeforeData.size() +
                                 data.size() + options_.pub_extra.size() + kEnd.size();
  if (frames_used_ + text_bytes + 4 > kScratchBytes) Die("the window is too large");
  char* frame = frames_.get() + frames_used_;
  const std::size_t header = WriteHeader(frame, text_bytes);
  char* out = Append(frame + header, kBeforeName);
  out = Append(out, name);
  out = Append(out, kBeforeData);
  out = Append(out, data);
  out = Append(out, options_.pub_extra);
  out = Append(out, kEnd);
  frames_used_ += static_cast<std::size_t>(out - frame);
  pushes_.push_back({frame, static_cast<std::uint32_t>(out - frame),
                     static_cast<std::uint32_t>(header), channel});
}

void Floor::FlushReplies() {
  if (replying_.empty()) return;
  std::size_t bytes = 0;
  for (const Slot slot : replying_) bytes += connections_[slot].output.size() + 4;
  replies_.resize(bytes);
  char* out = replies_.data();
  bool subscribed = false;
  for (const Slot slot : replying_) {
    Connection& connection = connections_[slot];
    if (connection.output.empty()) continue;  // It was closed after it asked.
    char* frame = out;
    out = Append(out + WriteHeader(out, connection.output.size()), connection.output);
    Send(slot, frame, static_cast<std::size_t>(out - frame));
    connection.output.clear();
    subscribed = subscribed || connection.subscriptions > 0;
  }
  replying_.clear();
  // At most one send per connection and submit: a push must not overtake a reply.
  if (subscribed) Submit();
}

void Floor::FlushPushes() {
  if (pushes_.empty()) return;
  bool joined = may_join_ && pushes_.size() > 1;
  for (const Push& push : pushes_) {
    if (published_[push.channel] == turn_) joined = true;
    published_[push.channel] = turn_;
  }
  if (joined) {
    FlushJoined();
  } else {
    for (const Push& push : pushes_) {
      for (const Slot slot : groups_[push.channel]) Send(slot, push.frame, push.frame_bytes);
    }
  }
  Submit();
  pushes_.clear();
  frames_used_ = 0;
  joined_used_ = 0;
}

void Floor::FlushJoined() {
  for (std::uint32_t index = 0; index < pushes_.size(); ++index) {
    for (const Slot slot : groups_[pushes_[index].channel]) {
      Connection& connection = connections_[slot];
      const auto due = static_cast<std::uint32_t>(dues_.size());
      dues_.push_back({index, kNone});
      if (connection.turn == turn_) {
        dues_[connection.last].next = due;
      } else {
        connection.turn = turn_;
        connection.first = due;
        due_slots_.push_back(slot);
      }
      connection.last = due;
    }
  }
  for (const Slot slot : due_slots_) SendJoined(slot);
  dues_.clear();
  due_slots_.clear();
}

void Floor::SendJoined(Slot slot) {
  const Connection& connection = connections_[slot];
  if (connection.first == connection.last) {
    const Push& push = pushes_[dues_[connection.first].push];
    return Send(slot, push.frame, push.frame_bytes);
  }
  std::size_t text_bytes = 0;
  for (std::uint32_t due = connection.first; due != kNone; due = dues_[due].next) {
    const Push& push = pushes_[dues_[due].push];
    text_bytes += push.frame_bytes - push.header_bytes + 1;
  }
  --text_bytes;  // Newlines stand between the lines only.
  if (joined_used_ + text_bytes + 4 > kScratchBytes) {
    Submit();
    joined_used_ = 0;
  }
  char* const frame = joined_.get() + joined_used_;
  char* out = frame + WriteHeader(frame, text_bytes);
  for (std::uint32_t due = connection.first; due != kNone; due = dues_[due].next) {
    const Push& push = pushes_[dues_[due].push];
    if (due != connection.first) *out++ = '\n';
    out = Append(out, {push.frame + push.header_bytes, push.frame_bytes - push.header_bytes});
  }
  joined_used_ += static_cast<std::size_t>(out - frame);
  Send(slot, frame, static_cast<std::size_t>(out - frame));
}

void Floor::Send(Slot slot, const char* bytes, std::size_t size) {
  io_uring_sqe* entry = NextEntry();
  io_uring_prep_send(entry, static_cast<int>(slot), bytes, size,
                     MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL);
  entry->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data64(entry, Token{Operation::kSend, 0, slot}.Pack());
  if (++queued_ >= options_.batch) Submit();
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc) Die("usage: floor [--port N] [--cpu N] [--batch N] [--pub-extra JSON]");
    if (name == "--port") {
      options.port = atoi(argv[i + 1]);
    } else if (name == "--cpu") {
      options.cpu = atoi(argv[i + 1]);
    } else if (name == "--batch") {
      options.batch = static_cast<unsigned>(std::max(1, atoi(argv[i + 1])));
    } else if (name == "--pub-extra") {
      options.pub_extra = argv[i + 1];
    } else {
      Die("usage: floor [--port N] [--cpu N] [--batch N] [--pub-extra JSON]");
    }
  }
  return options;
}

int Main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  if (options.cpu >= 0) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(static_cast<unsigned>(options.cpu), &cpus);
    if (sched_setaffinity(0, sizeof(cpus), &cpus) != 0) Die("no such CPU", errno);
  }
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  auto floor = std::make_unique<Floor>(options);
  floor->Run();
}

}  // namespace
}  // namespace tickcast::perf

int main(int argc, char** argv) { return tickcast::perf::Main(argc, argv); }
