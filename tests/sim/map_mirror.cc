#include "tests/sim/map_mirror.h"

#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "protocol/abseil.h"
#include "protocol/delta/fossil.h"

namespace tickcast::shards::sim {
namespace {

constexpr std::int64_t kStreamPhase = 1;
constexpr std::int64_t kStatePhase = 2;
// Errors that an SDK answers by trying again.
constexpr std::uint32_t kUnrecoverable = 112;
constexpr std::uint32_t kTooManyRequests = 111;
constexpr std::uint32_t kFirstToResubscribe = 2500;

}  // namespace

void MapMirror::Begin(SimClient& client) {
  client_ = &client;
  live_ = ended_ = false;
  end_code_ = 0;
  next_.clear();
  buffer_.clear();
  removed_.clear();
  beginning_ = true;
  if (recover_) {
    // What it was told by pages since is forgotten with the buffer. (SDK 5.8 keeps the position of
    // the last page all the same, and so misses what it forgets when it is lost between two.)
    offset_ = shown_offset_;
    AskStream();
  } else {
    payloads_.clear();
    AskState("");
  }
  beginning_ = false;
}

void MapMirror::Leave() {
  live_ = ended_ = false;
  asking_ = 0;
  next_.clear();
  leaving_ = client_->Unsubscribe(wants_.channel);
  client_->Flush();
}

void MapMirror::Lose() {
  client_ = nullptr;
  live_ = ended_ = false;
  asking_ = leaving_ = 0;
  next_.clear();
}

void MapMirror::Continue() {
  ASSERT_TRUE(waits());
  asking_ = client_->Command(std::exchange(next_, {}));
  client_->Flush();
}

void MapMirror::Ask(std::string_view members) {
  next_ = absl::StrCat(R"("subscribe":{"channel":")", wants_.channel, R"(","type":1)",
                       protocol::Abseil(members));
  if (wants_.limit != 0) absl::StrAppend(&next_, R"(,"limit":)", wants_.limit);
  if (wants_.delta) next_ += R"(,"delta":"fossil")";
  if (!wants_.tf.empty()) absl::StrAppend(&next_, R"(,"tf":)", wants_.tf);
  next_ += "}";
  if (!stops_ || beginning_) Continue();
}

void MapMirror::AskState(std::string_view cursor) {
  std::string members = R"(,"phase":2)";
  if (!cursor.empty()) absl::StrAppend(&members, R"(,"cursor":")", protocol::Abseil(cursor), "\"");
  if (!epoch_.empty()) {
    absl::StrAppend(&members, R"(,"offset":)", offset_, R"(,"epoch":")", epoch_, "\"");
  } else if (!wants_.data.empty()) {
    absl::StrAppend(&members, R"(,"data":)", wants_.data);
  }
  Ask(members);
}

void MapMirror::AskStream() {
  std::string members =
      absl::StrCat(R"(,"phase":1,"offset":)", offset_, R"(,"epoch":")", epoch_, "\"");
  if (recover_) {
    members += R"(,"recover":true)";
    if (!wants_.data.empty()) absl::StrAppend(&members, R"(,"data":)", wants_.data);
  }
  Ask(members);
}

void MapMirror::OnHeard(const Heard& heard) {
  if (leaving_ != 0) {
    if (heard.id != leaving_) return;
    EXPECT_EQ(heard.kind, Heard::Kind::kUnsubscribed);
    leaving_ = 0;
    return Begin(*client_);
  }
  if (asking_ != 0 && heard.id == asking_) return OnReply(heard);
  if (heard.channel != wants_.channel) return;
  if (heard.kind == Heard::Kind::kPublication) {
    EXPECT_TRUE(live_) << "told of " << heard.publications[0].key << " before it is live";
    const HeardPublication& told = heard.publications[0];
    if (told.offset != 0) {
      EXPECT_GT(told.offset, offset_) << told.key;
      offset_ = shown_offset_ = told.offset;
    }
    ++pushes_;
    return Take(told, delta_, keys_);
  }
  if (heard.kind != Heard::Kind::kDropped) return;
  // As an unsubscribe by the server: SDKs come back by themselves from the second half of codes.
  live_ = false;
  asking_ = 0;
  next_.clear();
  ended_ = heard.code >= kFirstToResubscribe;
  end_code_ = heard.code;
}

void MapMirror::OnReply(const Heard& reply) {
  asking_ = 0;
  if (reply.kind == Heard::Kind::kError) return OnError(reply.code);
  ASSERT_EQ(reply.kind, Heard::Kind::kSubscribed);
  ++pages_;
  if (reply.phase == 0) return OnLive(reply);
  EXPECT_FALSE(reply.delta) << "told with the last answer alone";
  if (reply.phase == kStatePhase) {
    if (epoch_.empty() && !reply.epoch.empty()) {
      epoch_ = reply.epoch;
      offset_ = reply.offset;
    }
    EXPECT_EQ(reply.epoch, epoch_);
    for (const HeardPublication& key : reply.state) Take(key, false, buffer_);
    return reply.cursor.empty() ? AskStream() : AskState(reply.cursor);
  }
  ASSERT_EQ(reply.phase, kStreamPhase);
  EXPECT_EQ(reply.epoch, epoch_);
  for (const HeardPublication& change : reply.publications) Take(change, false, buffer_);
  EXPECT_GT(reply.offset, offset_) << "a page that leads nowhere";
  offset_ = reply.offset;
  AskStream();
}

void MapMirror::OnError(std::uint32_t code) {
  EXPECT_TRUE(code == kUnrecoverable || code == kTooManyRequests) << code;
  ended_ = true;
  end_code_ = code;
  payloads_.clear();
  if (code != kUnrecoverable) return;
  epoch_.clear();
  offset_ = 0;
  recover_ = false;
}

void MapMirror::OnLive(const Heard& reply) {
  if (!epoch_.empty()) {
    EXPECT_EQ(reply.epoch, epoch_);
  }
  for (const HeardPublication& key : reply.state) Take(key, false, buffer_);
  for (const HeardPublication& change : reply.publications) Take(change, reply.delta, buffer_);
  EXPECT_GE(reply.offset, offset_);
  offset_ = shown_offset_ = reply.offset;
  epoch_ = reply.epoch;
  recover_ = reply.recoverable;
  delta_ = reply.delta;
  live_ = true;
  if (reply.recovered) {
    ++recoveries_;
  } else {
    ++syncs_;
    keys_.clear();
    removed_.clear();
  }
  for (const auto& [key, gone] : removed_) keys_.erase(key);
  for (auto& [key, value] : buffer_) keys_[key] = std::move(value);
  buffer_.clear();
  removed_.clear();
}

void MapMirror::Take(const HeardPublication& heard, bool delta, Values& values) {
  EXPECT_NE(heard.key, "");
  const bool in_buffer = &values == &buffer_;
  if (heard.removed) {
    payloads_.erase(heard.key);
    values.erase(heard.key);
    if (in_buffer) removed_[heard.key];
    return;
  }
  if (in_buffer) removed_.erase(heard.key);
  if (!wants_.delta) {
    values[heard.key] = heard.data;
    return;
  }
  // Among deltas every payload is a text, the whole ones too.
  const std::string text = TextOf(heard.data);
  EXPECT_TRUE(delta || !heard.delta) << "a delta before any was granted";
  if (heard.delta) {
    ++deltas_;
    ASSERT_TRUE(payloads_.contains(heard.key)) << "a delta against nothing: " << heard.key;
    std::string whole;
    ASSERT_TRUE(protocol::ApplyDelta(payloads_[heard.key], text, whole))
        << "a delta that does not fit what was told of " << heard.key << " before";
    payloads_[heard.key] = whole;
  } else {
    payloads_[heard.key] = text;
  }
  values[heard.key] = payloads_[heard.key];
}

std::string MapMirror::TextOf(std::string_view json) {
  simdjson::dom::element data;
  std::string_view text;
  const bool good = json_.parse(simdjson::padded_string(json)).get(data) == simdjson::SUCCESS &&
                    data.get(text) == simdjson::SUCCESS;
  EXPECT_TRUE(good) << "no text: " << json;
  return good ? std::string(text) : std::string();
}

}  // namespace tickcast::shards::sim
