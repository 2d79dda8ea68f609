// Publication: one message of a channel, as the bytes that go to sockets.
//
// One block of memory holds the channel's name and the finished WebSocket frame of the push in
// JSON, which nearly all subscribers want; its payload is a part of that frame, so nothing is
// stored twice and history, last values and fan-out all share it. The source drafts the block
// (everything but the offset), the channel's home shard seals it, and from then on it is frozen.
//
//   | Publication | channel name | key, and as a member | who published | tags |
//   | payload, if the line has not got it |
//   | header room 10 | {"push":{"channel":"…","pub":{"data": | data | ,"info":… | ,"offset":N |
//   | ,"tags":… | ,"key":… | }}} |
//
// Other forms of the push (Protobuf, a channel's number for its name, deltas) are lines beside the
// block, made by the first shard that needs one (LineMaker) and hung on it for all the others.
// Threading: drafted and sealed on one thread at a time (it moves through a lane), read by all
// after; the count of references is atomic and is touched once per shard, never per delivery. Lines
// are added by compare-and-swap and never taken away while the publication lives.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/centrifuge/reply.h"

namespace tickcast::shards {

class Publication;

// Which bytes a push is made of.
struct LineForm {
  protocol::Form form;
  bool compact = false;  // The channel's number stands for its name.
  // JSON: the payload is an escaped string, as subscribers to deltas expect it always.
  bool escaped = false;
  // Sequence of the publication that the payload is a delta against; 0: the payload is whole.
  std::uint64_t base = 0;
  std::uint16_t address = 0;  // Of KeyedAddresses: under which name; 0: the channel's own.

  bool operator==(const LineForm&) const = default;
};

// A push in one form, with room for a WebSocket header before it.
class EncodedLine {
 public:
  static EncodedLine* New(const LineForm& form, std::string_view line);
  static void Delete(EncodedLine* line);

  std::string_view line() const { return {text(), size_}; }
  // The whole WebSocket frame: text for JSON, binary for Protobuf.
  std::span<const std::byte> frame() const;

 private:
  friend class Publication;
  EncodedLine() = default;
  const char* text() const;

  EncodedLine* next_ = nullptr;
  LineForm form_;
  std::uint32_t size_ = 0;
  std::uint32_t header_bytes_ = 0;
};

// What a source knows of a publication. All views are copied.
struct PublicationDraft {
  std::string_view channel;
  std::string_view push_prefix;  // Publication::PushPrefix(channel).
  // One-line JSON; empty where the payload is not JSON, which only Protobuf subscribers can take,
  // and, with `raw` empty too, where something with a key has none: a removal, one who is present.
  std::string_view data = {};
  // The payload as its publisher wrote it, where that is not `data`.
  std::string_view raw = {};
  const protocol::ClientInfo* info = nullptr;  // Of a client that published.
  std::string_view tags = {};                  // One-line JSON object of strings, or empty.
  std::string_view key = {};                   // Of a map channel, at most kMaxKeyBytes.
  bool removed = false;                        // Of `key` there is nothing any more.
  std::uint64_t version = 0;                   // Of a tracked key; 0: its sequence says enough.
  bool delta = false;                          // Subscribers to deltas may get one.
  std::uint64_t ingest_ns = 0;                 // When it entered the process, monotonic.
};

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
  static constexpr std::size_t kMaxKeyBytes = 255;

  // The fixed beginning of every push of `channel`, up to the payload. A feed makes it once per
  // channel.
  static std::string PushPrefix(std::string_view channel);

  // REQUIRES: `data`, `raw` or `key` is not empty.
  static PublicationRef Draft(const PublicationDraft& draft);

  // Freezes the block: `sequence` is the home's running count for the channel (1, 2, 3 …), by which
  // shards account for what they skip; `offset` its position in the history, 0 = the channel
  // has none; `channel_id` the channel's number in compact pushes. REQUIRES: not sealed.
  void Seal(std::uint64_t sequence, std::uint64_t offset, std::int64_t channel_id = 0);

  // Whether there is a push in JSON. If not, line() and frame() are empty.
  bool is_json() const { return line_end_ != 0; }
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
  // The payload's bytes as they were published; data(), unless that was brought to one line.
  std::string_view raw() const {
    return raw_size_ == 0 ? data() : std::string_view(text() + raw_begin_, raw_size_);
  }
  // Who published; `user` and `client` are empty where it was no client.
  protocol::ClientInfo info() const;
  bool has_info() const { return has_info_; }
  std::string_view tags() const { return {text() + tags_begin_, tags_size_}; }
  // Of a map channel; empty: it has none.
  std::string_view key() const { return {text() + name_size_, key_size_}; }
  // Of its key there is nothing any more.
  bool removed() const { return removed_; }
  // What subscribers that track the key are told. REQUIRES: sealed.
  std::uint64_t version() const { return version_ == 0 ? sequence_ : version_; }
  bool delta() const { return delta_; }
  std::int64_t channel_id() const { return channel_id_; }
  std::uint64_t sequence() const { return sequence_; }
  std::uint64_t offset() const { return offset_; }
  std::uint64_t ingest_ns() const { return ingest_ns_; }

  // The line of `form` that somebody has added, or null.
  const EncodedLine* Find(const LineForm& form) const;
  // Adds `line`, and takes it over; if another thread was faster it is deleted. Returns the line
  // that all will find from now on. Lives as long as the publication.
  const EncodedLine* Add(EncodedLine* line) const;

  // What the block costs, for bounds in bytes; lines in other forms are not in it.
  std::size_t footprint_bytes() const { return sizeof(Publication) + capacity_; }

 private:
  friend class PublicationRef;
  Publication() = default;
  ~Publication();
  const std::byte* bytes() const { return reinterpret_cast<const std::byte*>(this + 1); }
  const char* text() const { return reinterpret_cast<const char*>(this + 1); }
  char* mutable_text() { return reinterpret_cast<char*>(this + 1); }
  void Unref();

  std::atomic<std::uint32_t> references_{1};
  std::uint32_t capacity_ = 0;  // Bytes behind this header.
  std::uint32_t name_size_ = 0;
  // Behind the name and the key in both its forms: user, client, conn_info and chan_info, one after
  // the other.
  std::uint32_t user_size_ = 0;
  std::uint32_t client_size_ = 0;
  std::uint32_t conn_info_size_ = 0;
  std::uint32_t chan_info_size_ = 0;
  std::uint32_t tags_begin_ = 0;
  std::uint32_t tags_size_ = 0;
  std::uint32_t raw_begin_ = 0;
  std::uint32_t raw_size_ = 0;
  std::uint32_t frame_begin_ = 0;
  std::uint32_t line_begin_ = 0;
  std::uint32_t data_begin_ = 0;
  std::uint32_t data_size_ = 0;
  std::uint32_t line_end_ = 0;
  std::uint16_t key_size_ = 0;
  std::uint16_t key_member_size_ = 0;  // ,"key":"…" and, where it is so, ,"removed":true
  bool has_info_ = false;
  bool removed_ = false;
  bool delta_ = false;
  std::uint64_t version_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t ingest_ns_ = 0;
  std::int64_t channel_id_ = 0;
  mutable std::atomic<EncodedLine*> lines_{nullptr};  // Newest first.
};

inline PublicationRef::PublicationRef(const PublicationRef& other) : held_(other.held_) {
  if (held_ != nullptr) held_->references_.fetch_add(1, std::memory_order_relaxed);
}

inline PublicationRef::~PublicationRef() {
  if (held_ != nullptr) held_->Unref();
}

}  // namespace tickcast::shards
