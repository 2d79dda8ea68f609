#include "shards/publication.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/invariant.h"
#include "protocol/json/payload.h"
#include "protocol/websocket/frame_writer.h"

namespace tickcast::shards {
namespace {

using protocol::kMaxServerHeaderBytes;

constexpr std::string_view kInfoKey = ",\"info\":";
constexpr std::string_view kOffsetKey = ",\"offset\":";
constexpr std::string_view kTagsKey = ",\"tags\":";
constexpr std::string_view kKeyKey = ",\"key\":";
constexpr std::string_view kRemoved = ",\"removed\":true";
constexpr std::string_view kDataKey = "\"data\":";  // What every prefix ends with.
constexpr std::string_view kEnd = "}}}";
constexpr std::size_t kDigitsOfUint64 = 20;
constexpr std::size_t kSealRoomBytes = kOffsetKey.size() + kDigitsOfUint64 + kEnd.size() + 1;

// Appends at `at`, which moves behind what was written.
void Append(char*& at, std::string_view text) {
  // An empty view may be null, which memcpy does not take.
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  at += text.size();
}

// The same for what begins with the comma of a member: the first one of an object has none.
void AppendMember(char*& at, std::string_view text) {
  Append(at, at[-1] == '{' ? text.substr(1) : text);
}

// What tells of the key, as members of a push in JSON.
std::string KeyMember(const PublicationDraft& draft) {
  std::string member;
  if (draft.key.empty()) return member;
  member = kKeyKey;
  protocol::AppendQuoted(draft.key, member);
  if (draft.removed) member += kRemoved;
  return member;
}

std::uint32_t SizeOf(std::string_view text) { return static_cast<std::uint32_t>(text.size()); }

void* Allocate(std::size_t bytes) {
  void* block = std::malloc(bytes);
  INVARIANT(block != nullptr, "out of memory");
  return block;
}

}  // namespace

EncodedLine* EncodedLine::New(const LineForm& form, std::string_view line) {
  INVARIANT(line.size() < UINT32_MAX, "a payload is bounded by the message limit");
  void* block = Allocate(sizeof(EncodedLine) + kMaxServerHeaderBytes + line.size());
  auto* encoded = new (block) EncodedLine;
  encoded->form_ = form;
  encoded->size_ = SizeOf(line);
  char* const text = reinterpret_cast<char*>(encoded + 1) + kMaxServerHeaderBytes;
  std::memcpy(text, line.data(), line.size());
  const bool json = form.form.encoding == protocol::Encoding::kJson;
  encoded->header_bytes_ = static_cast<std::uint32_t>(
      protocol::WriteServerHeader(json ? protocol::Opcode::kText : protocol::Opcode::kBinary,
                                  line.size(), reinterpret_cast<std::byte*>(text)));
  return encoded;
}

void EncodedLine::Delete(EncodedLine* line) {
  line->~EncodedLine();
  std::free(line);
}

const char* EncodedLine::text() const {
  return reinterpret_cast<const char*>(this + 1) + kMaxServerHeaderBytes;
}

std::span<const std::byte> EncodedLine::frame() const {
  const auto* payload = reinterpret_cast<const std::byte*>(text());
  return {payload - header_bytes_, header_bytes_ + std::size_t{size_}};
}

std::string Publication::PushPrefix(std::string_view channel) {
  std::string prefix;
  protocol::AppendPublicationPushPrefix(channel, prefix);
  return prefix;
}

PublicationRef Publication::Draft(const PublicationDraft& draft) {
  DEBUG_INVARIANT(!draft.data.empty() || !draft.raw.empty() || !draft.key.empty(),
                  "a publication has a payload or a key");
  INVARIANT(draft.key.size() <= kMaxKeyBytes, "a longer key is refused");
  const bool is_json = !draft.data.empty() || draft.raw.empty();
  const protocol::ClientInfo info = draft.info == nullptr ? protocol::ClientInfo{} : *draft.info;
  std::string info_text;
  if (draft.info != nullptr && is_json) {
    info_text = kInfoKey;
    protocol::AppendClientInfo(info, info_text);
  }
  const std::string key_member = KeyMember(draft);
  std::size_t capacity = draft.channel.size() + draft.key.size() + key_member.size() +
                         info.user.size() + info.client.size() + info.conn_info.size() +
                         info.chan_info.size() + draft.tags.size() + draft.raw.size();
  if (is_json) {
    capacity += kMaxServerHeaderBytes + draft.push_prefix.size() + draft.data.size() +
                info_text.size() + key_member.size() + kSealRoomBytes;
    if (!draft.tags.empty()) capacity += kTagsKey.size() + draft.tags.size();
  }
  INVARIANT(capacity < UINT32_MAX, "a payload is bounded by the message limit");
  auto* publication = new (Allocate(sizeof(Publication) + capacity)) Publication;
  publication->capacity_ = static_cast<std::uint32_t>(capacity);
  publication->ingest_ns_ = draft.ingest_ns;
  publication->has_info_ = draft.info != nullptr;
  publication->delta_ = draft.delta;
  publication->version_ = draft.version;

  char* const begin = publication->mutable_text();
  const auto position = [begin](const char* at) { return static_cast<std::uint32_t>(at - begin); };
  char* at = begin;
  Append(at, draft.channel);
  publication->name_size_ = SizeOf(draft.channel);
  Append(at, draft.key);
  publication->key_size_ = static_cast<std::uint16_t>(draft.key.size());
  Append(at, key_member);
  publication->key_member_size_ = static_cast<std::uint16_t>(key_member.size());
  publication->removed_ = draft.removed;
  Append(at, info.user);
  publication->user_size_ = SizeOf(info.user);
  Append(at, info.client);
  publication->client_size_ = SizeOf(info.client);
  Append(at, info.conn_info);
  publication->conn_info_size_ = SizeOf(info.conn_info);
  Append(at, info.chan_info);
  publication->chan_info_size_ = SizeOf(info.chan_info);
  publication->tags_begin_ = position(at);
  publication->tags_size_ = SizeOf(draft.tags);
  Append(at, draft.tags);
  publication->raw_begin_ = position(at);
  publication->raw_size_ = SizeOf(draft.raw);
  Append(at, draft.raw);
  if (is_json) {
    at += kMaxServerHeaderBytes;
    publication->line_begin_ = position(at);
    Append(at, draft.push_prefix);
    if (draft.data.empty()) at -= kDataKey.size();
    publication->data_begin_ = position(at);
    publication->data_size_ = SizeOf(draft.data);
    Append(at, draft.data);
    if (!info_text.empty()) AppendMember(at, info_text);
    publication->line_end_ = position(at);
  }
  return PublicationRef::Adopt(publication);
}

void Publication::Seal(std::uint64_t sequence, std::uint64_t offset, std::int64_t channel_id) {
  INVARIANT(sequence_ == 0 && sequence != 0, "a publication is sealed once");
  sequence_ = sequence;
  offset_ = offset;
  channel_id_ = channel_id;
  if (!is_json()) return;
  char* at = mutable_text() + line_end_;
  if (offset != 0) {
    AppendMember(at, kOffsetKey);
    at = absl::numbers_internal::FastIntToBuffer(offset, at);
  }
  if (tags_size_ != 0) {
    AppendMember(at, kTagsKey);
    Append(at, tags());
  }
  if (key_member_size_ != 0) {
    AppendMember(at, {text() + name_size_ + key_size_, key_member_size_});
  }
  Append(at, kEnd);
  line_end_ = static_cast<std::uint32_t>(at - mutable_text());
  frame_begin_ = line_begin_ - static_cast<std::uint32_t>(protocol::WriteServerTextHeader(
                                   line_end_ - line_begin_,
                                   reinterpret_cast<std::byte*>(mutable_text() + line_begin_)));
}

protocol::ClientInfo Publication::info() const {
  const char* at = text() + name_size_ + key_size_ + key_member_size_;
  const auto next = [&at](std::uint32_t size) {
    const std::string_view part(at, size);
    at += size;
    return part;
  };
  protocol::ClientInfo info;
  info.user = next(user_size_);
  info.client = next(client_size_);
  info.conn_info = next(conn_info_size_);
  info.chan_info = next(chan_info_size_);
  return info;
}

const EncodedLine* Publication::Find(const LineForm& form) const {
  const EncodedLine* line = lines_.load(std::memory_order_acquire);
  while (line != nullptr && line->form_ != form) line = line->next_;
  return line;
}

const EncodedLine* Publication::Add(EncodedLine* line) const {
  EncodedLine* head = lines_.load(std::memory_order_acquire);
  do {
    for (const EncodedLine* known = head; known != nullptr; known = known->next_) {
      if (known->form_ != line->form_) continue;
      EncodedLine::Delete(line);
      return known;
    }
    line->next_ = head;
  } while (!lines_.compare_exchange_weak(head, line, std::memory_order_acq_rel,
                                         std::memory_order_acquire));
  return line;
}

Publication::~Publication() {
  EncodedLine* line = lines_.load(std::memory_order_relaxed);
  while (line != nullptr) EncodedLine::Delete(std::exchange(line, line->next_));
}

void Publication::Unref() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  this->~Publication();
  std::free(this);
}

}  // namespace tickcast::shards
