// The server API's subscribe, through real shards: what the client is told, and when the backend
// is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/api_world.h"
#include "tests/sim/sim_stream_peer.h"

namespace tickcast::shards::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Kind = Heard::Kind;

constexpr char kDone[] = R"({"result":{}})";
constexpr char kFailed[] = R"({"error":{"code":100,"message":"internal server error"}})";

class ServerSubscribeTest : public ApiWorldTest {
 protected:
  // `members` go behind user and channel.
  std::string Subscribe(std::string_view user, std::string_view channel,
                        std::string_view members = {}) {
    return Call("/api/subscribe",
                absl::StrCat(R"({"user":")", protocol::Abseil(user), R"(","channel":")",
                             protocol::Abseil(channel), "\"", protocol::Abseil(members), "}"));
  }
  void Publish(std::string_view channel, std::string_view data) {
    Call("/api/publish", absl::StrCat(R"({"channel":")", protocol::Abseil(channel), R"(","data":)",
                                      protocol::Abseil(data), "}"));
  }
  // The pushes to subscribe to `channel`.
  static std::vector<Heard> Given(const SimClient& client, std::string_view channel) {
    return client.HeardOf(Kind::kGiven, channel);
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, ServerSubscribeTest, testing::Range<std::uint64_t>(0, 6));

TEST_P(ServerSubscribeTest, EveryConnectionOfTheUserOnEveryShardAndNoOther) {
  std::vector<SimClient*> hers, others;
  for (const ShardId shard : {0, 1, 2, 2}) hers.push_back(&Connect(shard, "ada"));
  others.push_back(&Connect(1, "bob"));
  others.push_back(&Connect(2, ""));
  EXPECT_EQ(Subscribe("ada", "flow:a", R"(,"data":{"hello": 1})"), kDone);
  Publish("flow:a", "7");
  Settle();
  for (SimClient* client : hers) {
    ASSERT_EQ(Given(*client, "flow:a").size(), 1u);
    EXPECT_EQ(Given(*client, "flow:a")[0].text, R"({"hello":1})");
    EXPECT_FALSE(Given(*client, "flow:a")[0].positioned);
    EXPECT_THAT(client->DataOf("flow:a"), ElementsAre("7"));
  }
  for (SimClient* client : others) {
    EXPECT_THAT(Given(*client, "flow:a"), IsEmpty());
    EXPECT_THAT(client->DataOf("flow:a"), IsEmpty());
  }
  // Nobody there is no error, and an empty user means those without a name.
  EXPECT_EQ(Subscribe("nobody", "flow:a"), kDone);
  EXPECT_EQ(Subscribe("", "flow:b"), kDone);
  Settle();
  EXPECT_EQ(Given(*others[1], "flow:b").size(), 1u);
  EXPECT_THAT(Given(*others[0], "flow:b"), IsEmpty());
}

TEST_P(ServerSubscribeTest, OnlyTheClientOrTheSessionThatIsNamed) {
  SimClient& first = Connect(0, "ada");
  SimClient& second = Connect(2, "ada");
  SimStreamPeer stream(cluster_.world(), cluster_.ring(1));
  stream.Post("/connection/http_stream",
              absl::StrCat(R"({"id":1,"connect":{"token":")", Token(R"({"sub":"ada"})"), "\"}}"));
  ASSERT_TRUE(cluster_.RunUntil([&] { return !stream.Lines().empty(); }));
  const std::string session = MemberOf(stream.Lines()[0], "session");
  ASSERT_NE(session, "");

  Subscribe("ada", "flow:a", absl::StrCat(R"(,"client":")", second.id(), "\""));
  Subscribe("ada", "flow:b", absl::StrCat(R"(,"session":")", session, "\""));
  Subscribe("bob", "flow:c", absl::StrCat(R"(,"session":")", session, "\""));
  Settle();
  EXPECT_THAT(Given(first, ""), IsEmpty());
  ASSERT_EQ(Given(second, "").size(), 1u);
  EXPECT_EQ(Given(second, "")[0].channel, "flow:a");
  EXPECT_THAT(stream.Body(), HasSubstr(R"({"push":{"channel":"flow:b","subscribe":{}}})"));
  EXPECT_THAT(stream.Body(), Not(HasSubstr("flow:a")));
  EXPECT_THAT(stream.Body(), Not(HasSubstr("flow:c")));
  // The other commands know it, too.
  Call("/api/unsubscribe",
       absl::StrCat(R"({"user":"ada","channel":"flow:b","session":")", session, "\"}"));
  Settle();
  EXPECT_THAT(stream.Body(), HasSubstr(R"("unsubscribe":{"code":2000)"));
  Call("/api/disconnect", absl::StrCat(R"({"user":"ada","session":")", session, "\"}"));
  Settle();
  EXPECT_TRUE(stream.ended());
  EXPECT_EQ(first.close_code(), 0u);
  EXPECT_EQ(second.close_code(), 0u);
}

// What comes behind it in a batch, or after it, finds the user in the channel.
TEST_P(ServerSubscribeTest, TheAnswerComesWhenItIsDone) {
  SimClient& client = Connect(1, "ada");
  const std::string channel = RemoteChannel(1);
  cluster_.Stall(cluster_.mesh().HomeOf(channel), cluster_.now_ns() + 100 * kMillisecond);
  const std::string replies = Call(
      "/api/batch", absl::StrCat(R"({"commands":[{"subscribe":{"user":"ada","channel":")", channel,
                                 R"(","info":{"n":2}}},{"presence":{"channel":")", channel,
                                 R"("}},{"publish":{"channel":")", channel, R"(","data":1}}]})"));
  EXPECT_THAT(replies, HasSubstr(absl::StrCat(R"([{"subscribe":{}},{"presence":{"presence":{")",
                                              client.id(), R"(":{"user":"ada","client":")",
                                              client.id(), R"(","chan_info":{"n":2}}}}})")));
  Settle();
  EXPECT_EQ(Given(client, channel).size(), 1u);
  EXPECT_THAT(client.DataOf(channel), ElementsAre("1"));
}

TEST_P(ServerSubscribeTest, ThePositionIsToldAndTheNextPublicationIsTheNext) {
  SimClient& client = Connect(0, "ada");
  for (int i = 1; i <= 3; ++i) Publish("log:a", absl::StrCat(i));
  EXPECT_EQ(Subscribe("ada", "log:a", R"(,"override":{"force_recovery":{"value":true}})"), kDone);
  Publish("log:a", "4");
  Settle();
  ASSERT_EQ(Given(client, "log:a").size(), 1u);
  const Heard given = Given(client, "log:a")[0];
  EXPECT_TRUE(given.recoverable);
  EXPECT_TRUE(given.positioned);
  EXPECT_EQ(given.offset, 3u);
  EXPECT_NE(given.epoch, "");
  const std::vector<Heard> pushed = client.HeardOf(Kind::kPublication, "log:a");
  ASSERT_EQ(pushed.size(), 1u);
  EXPECT_EQ(pushed[0].publications[0].offset, 4u);

  // From a position: what was since comes behind the push, and nothing is told where it is gone.
  Subscribe("ada", "log:b", R"(,"override":{"force_positioning":{"value":true}})");
  Settle();
  EXPECT_TRUE(Given(client, "log:b")[0].positioned);
  EXPECT_FALSE(Given(client, "log:b")[0].recoverable);
  SimClient& second = Connect(1, "bob");
  Subscribe("bob", "log:a",
            absl::StrCat(R"(,"override":{"force_recovery":{"value":true}},"recover_since":)",
                         R"({"offset":2,"epoch":")", given.epoch, "\"}"));
  Publish("log:a", "5");
  Settle();
  ASSERT_EQ(Given(second, "log:a").size(), 1u);
  EXPECT_EQ(Given(second, "log:a")[0].offset, 2u);
  EXPECT_THAT(second.DataOf("log:a"), ElementsAre("3", "4", "5"));
  SimClient& third = Connect(2, "eve");
  Subscribe(
      "eve", "log:a",
      R"(,"override":{"force_recovery":{"value":true}},"recover_since":{"offset":2,"epoch":"zz"})");
  Settle();
  EXPECT_EQ(Given(third, "log:a")[0].offset, 5u);
  EXPECT_THAT(third.DataOf("log:a"), IsEmpty());
}

TEST_P(ServerSubscribeTest, AStateChannelsNewestValueComesBehindThePush) {
  SimClient& client = Connect(0, "ada");
  Publish("state:a", "1");
  Publish("state:a", "2");
  Subscribe("ada", "state:a");
  Subscribe("ada", "state:empty");
  Settle();
  EXPECT_THAT(client.DataOf("state:a"), ElementsAre("2"));
  EXPECT_FALSE(Given(client, "state:a")[0].recoverable);
  EXPECT_EQ(Given(client, "state:empty").size(), 1u);
  Publish("state:a", "3");
  Publish("state:empty", "4");
  Settle();
  EXPECT_THAT(client.DataOf("state:a"), ElementsAre("2", "3"));
  EXPECT_THAT(client.DataOf("state:empty"), ElementsAre("4"));
}

TEST_P(ServerSubscribeTest, OptionsOverrideTheNamespace) {
  SimClient& watcher = Connect(2, "bob");
  watcher.Subscribe("log:a", {.join_leave = true});
  SimClient& client = Connect(0, "ada");
  watcher.Flush();
  Settle();
  Subscribe("ada", "log:a", R"(,"override":{"presence":{"value":false},"join_leave":{}})");
  EXPECT_THAT(Call("/api/presence", R"({"channel":"log:a"})"), Not(HasSubstr("ada")));
  Subscribe("ada", "log:b", R"(,"override":{"force_push_join_leave":{"value":true}})");
  SimClient& joiner = Connect(1, "eve", {"log:b"});
  Settle();
  EXPECT_THAT(watcher.HeardOf(Kind::kJoin, "log:a"), IsEmpty());
  const std::vector<Heard> joins = client.HeardOf(Kind::kJoin, "log:b");
  EXPECT_TRUE(std::any_of(joins.begin(), joins.end(),
                          [&](const Heard& heard) { return heard.text == joiner.id(); }));
  // Nothing of the channel comes before the client knows that it is in it.
  const auto first = std::find_if(client.heard().begin(), client.heard().end(),
                                  [](const Heard& heard) { return heard.channel == "log:b"; });
  EXPECT_EQ(first->kind, Kind::kGiven);
}

TEST_P(ServerSubscribeTest, WhoIsSubscribedStaysSo) {
  SimClient& client = Connect(0, "ada", {"flow:own"});
  EXPECT_EQ(Subscribe("ada", "flow:own"), kDone);
  EXPECT_EQ(Subscribe("ada", "flow:given"), kDone);
  EXPECT_EQ(Subscribe("ada", "flow:given"), kDone);
  Publish("flow:own", "1");
  Publish("flow:given", "2");
  Settle();
  EXPECT_THAT(Given(client, "flow:own"), IsEmpty());
  EXPECT_EQ(Given(client, "flow:given").size(), 1u);
  EXPECT_THAT(client.DataOf("flow:own"), ElementsAre("1"));
  EXPECT_THAT(client.DataOf("flow:given"), ElementsAre("2"));
  // The client may not subscribe to it again, but leave it, and then be subscribed once more.
  const std::uint32_t again = client.Subscribe("flow:given");
  const std::uint32_t leave = client.Unsubscribe("flow:given");
  client.Flush();
  Settle();
  EXPECT_EQ(client.ReplyTo(again)->code, 105u);
  EXPECT_EQ(client.ReplyTo(leave)->kind, Kind::kUnsubscribed);
  Publish("flow:given", "3");
  Subscribe("ada", "flow:given");
  Publish("flow:given", "4");
  Settle();
  EXPECT_EQ(Given(client, "flow:given").size(), 2u);
  EXPECT_THAT(client.DataOf("flow:given"), ElementsAre("2", "4"));
}

// Whoever wants it otherwise while the home has not answered yet is served afterwards, in order.
TEST_P(ServerSubscribeTest, WhatComesWhileItIsBeingMade) {
  SimClient& client = Connect(1, "ada");
  SimClient& leaver = Connect(1, "ada");
  SimClient& goer = Connect(1, "ada");
  const std::string channel = RemoteChannel(1);
  const std::string body = absl::StrCat(R"({"user":"ada","channel":")", channel, "\"}");
  cluster_.Stall(cluster_.mesh().HomeOf(channel), cluster_.now_ns() + 200 * kMillisecond);
  SimHttpPeer subscribing(cluster_.world(), cluster_.ring(1));
  subscribing.Post("/api/subscribe", body);
  cluster_.RunFor(20 * kMillisecond);
  EXPECT_THAT(subscribing.Responses(), IsEmpty());
  // One leaves, one is gone, and one is unsubscribed by the backend and subscribed again.
  const std::uint32_t left = leaver.Unsubscribe(channel);
  leaver.Flush();
  goer.Close();
  cluster_.RunFor(20 * kMillisecond);
  const std::string only =
      absl::StrCat(R"({"user":"ada","client":")", client.id(), R"(","channel":")", channel, "\"}");
  SimHttpPeer ending(cluster_.world(), cluster_.ring(1));
  ending.Post("/api/unsubscribe", only);
  ASSERT_TRUE(cluster_.RunUntil([&] { return !ending.Responses().empty(); }));
  SimHttpPeer again(cluster_.world(), cluster_.ring(1));
  again.Post("/api/subscribe", only);
  ASSERT_TRUE(cluster_.RunUntil(
      [&] { return !subscribing.Responses().empty() && !again.Responses().empty(); }));
  EXPECT_EQ(subscribing.Responses()[0].body, kDone);
  EXPECT_EQ(again.Responses()[0].body, kDone);
  Publish(channel, "1");
  Settle();
  EXPECT_EQ(leaver.ReplyTo(left)->kind, Kind::kUnsubscribed);
  EXPECT_THAT(leaver.DataOf(channel), IsEmpty());
  std::vector<Kind> told;
  for (const Heard& heard : client.heard()) {
    if (heard.channel == channel) told.push_back(heard.kind);
  }
  EXPECT_THAT(told, ElementsAre(Kind::kGiven, Kind::kDropped, Kind::kGiven, Kind::kPublication));
}

TEST_P(ServerSubscribeTest, WhatCannotBe) {
  SimClient& client = Connect(0, "ada");
  EXPECT_THAT(Subscribe("ada", "nosuch:a"), HasSubstr(R"("code":102)"));
  EXPECT_THAT(Subscribe("ada", ""), HasSubstr(R"("code":107)"));
  // It has ended before it began; for nobody it is no error, as in the original.
  EXPECT_EQ(Subscribe("ada", "flow:a", R"(,"expire_at":1000)"), kFailed);
  EXPECT_EQ(Subscribe("nobody", "flow:a", R"(,"expire_at":1000)"), kDone);
  // A JSON client cannot be told what is no JSON.
  EXPECT_EQ(Subscribe("ada", "flow:a", R"(,"b64data":"/w==")"), kFailed);
  Settle();
  EXPECT_THAT(Given(client, ""), IsEmpty());
  EXPECT_EQ(client.close_code(), 0u);
}

TEST_P(ServerSubscribeTest, TooManyChannelsEndTheConnection) {
  SimClient& client = Connect(0, "ada");
  const int limit = static_cast<int>(Config().client.channel_limit);
  std::string commands;
  for (int i = 0; i < limit; ++i) {
    absl::StrAppend(&commands, i == 0 ? "" : ",", R"({"subscribe":{"user":"ada","channel":"flow:)",
                    i, "\"}}");
  }
  Call("/api/batch", absl::StrCat(R"({"parallel":true,"commands":[)", commands, "]}"));
  Settle();
  EXPECT_EQ(Given(client, "").size(), static_cast<std::size_t>(limit));
  EXPECT_EQ(client.close_code(), 0u);
  EXPECT_EQ(Subscribe("ada", "flow:more"), kDone);
  Settle();
  EXPECT_EQ(client.close_code(), 3505u);
}

TEST_P(ServerSubscribeTest, ItEndsTheConnectionWhenItExpires) {
  SimClient& client = Connect(0, "ada");
  Subscribe("ada", "flow:a", absl::StrCat(R"(,"expire_at":)", time(nullptr) + 100));
  cluster_.RunFor(95 * kSecond);
  EXPECT_EQ(client.close_code(), 0u);
  // The client cannot lengthen it: it is the server's.
  cluster_.RunFor(35 * kSecond);
  EXPECT_EQ(client.close_code(), 3006u);
}

// Publications go on all the time: none is missing behind the position, none is there twice.
TEST_P(ServerSubscribeTest, NothingIsLostOrDoubledAtTheCut) {
  SimClient& client = Connect(0, "ada");
  SimHttpPeer publisher(cluster_.world(), cluster_.ring(1));
  SimHttpPeer backend(cluster_.world(), cluster_.ring(2));
  for (int i = 0; i < 300; ++i) {
    publisher.Post("/api/publish", absl::StrCat(R"({"channel":"log:a","data":)", i, "}"));
    if (i % 50 == 10) {
      backend.Post("/api/subscribe", R"({"user":"ada","channel":"log:a",)"
                                     R"("override":{"force_recovery":{"value":true}}})");
    }
    if (i % 50 == 40) backend.Post("/api/unsubscribe", R"({"user":"ada","channel":"log:a"})");
    cluster_.RunFor(static_cast<std::uint64_t>(i % 7) * kMillisecond);
  }
  Settle();
  std::uint64_t next = 0;
  std::size_t given = 0;
  for (const Heard& heard : client.heard()) {
    if (heard.kind == Kind::kGiven) {
      next = heard.offset + 1;
      ++given;
    }
    if (heard.kind == Kind::kDropped) next = 0;
    if (heard.kind != Kind::kPublication) continue;
    ASSERT_EQ(heard.publications[0].offset, next);
    ++next;
  }
  EXPECT_EQ(given, 6u);
}

}  // namespace
}  // namespace tickcast::shards::sim
