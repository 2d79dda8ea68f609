#include "shards/publication.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/invariant.h"
#include "protocol/centrifuge/reply.h"
#include "protocol/websocket/frame_writer.h"

namespace tickcast::shards {
namespace {

constexpr std::string_view kInfoKey = ",\"info\":";
constexpr std::string_view kOffsetKey = ",\"offset\":";
constexpr std::string_view kEnd = "}}}";
constexpr std::size_t kDigitsOfUint64 = 20;
constexpr std::size_t kSealRoomBytes = kOffsetKey.size() + kDigitsOfUint64 + kEnd.size() + 1;

// Appends at `at`, which moves behind what was written.
void Append(char*& at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  at += text.size();
}

}  // namespace

std::string Publication::PushPrefix(std::string_view channel) {
  std::string prefix;
  protocol::AppendPublicationPushPrefix(channel, prefix);
  return prefix;
}

PublicationRef Publication::Draft(std::string_view channel, std::string_view push_prefix,
                                  std::string_view data, std::string_view info,
                                  std::uint64_t ingest_ns) {
  const std::size_t capacity = channel.size() + protocol::kMaxServerHeaderBytes +
                               push_prefix.size() + data.size() +
                               (info.empty() ? 0 : kInfoKey.size() + info.size()) + kSealRoomBytes;
  INVARIANT(capacity < UINT32_MAX, "a payload is bounded by the message limit");
  void* block = std::malloc(sizeof(Publication) + capacity);
  INVARIANT(block != nullptr, "out of memory");
  auto* publication = new (block) Publication;
  publication->capacity_ = static_cast<std::uint32_t>(capacity);
  publication->name_size_ = static_cast<std::uint32_t>(channel.size());
  publication->ingest_ns_ = ingest_ns;

  char* const begin = publication->mutable_text();
  const auto position = [begin](const char* at) { return static_cast<std::uint32_t>(at - begin); };
  char* at = begin;
  Append(at, channel);
  at += protocol::kMaxServerHeaderBytes;
  publication->line_begin_ = position(at);
  Append(at, push_prefix);
  publication->data_begin_ = position(at);
  publication->data_size_ = static_cast<std::uint32_t>(data.size());
  Append(at, data);
  if (!info.empty()) {
    Append(at, kInfoKey);
    publication->info_begin_ = position(at);
    publication->info_size_ = static_cast<std::uint32_t>(info.size());
    Append(at, info);
  }
  publication->line_end_ = position(at);
  return PublicationRef::Adopt(publication);
}

void Publication::Seal(std::uint64_t sequence, std::uint64_t offset) {
  INVARIANT(sequence_ == 0 && sequence != 0, "a publication is sealed once");
  sequence_ = sequence;
  offset_ = offset;
  char* at = mutable_text() + line_end_;
  if (offset != 0) {
    Append(at, kOffsetKey);
    at = absl::numbers_internal::FastIntToBuffer(offset, at);
  }
  Append(at, kEnd);
  line_end_ = static_cast<std::uint32_t>(at - mutable_text());
  frame_begin_ = line_begin_ - protocol::WriteServerTextHeader(
                                   line_end_ - line_begin_,
                                   reinterpret_cast<std::byte*>(mutable_text() + line_begin_));
}

void Publication::Unref() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  this->~Publication();
  std::free(this);
}

}  // namespace tickcast::shards
