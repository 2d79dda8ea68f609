// Shard: what connections send, and when it is read.
#include <utility>

#include "shards/shard.h"

namespace tickcast::shards {
namespace {

// What may be pipelined behind a request that is being answered.
constexpr std::size_t kPipelinedBytes = 64 * 1024;

// simdjson reads whole blocks: so much stays readable behind what waits in `inbound`.
constexpr std::size_t kInputPaddingBytes = 64;

}  // namespace

void Shard::OnBytes(engine::Slot slot, std::span<std::byte> bytes) {
  Connection& connection = connections_[slot];
  if (DiscardsInput(connection)) return;
  if (connection.state == Connection::State::kClosing) {
    // Discarded, so that closing does not find unread input, which would send RST and lose our
    // close frame; only the peer's own close frame matters.
    if (connection.close_frame_sent) web_socket_.OnBytesWhileClosing(slot, bytes);
    return;
  }
  const bool waits = connection.reading_paused || connection.answering ||
                     (connection.inbound != nullptr && !connection.inbound->empty());
  if (!waits && connection.state != Connection::State::kHttp) {
    return web_socket_.OnBytes(slot, bytes);
  }
  if (connection.inbound == nullptr) {
    connection.inbound = std::make_unique<std::string>();
    if (connection.state == Connection::State::kHttp && !connection.answering) {
      // A request begins: from its first byte on its head and body have their time.
      connection.due_ns = now_ns_ + config_.client.head_timeout_ns;
      Schedule(slot);
    }
  }
  connection.inbound->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (connection.inbound->size() > InboundLimit(connection)) {
    return BeginClose(slot, CloseReason::kTooMuchInput, /*wait_for_peer=*/false);
  }
  if (!connection.reading_paused && !connection.answering) ReplayInput(slot);
}

std::size_t Shard::InboundLimit(const Connection& connection) const {
  if (connection.state == Connection::State::kHttp) {
    return HttpHandler::kMaxBodyBytes + protocol::kMaxRequestHeadBytes + kPipelinedBytes;
  }
  return config_.websocket.message_size_limit +
         config_.engine.receive_buffer_bytes * std::size_t{config_.engine.receive_buffers};
}

// Gives what waits in `inbound` to whoever reads it now.
void Shard::ReplayInput(engine::Slot slot) {
  const std::uint32_t generation = connections_.generation(slot);
  for (;;) {
    Connection* connection = connections_.Find(slot, generation);
    if (connection == nullptr || connection->inbound == nullptr || connection->answering ||
        connection->reading_paused || connection->state == Connection::State::kClosing) {
      return;
    }
    std::string& inbound = *connection->inbound;
    if (inbound.empty()) {
      connection->inbound.reset();
      return;
    }
    if (DiscardsInput(*connection)) {
      connection->inbound.reset();
      return;
    }
    if (connection->state != Connection::State::kHttp) {
      std::string input = std::move(inbound);
      connection->inbound.reset();
      const std::size_t size = input.size();
      input.resize(size + kInputPaddingBytes);
      web_socket_.OnBytes(slot, std::as_writable_bytes(std::span(input.data(), size)));
      return;
    }
    const std::size_t size = inbound.size();
    inbound.resize(size + kInputPaddingBytes);
    replaying_http_ = true;
    const std::size_t consumed = http_.OnInput(slot, std::string_view(inbound.data(), size));
    replaying_http_ = false;
    connection = connections_.Find(slot, generation);
    // Closing lets go of the input.
    if (connection == nullptr || connection->inbound == nullptr) return;
    connection->inbound->resize(size);
    connection->inbound->erase(0, consumed);
    if (consumed == 0) return;
  }
}

void Shard::OnCommands(engine::Slot slot, std::string_view frame) {
  if (connections_[slot].form.bare) return TakeUniConnect(slot, frame);
  OnClientFrame(slot, frame);
}

void Shard::OnClientFrame(engine::Slot slot, std::string_view frame) {
  commands_.OnFrame(slot, frame);
  LimitOutbox(slot);
}

// The answer to a unidirectional client's ping; with commands there are pongs of their own.
void Shard::OnPong(engine::Slot slot) {
  Connection& connection = connections_[slot];
  if (!connection.form.bare && !connection.frame_pings) return;
  connection.awaiting_pong = false;
  connection.pong_due_ns = 0;
}

void Shard::OnOwed(engine::Slot slot) {
  fan_out_.OwesReplies(slot);
  LimitOutbox(slot);
}

// A peer that sends and does not take the replies is not read from until it does.
void Shard::LimitOutbox(engine::Slot slot) {
  const Connection& connection = connections_[slot];
  if (connection.outbox == OutboxPool::kNone) return;
  if (connections_.outboxes()[connection.outbox].size_bytes() > kOutboxLimitBytes) {
    PauseReading(slot);
  }
}

void Shard::PauseReading(engine::Slot slot) {
  Connection& connection = connections_[slot];
  if (connection.reading_paused || connection.state == Connection::State::kClosing) return;
  connection.reading_paused = true;
  metrics_.reading_paused.Add();
  if (connection.receive_armed) ring_.CancelReceive(slot, connections_.generation(slot));
}

void Shard::ResumeReading(engine::Slot slot) {
  Connection& connection = connections_[slot];
  if (!connection.reading_paused) return;
  connection.reading_paused = false;
  if (!connection.receive_armed) {
    connection.receive_armed = true;
    ring_.ArmReceive(slot, connections_.generation(slot));
  }
  ReplayInput(slot);
}

void Shard::ReleaseInput(engine::Slot slot) {
  const Connection& connection = connections_[slot];
  const bool owed_much =
      connection.outbox != OutboxPool::kNone &&
      connections_.outboxes()[connection.outbox].size_bytes() > kOutboxLimitBytes;
  // Where too much is owed to it, OnFlushed() goes on.
  if (!owed_much) ResumeReading(slot);
}

}  // namespace tickcast::shards
