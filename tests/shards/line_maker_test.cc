#include "shards/line_maker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

using protocol::Encoding;
using protocol::Form;

constexpr std::string_view kChannel = "ticker:a";
constexpr std::string_view kFirst =
    R"({"seq":1,"time":1628640000123,"price":"61837.63","size":"0.001"})";
constexpr std::string_view kSecond =
    R"({"seq":2,"time":1628640000124,"price":"61837.64","size":"0.001"})";

const engine::Config kConfig;
const KeyedAddresses kAddresses(kConfig);

constexpr View kProtobuf{.form = {Encoding::kProtobuf, false}};
constexpr View kJsonDelta{.delta = true};
constexpr View kProtobufDelta{.form = {Encoding::kProtobuf, false}, .delta = true};

PublicationRef Sealed(PublicationDraft draft, std::uint64_t sequence, std::uint64_t offset = 0,
                      std::int64_t channel_id = 0) {
  const std::string prefix = Publication::PushPrefix(draft.channel);
  draft.push_prefix = prefix;
  PublicationRef publication = Publication::Draft(draft);
  publication->Seal(sequence, offset, channel_id);
  return publication;
}

PublicationRef Ticker(std::string_view data, std::uint64_t sequence) {
  return Sealed({.channel = kChannel, .data = data, .delta = true}, sequence);
}

std::string Push(Form form, const protocol::PublicationView& view, std::int64_t id = 0) {
  std::string line;
  protocol::AppendPublicationPush(form, {.channel = kChannel, .id = id}, view, line);
  return line;
}

std::string FrameText(std::span<const std::byte> frame) {
  return {reinterpret_cast<const char*>(frame.data()), frame.size()};
}

TEST(LineMakerTest, EachViewGetsThePushInItsForm) {
  LineMaker maker(kAddresses);
  const protocol::ClientInfo info{.user = "ann", .client = "c1", .conn_info = R"({"a":1})"};
  const PublicationRef publication =
      Sealed({.channel = kChannel, .data = kFirst, .info = &info, .tags = R"({"side":"b\"uy"})"}, 3,
             7, 42);
  const protocol::PublicationView shown{
      .data = kFirst, .info = info, .offset = 7, .tags = R"({"side":"b\"uy"})"};
  for (const Encoding encoding : {Encoding::kJson, Encoding::kProtobuf}) {
    for (const bool bare : {false, true}) {
      for (const bool compact : {false, true}) {
        SCOPED_TRACE(testing::Message() << static_cast<int>(encoding) << bare << compact);
        const View view{.form = {encoding, bare}, .compact = compact};
        EXPECT_EQ(maker.Line(view, *publication, nullptr),
                  Push(view.form, shown, compact ? 42 : 0));
      }
    }
  }
}

// The slot of a feed is a key of each keyed channel over it, and one without a feed of its own.
TEST(LineMakerTest, AnAddressNamesTheKeyedChannelAndTheKey) {
  engine::Config config;
  engine::Namespace watch{.name = "watch"};
  watch.subscription_type = engine::SubscriptionType::kSharedPoll;
  watch.source = "feed:*";
  engine::Namespace poll = watch;
  poll.name = "poll";
  poll.source.clear();
  config.channel.namespaces = {{.name = "ticker"}, watch, poll};
  const KeyedAddresses addresses(config);
  const auto& namespaces = config.channel.namespaces;
  EXPECT_EQ(addresses.Of(namespaces[0]), KeyedAddresses::kNone);
  EXPECT_EQ(addresses.SlotPrefix(namespaces[1], "watch:kucoin"), "ticker:kucoin.");
  EXPECT_EQ(addresses.SlotPrefix(namespaces[1], "watch:"), "");
  EXPECT_EQ(addresses.SlotPrefix(namespaces[1], "watch:a.b"), "");
  EXPECT_EQ(addresses.SlotPrefix(namespaces[2], "poll:a.b"), std::string("poll:a.b\0", 9));
  LineMaker maker(addresses);
  const struct {
    const engine::Namespace& ns;
    std::string slot;
    std::string_view channel;
    std::string_view key;
  } cases[] = {{namespaces[1], "ticker:kucoin.BTC-USDT", "watch:kucoin", "BTC-USDT"},
               {namespaces[1], "ticker:kucoin.a.b", "watch:kucoin", "a.b"},
               {namespaces[2], std::string("poll:a.b\0k.1", 12), "poll:a.b", "k.1"}};
  for (const auto& each : cases) {
    const PublicationRef publication = Sealed({.channel = each.slot, .data = kFirst}, 3);
    for (const Encoding encoding : {Encoding::kJson, Encoding::kProtobuf}) {
      for (const bool bare : {false, true}) {
        const View view{.form = {encoding, bare}, .address = addresses.Of(each.ns)};
        std::string expected;
        protocol::AppendPublicationPush(view.form, {.channel = each.channel},
                                        {.data = kFirst, .key = each.key, .version = 3}, expected);
        EXPECT_EQ(maker.Line(view, *publication, nullptr), expected);
      }
    }
  }
}

// A removal has no payload. Readers of deltas in JSON parse whatever they get as a text of JSON.
TEST(LineMakerTest, ARemovalTellsItsKeyInEveryForm) {
  LineMaker maker(kAddresses);
  const PublicationRef removal =
      Sealed({.channel = kChannel, .tags = R"({"a":"b"})", .key = "k1", .removed = true}, 3, 7, 42);
  const protocol::PublicationView shown{
      .offset = 7, .tags = R"({"a":"b"})", .key = "k1", .removed = true};
  for (const Encoding encoding : {Encoding::kJson, Encoding::kProtobuf}) {
    for (const bool bare : {false, true}) {
      for (const bool delta : {false, true}) {
        SCOPED_TRACE(testing::Message() << static_cast<int>(encoding) << bare << delta);
        const View view{.form = {encoding, bare}, .delta = delta};
        protocol::PublicationView expected = shown;
        if (delta && encoding == Encoding::kJson) {
          expected.data = "null";
          expected.data_as_text = true;
        }
        EXPECT_EQ(maker.Line(view, *removal, nullptr), Push(view.form, expected));
        EXPECT_EQ(Push(view.form, maker.ViewOf(view.form, *removal, delta, nullptr)),
                  Push(view.form, expected));
      }
    }
  }
  EXPECT_NE(maker.Line(kJsonDelta, *removal, nullptr).find(R"("data":"null")"), std::string::npos);
}

// The version before is a removal: nothing that a delta could be told against.
TEST(LineMakerTest, WhatComesAfterARemovalIsWhole) {
  LineMaker maker(kAddresses);
  const PublicationRef removal = Sealed({.channel = kChannel, .key = "k1", .removed = true}, 1);
  const PublicationRef next =
      Sealed({.channel = kChannel, .data = kSecond, .key = "k1", .delta = true}, 2);
  for (const View& view : {kJsonDelta, kProtobufDelta}) {
    const bool text = view.form.encoding == Encoding::kJson;
    EXPECT_EQ(maker.Line(view, *next, removal.get()),
              Push(view.form, {.data = kSecond, .key = "k1", .data_as_text = text}));
  }
}

TEST(LineMakerTest, AFormIsMadeOnceForAllThreads) {
  for (int round = 0; round < 200; ++round) {
    const PublicationRef publication = Ticker(kFirst, 1);
    constexpr int kThreads = 4;
    std::atomic<int> ready = 0;
    std::vector<const char*> seen(kThreads);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        LineMaker maker(kAddresses);
        ++ready;
        while (ready < kThreads) std::this_thread::yield();
        seen[static_cast<std::size_t>(i)] = maker.Line(kProtobuf, *publication, nullptr).data();
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const char* line : seen) ASSERT_EQ(line, seen.front());
  }
}

TEST(LineMakerTest, AFrameHasTheOpcodeOfItsEncoding) {
  LineMaker maker(kAddresses);
  const PublicationRef publication = Ticker("1", 1);
  const std::string binary = FrameText(maker.Frame(kProtobuf, *publication, nullptr));
  const std::string line(maker.Line(kProtobuf, *publication, nullptr));
  ASSERT_LT(line.size(), 126u);
  EXPECT_EQ(binary, "\x82" + std::string(1, static_cast<char>(line.size())) + line);
  EXPECT_EQ(FrameText(maker.Frame({}, *publication, nullptr)), FrameText(publication->frame()));
}

TEST(LineMakerTest, AReaderOfTheBaseGetsADeltaThatGivesThePayload) {
  LineMaker maker(kAddresses);
  const PublicationRef first = Ticker(kFirst, 1);
  const PublicationRef second = Ticker(kSecond, 2);
  protocol::DeltaScratch scratch;
  std::string patch;
  protocol::AppendDelta(kFirst, kSecond, patch, scratch);
  ASSERT_LT(patch.size(), kSecond.size());
  std::string applied;
  ASSERT_TRUE(protocol::ApplyDelta(kFirst, patch, applied));
  ASSERT_EQ(applied, kSecond);
  EXPECT_EQ(maker.Line(kJsonDelta, *second, first.get()),
            Push({}, {.data = patch, .delta = true, .data_as_text = true}));
  EXPECT_EQ(maker.Line(kProtobufDelta, *second, first.get()),
            Push(kProtobufDelta.form, {.data = patch, .delta = true}));
}

// SDKs decode every payload of such a subscription as an escaped string.
TEST(LineMakerTest, AReaderOfDeltasWithoutABaseGetsTheWhole) {
  LineMaker maker(kAddresses);
  const PublicationRef publication = Ticker(kFirst, 1);
  EXPECT_EQ(maker.Line(kJsonDelta, *publication, nullptr),
            Push({}, {.data = kFirst, .data_as_text = true}));
  EXPECT_EQ(maker.Line(kProtobufDelta, *publication, nullptr),
            Push(kProtobufDelta.form, {.data = kFirst}));
}

TEST(LineMakerTest, NoDeltaWherePublisherDidNotAllowIt) {
  LineMaker maker(kAddresses);
  const PublicationRef first = Ticker(kFirst, 1);
  const PublicationRef second = Sealed({.channel = kChannel, .data = kSecond}, 2);
  EXPECT_EQ(maker.Line(kJsonDelta, *second, first.get()),
            Push({}, {.data = kSecond, .data_as_text = true}));
}

TEST(LineMakerTest, ADeltaNoShorterThanThePayloadIsNotSent) {
  LineMaker maker(kAddresses);
  const PublicationRef first = Ticker("1", 1);
  const PublicationRef second = Ticker("2", 2);
  const std::string_view line = maker.Line(kJsonDelta, *second, first.get());
  EXPECT_EQ(line, Push({}, {.data = "2", .data_as_text = true}));
  // And not tried again.
  EXPECT_EQ(maker.Line(kJsonDelta, *second, first.get()).data(), line.data());
}

TEST(LineMakerTest, EachBaseHasADeltaOfItsOwn) {
  LineMaker maker(kAddresses);
  const PublicationRef first = Ticker(kFirst, 1);
  const PublicationRef second = Ticker(kSecond, 2);
  const PublicationRef third =
      Ticker(R"({"seq":3,"time":1628640000125,"price":"61837.63","size":"0.002"})", 3);
  const std::string_view from_first = maker.Line(kJsonDelta, *third, first.get());
  const std::string_view from_second = maker.Line(kJsonDelta, *third, second.get());
  EXPECT_NE(from_first, from_second);
  EXPECT_EQ(maker.Line(kJsonDelta, *third, first.get()).data(), from_first.data());
  EXPECT_EQ(maker.Line(kJsonDelta, *third, second.get()).data(), from_second.data());
}

TEST(LineMakerTest, WhatIsNotJsonHasNoLineInJson) {
  LineMaker maker(kAddresses);
  const PublicationRef publication =
      Sealed({.channel = kChannel, .raw = std::string_view("\0\xff", 2)}, 1);
  EXPECT_FALSE(publication->is_json());
  for (const View& view :
       {View{}, View{.form = {Encoding::kJson, true}}, View{.compact = true}, kJsonDelta}) {
    EXPECT_EQ(maker.Line(view, *publication, nullptr), "");
    EXPECT_TRUE(maker.Frame(view, *publication, nullptr).empty());
  }
  EXPECT_EQ(maker.Line(kProtobuf, *publication, nullptr),
            Push(kProtobuf.form, {.data = std::string_view("\0\xff", 2)}));
}

TEST(LineMakerTest, ProtobufGetsThePayloadAsItWasWritten) {
  LineMaker maker(kAddresses);
  const PublicationRef publication =
      Sealed({.channel = kChannel, .data = R"({"a":1})", .raw = "{\n\"a\": 1}"}, 1);
  EXPECT_EQ(maker.Line({}, *publication, nullptr), Push({}, {.data = R"({"a":1})"}));
  EXPECT_EQ(maker.Line(kProtobuf, *publication, nullptr),
            Push(kProtobuf.form, {.data = "{\n\"a\": 1}"}));
}

TEST(LineMakerTest, RepliesShowTheSameAsPushes) {
  LineMaker maker(kAddresses);
  const PublicationRef first = Ticker(kFirst, 1);
  const PublicationRef second = Ticker(kSecond, 2);
  for (const View& view : {View{}, kProtobuf, kJsonDelta, kProtobufDelta}) {
    for (const Publication* base :
         {static_cast<const Publication*>(nullptr), static_cast<const Publication*>(first.get())}) {
      EXPECT_EQ(Push(view.form, maker.ViewOf(view.form, *second, view.delta, base)),
                maker.Line(view, *second, base));
    }
  }
  maker.Reset();
}

}  // namespace
}  // namespace tickcast::shards
