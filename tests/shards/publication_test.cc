#include "shards/publication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "protocol/centrifuge/reply.h"
#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

constexpr std::string_view kChannel = "room:1";

std::string FrameOf(const Publication& publication) {
  const std::span<const std::byte> frame = publication.frame();
  return {reinterpret_cast<const char*>(frame.data()), frame.size()};
}

// A JSON string that makes the line of a publication of kChannel without offset `line_bytes` long.
std::string DataForLineOf(std::size_t line_bytes) {
  const std::size_t around = Publication::PushPrefix(kChannel).size() + std::string("}}}").size();
  return '"' + std::string(line_bytes - around - 2, 'x') + '"';
}

TEST(PublicationTest, LineIsThePushOfTheProtocol) {
  const PublicationRef plain = SealedOf(kChannel, R"({"a":1})", 7);
  EXPECT_EQ(plain->line(), R"({"push":{"channel":"room:1","pub":{"data":{"a":1}}}})");
  EXPECT_EQ(plain->channel(), kChannel);
  EXPECT_EQ(plain->data(), R"({"a":1})");
  EXPECT_TRUE(plain->is_json());
  EXPECT_EQ(plain->sequence(), 7u);
  EXPECT_EQ(plain->offset(), 0u);
}

// Two writers of one form: what is spliced together here has to equal what replies are made of.
TEST(PublicationTest, LineEqualsWhatTheReplyWriterWrites) {
  const protocol::ClientInfo ann{
      .user = "ann", .client = "c1", .conn_info = R"({"a":1})", .chan_info = "2"};
  for (const bool by_client : {false, true}) {
    for (const std::string_view tags : {std::string_view(), std::string_view(R"({"a":"b"})")}) {
      for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{9},
                                         std::uint64_t{10}, ~std::uint64_t{0}}) {
        SCOPED_TRACE(offset);
        PublicationRef publication =
            Publication::Draft({.channel = kChannel,
                                .push_prefix = Publication::PushPrefix(kChannel),
                                .data = R"({"price":"1.50"})",
                                .info = by_client ? &ann : nullptr,
                                .tags = tags,
                                .delta = by_client,
                                .ingest_ns = 42});
        publication->Seal(1, offset, 5);
        const protocol::ClientInfo info = publication->info();
        std::string expected;
        protocol::AppendPublicationPush(
            {}, {.channel = kChannel},
            {.data = R"({"price":"1.50"})", .info = info, .offset = offset, .tags = tags},
            expected);
        EXPECT_EQ(publication->line(), expected);
        EXPECT_EQ(publication->has_info(), by_client);
        EXPECT_EQ(info.user, by_client ? "ann" : "");
        EXPECT_EQ(info.client, by_client ? "c1" : "");
        EXPECT_EQ(info.conn_info, by_client ? R"({"a":1})" : "");
        EXPECT_EQ(info.chan_info, by_client ? "2" : "");
        EXPECT_EQ(publication->tags(), tags);
        EXPECT_EQ(publication->data(), R"({"price":"1.50"})");
        EXPECT_EQ(publication->raw(), publication->data());
        EXPECT_EQ(publication->delta(), by_client);
        EXPECT_EQ(publication->ingest_ns(), 42u);
        EXPECT_EQ(publication->channel_id(), 5);
      }
    }
  }
}

// With a key, and without a payload: the members that are there, in the order of replies.
TEST(PublicationTest, LineOfAKeyEqualsWhatTheReplyWriterWrites) {
  const protocol::ClientInfo ann{.user = "ann", .client = "c1"};
  for (int members = 0; members < 32; ++members) {
    SCOPED_TRACE(members);
    const bool by_client = (members & 1) != 0;
    const bool removed = (members & 2) != 0;
    const std::string_view data = (members & 4) != 0 ? R"({"x":1})" : "";
    const std::string_view tags = (members & 8) != 0 ? R"({"a":"b"})" : "";
    const std::uint64_t offset = (members & 16) != 0 ? ~std::uint64_t{0} : 0;
    for (const std::string& key : {std::string("BTC-USDT"), std::string("a\"\\\n{"),
                                   std::string(Publication::kMaxKeyBytes, '\x01')}) {
      PublicationRef publication =
          Publication::Draft({.channel = kChannel,
                              .push_prefix = Publication::PushPrefix(kChannel),
                              .data = data,
                              .info = by_client ? &ann : nullptr,
                              .tags = tags,
                              .key = key,
                              .removed = removed});
      publication->Seal(1, offset);
      std::string expected;
      protocol::AppendPublicationPush({}, {.channel = kChannel},
                                      {.data = data,
                                       .info = publication->info(),
                                       .offset = offset,
                                       .tags = tags,
                                       .key = key,
                                       .removed = removed},
                                      expected);
      EXPECT_EQ(publication->line(), expected);
      EXPECT_TRUE(publication->is_json());
      EXPECT_EQ(publication->data(), data);
      EXPECT_EQ(publication->raw(), data);
      EXPECT_EQ(publication->key(), key);
      EXPECT_EQ(publication->removed(), removed);
      EXPECT_EQ(publication->channel(), kChannel);
      EXPECT_EQ(publication->info().user, by_client ? "ann" : "");
      EXPECT_EQ(publication->tags(), tags);
      EXPECT_FALSE(publication->frame().empty());
    }
  }
}

TEST(PublicationTest, AKeyDoesNotMakeJsonOfAPayloadThatIsNot) {
  PublicationRef publication = Publication::Draft({.channel = kChannel,
                                                   .push_prefix = Publication::PushPrefix(kChannel),
                                                   .raw = std::string_view("\xff", 1),
                                                   .key = "k"});
  publication->Seal(1, 1);
  EXPECT_FALSE(publication->is_json());
  EXPECT_EQ(publication->key(), "k");
  EXPECT_FALSE(publication->removed());
  EXPECT_TRUE(publication->line().empty());
}

TEST(PublicationDeathTest, AKeyThatIsTooLongIsRefusedBefore) {
  const std::string key(Publication::kMaxKeyBytes + 1, 'k');
  EXPECT_DEATH(Publication::Draft({.channel = kChannel,
                                   .push_prefix = Publication::PushPrefix(kChannel),
                                   .data = "1",
                                   .key = key}),
               "longer key");
}

TEST(PublicationTest, APayloadThatIsNotJsonHasNoLine) {
  const std::string_view bytes("\0\xff\n", 3);
  PublicationRef publication = Publication::Draft(
      {.channel = kChannel, .push_prefix = Publication::PushPrefix(kChannel), .raw = bytes});
  publication->Seal(1, 1);
  EXPECT_FALSE(publication->is_json());
  EXPECT_EQ(publication->raw(), bytes);
  EXPECT_EQ(publication->data(), "");
  EXPECT_TRUE(publication->frame().empty());
}

TEST(PublicationTest, ChannelNameIsEscapedInThePushAndPlainBesideIt) {
  const std::string name = "room:\"q\"\\\n";
  const PublicationRef publication = SealedOf(name, "1", 1);
  EXPECT_EQ(publication->channel(), name);
  EXPECT_EQ(publication->line(), R"({"push":{"channel":"room:\"q\"\\\n","pub":{"data":1}}})");
}

// RFC 6455 section 5.2: the length takes 7 bits, 16 bits or 64 bits, always the fewest.
TEST(PublicationTest, FrameHeaderTakesTheShortestLengthForm) {
  using std::string_literals::operator""s;
  const std::pair<std::size_t, std::string> boundaries[] = {
      {125, "\x81\x7d"s},
      {126, "\x81\x7e\x00\x7e"s},
      {127, "\x81\x7e\x00\x7f"s},
      {65535, "\x81\x7e\xff\xff"s},
      {65536, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s},
      {65537, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x01"s},
  };
  for (const auto& [line_bytes, header] : boundaries) {
    SCOPED_TRACE(line_bytes);
    const PublicationRef publication = SealedOf(kChannel, DataForLineOf(line_bytes), 1);
    ASSERT_EQ(publication->line().size(), line_bytes);
    EXPECT_EQ(FrameOf(*publication), header + std::string(publication->line()));
    EXPECT_EQ(publication->channel(), kChannel);  // The header grew away from the name.
  }
}

// The offset is known only at the seal, and may be what makes the header longer.
TEST(PublicationTest, OffsetCountsForTheHeader) {
  const std::string data = DataForLineOf(125 - std::string(R"(,"offset":9)").size());
  EXPECT_EQ(SealedOf(kChannel, data, 1, 9)->frame().size(), 2u + 125u);
  EXPECT_EQ(SealedOf(kChannel, data, 1, 10)->frame().size(), 4u + 126u);
}

TEST(PublicationTest, FootprintCoversEverythingItHolds) {
  const std::string data = DataForLineOf(1000);
  const PublicationRef publication = SealedOf(kChannel, data, 1, ~std::uint64_t{0});
  EXPECT_GE(publication->footprint_bytes(),
            sizeof(Publication) + kChannel.size() + publication->frame().size());
  EXPECT_LE(publication->footprint_bytes(),
            sizeof(Publication) + kChannel.size() + publication->frame().size() + 64);
}

TEST(PublicationTest, MovingLeavesNothingBehindAndCopyingShares) {
  PublicationRef first = SealedOf(kChannel, "1", 1);
  const Publication* block = first.get();
  PublicationRef copy = first;
  PublicationRef moved = std::move(first);
  EXPECT_FALSE(first);
  EXPECT_EQ(copy.get(), block);
  EXPECT_EQ(moved.get(), block);
  moved = PublicationRef();
  EXPECT_EQ(copy->data(), "1");
  PublicationRef& same = copy;
  copy = same;
  EXPECT_EQ(copy->data(), "1");
}

// What shards do: each takes a reference of its own, reads, and the last one out frees the block.
// The sanitizers judge: a lost reference leaks, one too few is used after it was freed.
TEST(PublicationTest, ThreadsShareOneBlockAndTheLastFreesIt) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 500;
  for (int round = 0; round < kRounds; ++round) {
    PublicationRef publication = SealedOf(kChannel, R"({"n":1})", 1, 1);
    std::atomic<std::size_t> bytes_read = 0;
    const std::size_t frame_bytes = publication->frame().size();
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&bytes_read, held = publication] {
        const PublicationRef mine = held;
        bytes_read += FrameOf(*mine).size();
      });
    }
    publication = PublicationRef();
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(bytes_read, kThreads * frame_bytes);
  }
}

TEST(PublicationDeathTest, SealsOnce) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(SealedOf(kChannel, "1", 1)->Seal(2, 0), "sealed once");
  EXPECT_DEATH(DraftOf(kChannel, "1")->Seal(0, 0), "sealed once");
}

}  // namespace
}  // namespace tickcast::shards
