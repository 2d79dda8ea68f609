// Publication: one message of a channel, as the bytes that go to sockets.
//
// One block of memory holds the channel's name and the finished WebSocket frame of the push; its
// payload is a part of that frame, so nothing is stored twice and history, last values and fan-out
// all share it. The source drafts the block (everything but the offset), the channel's home shard
// seals it, and from then on it is frozen.
//
//   | Publication | channel name | header room 10 | {"push":{"channel":"…","pub":{"data": | data |
//   | ,"info":… | ,"offset":N | }}} |
//
// Threading: drafted and sealed on one thread at a time (it moves through a lane), read by all
// after; the count of references is atomic and is touched once per shard, never per delivery.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tickcast::shards {

class Publication;

// A counted reference. Moving costs nothing; copying is one atomic addition.
class PublicationRef {
 public:
  PublicationRef() = default;
  // Takes over one reference that the caller holds.
  static PublicationRef Adopt(Publication* publication) { return PublicationRef(publication); }
  PublicationRef(const PublicationRef& other);
  PublicationRef(PublicationRef&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  PublicationRef& operator=(PublicationRef other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~PublicationRef();

  Publication* get() const { return held_; }
  Publication* operator->() const { return held_; }
  Publication& operator*() const { return *held_; }
  explicit operator bool() const { return held_ != nullptr; }

 private:
  explicit PublicationRef(Publication* publication) : held_(publication) {}
  Publication* held_ = nullptr;
};

class Publication {
 public:
  // The fixed beginning of every push of `channel`, up to the payload. A feed makes it once per
  // channel.
  static std::string PushPrefix(std::string_view channel);

  // `data` and `info` are one-line JSON (info may be empty = absent), `push_prefix` is that of
  // `channel`; all are copied. `ingest_ns`: when it entered the process, monotonic.
  static PublicationRef Draft(std::string_view channel, std::string_view push_prefix,
                              std::string_view data, std::string_view info,
                              std::uint64_t ingest_ns);

  // Freezes the block: `sequence` is the home's running count for the channel (1, 2, 3 …), by which
  // shards account for what they skip; `offset` its position in the history, 0 = the channel
  // has none. REQUIRES: not sealed.
  void Seal(std::uint64_t sequence, std::uint64_t offset);

  // The whole WebSocket text frame, for a connection that is owed nothing else. REQUIRES: sealed.
  std::span<const std::byte> frame() const {
    return {bytes() + frame_begin_, line_end_ - frame_begin_};
  }
  // The push as one line of JSON, to be joined with others in one frame. REQUIRES: sealed.
  std::string_view line() const {
    return {text() + line_begin_, static_cast<std::size_t>(line_end_ - line_begin_)};
  }
  std::string_view channel() const { return {text(), name_size_}; }
  std::string_view data() const { return {text() + data_begin_, data_size_}; }
  std::string_view info() const { return {text() + info_begin_, info_size_}; }
  std::uint64_t sequence() const { return sequence_; }
  std::uint64_t offset() const { return offset_; }
  std::uint64_t ingest_ns() const { return ingest_ns_; }
  // What the block costs, for bounds in bytes.
  std::size_t footprint_bytes() const { return sizeof(Publication) + capacity_; }

 private:
  friend class PublicationRef;
  Publication() = default;
  const std::byte* bytes() const { return reinterpret_cast<const std::byte*>(this + 1); }
  const char* text() const { return reinterpret_cast<const char*>(this + 1); }
  char* mutable_text() { return reinterpret_cast<char*>(this + 1); }
  void Unref();

  std::atomic<std::uint32_t> references_{1};
  std::uint32_t capacity_ = 0;  // Bytes behind this header.
  std::uint32_t name_size_ = 0;
  std::uint32_t frame_begin_ = 0;
  std::uint32_t line_begin_ = 0;
  std::uint32_t data_begin_ = 0;
  std::uint32_t data_size_ = 0;
  std::uint32_t info_begin_ = 0;
  std::uint32_t info_size_ = 0;
  std::uint32_t line_end_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t ingest_ns_ = 0;
};

inline PublicationRef::PublicationRef(const PublicationRef& other) : held_(other.held_) {
  if (held_ != nullptr) held_->references_.fetch_add(1, std::memory_order_relaxed);
}

inline PublicationRef::~PublicationRef() {
  if (held_ != nullptr) held_->Unref();
}

}  // namespace tickcast::shards
