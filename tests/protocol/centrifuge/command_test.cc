#include "protocol/centrifuge/command.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/json/payload.h"

namespace tickcast::protocol {
namespace {

// A frame in a buffer as a connection has it: something else stands behind it.
class Frame {
 public:
  explicit Frame(std::string_view text)
      : bytes_(std::string(text) + std::string(kJsonPaddingBytes, '}')), size_bytes_(text.size()) {}
  std::string_view view() const { return std::string_view(bytes_).substr(0, size_bytes_); }

 private:
  std::string bytes_;
  std::size_t size_bytes_;
};

struct Outcome {
  std::vector<CommandKind> kinds;
  bool bad = false;
};

Outcome ParseAll(CommandParser& parser, std::string_view text) {
  const Frame frame(text);
  parser.Begin(frame.view());
  Outcome outcome;
  for (;;) {
    switch (parser.Next()) {
      case CommandVerdict::kCommand:
        outcome.kinds.push_back(parser.command().kind);
        break;
      case CommandVerdict::kDone:
        return outcome;
      case CommandVerdict::kBadFrame:
        outcome.bad = true;
        break;
    }
  }
}

class CommandParserTest : public testing::Test {
 protected:
  // The only command of `text`.
  const Command& One(std::string_view text) {
    frame_ = std::make_unique<Frame>(text);
    parser_.Begin(frame_->view());
    EXPECT_EQ(parser_.Next(), CommandVerdict::kCommand) << text;
    return parser_.command();
  }

  bool IsBad(std::string_view text) {
    const Outcome outcome = ParseAll(parser_, text);
    return outcome.bad && outcome.kinds.empty();
  }

  std::unique_ptr<Frame> frame_;
  CommandParser parser_;
};

TEST_F(CommandParserTest, Connect) {
  const Command& command = One(
      R"({"id":1,"connect":{"token":"a.b.c","data":{ "x" : 1.0 },"name":"js","version":"5.8.0",)"
      R"("subs":{"a": {"recover":true}},"headers":{"k":"v"},"flag":3}})");
  EXPECT_EQ(command.id, 1U);
  EXPECT_EQ(command.kind, CommandKind::kConnect);
  EXPECT_EQ(command.connect.token, "a.b.c");
  EXPECT_EQ(command.connect.data, R"({"x":1.0})");
  EXPECT_EQ(command.connect.name, "js");
  EXPECT_EQ(command.connect.version, "5.8.0");
  EXPECT_EQ(command.connect.subs, R"({"a":{"recover":true}})");
  EXPECT_EQ(command.connect.headers, R"({"k":"v"})");
  EXPECT_EQ(command.connect.flag, 3);
}

TEST_F(CommandParserTest, EmptyConnectHasEmptyViews) {
  One(R"({"id":1,"connect":{"token":"left","name":"over"}})");
  const Command& command = One(R"({"connect":{},"id":4294967295})");
  EXPECT_EQ(command.id, 4294967295U);
  EXPECT_TRUE(command.connect.token.empty());
  EXPECT_TRUE(command.connect.name.empty());
  EXPECT_TRUE(command.connect.data.empty());
}

TEST_F(CommandParserTest, Subscribe) {
  const Command& command = One(
      R"({"id":2,"subscribe":{"channel":"ticker:kucoin.BTC-USDT","token":"t","recover":true,)"
      R"("epoch":"Xyz","offset":18446744073709551615,"data":{"interval_ms":250},"positioned":true,)"
      R"("recoverable":true,"join_leave":true,"delta":"fossil","tf":{"key":"k","cmp":"ex"},)"
      R"("flag":2,"type":1,"phase":2,"cursor":"c","limit":100,"asc":true}})");
  EXPECT_EQ(command.kind, CommandKind::kSubscribe);
  const SubscribeRequest& request = command.subscribe;
  EXPECT_EQ(request.channel, "ticker:kucoin.BTC-USDT");
  EXPECT_EQ(request.token, "t");
  EXPECT_TRUE(request.recover);
  EXPECT_EQ(request.epoch, "Xyz");
  EXPECT_EQ(request.offset, 18446744073709551615U);
  EXPECT_EQ(request.data, R"({"interval_ms":250})");
  EXPECT_TRUE(request.positioned);
  EXPECT_TRUE(request.recoverable);
  EXPECT_TRUE(request.join_leave);
  EXPECT_EQ(request.delta, "fossil");
  EXPECT_EQ(request.tf, R"({"key":"k","cmp":"ex"})");
  EXPECT_EQ(request.flag, 2);
  EXPECT_EQ(request.type, 1);
  EXPECT_EQ(request.phase, 2);
  EXPECT_EQ(request.cursor, "c");
  EXPECT_EQ(request.limit, 100);
  EXPECT_TRUE(request.asc);
}

TEST_F(CommandParserTest, ChannelCommands) {
  EXPECT_EQ(One(R"({"id":3,"unsubscribe":{"channel":"a"}})").kind, CommandKind::kUnsubscribe);
  EXPECT_EQ(parser_.command().channel.channel, "a");
  EXPECT_EQ(One(R"({"id":3,"presence":{"channel":"b"}})").kind, CommandKind::kPresence);
  EXPECT_EQ(parser_.command().channel.channel, "b");
  EXPECT_EQ(One(R"({"id":3,"presence_stats":{"channel":"c"}})").kind, CommandKind::kPresenceStats);
  EXPECT_EQ(parser_.command().channel.channel, "c");
}

TEST_F(CommandParserTest, PublishKeepsNumbersAndDropsWhiteSpace) {
  const Command& command =
      One("{\"id\": 4, \"publish\": {\"channel\": \"room:1\", \"data\": {\"price\": 61837.630,\t"
          "\"wei\": 123456789012345678901234567890, \"t\": \"a  b\"}}}");
  EXPECT_EQ(command.kind, CommandKind::kPublish);
  EXPECT_EQ(command.publish.channel, "room:1");
  EXPECT_EQ(command.publish.data,
            R"({"price":61837.630,"wei":123456789012345678901234567890,"t":"a  b"})");
}

TEST_F(CommandParserTest, DataMayBeAnyJsonValue) {
  for (const std::string_view data :
       {"null", "true", "1.50", "\"\"", "\"a\\\"b\"", "[]", "[1,[2]]", "{}"}) {
    const std::string text =
        R"({"id":4,"publish":{"data": )" + std::string(data) + R"( ,"channel":"c"}})";
    EXPECT_EQ(One(text).publish.data, data);
    EXPECT_EQ(parser_.command().publish.channel, "c");
  }
  EXPECT_TRUE(One(R"({"id":4,"publish":{"channel":"c"}})").publish.data.empty());
}

TEST_F(CommandParserTest, MapPublish) {
  const Command& command =
      One(R"({"id":4,"publish":{"channel":"c","type":1,"key":"k","removed":true}})");
  EXPECT_EQ(command.publish.type, 1);
  EXPECT_EQ(command.publish.key, "k");
  EXPECT_TRUE(command.publish.removed);
}

TEST_F(CommandParserTest, History) {
  const Command& command = One(
      R"({"id":5,"history":{"channel":"c","limit":-1,"since":{"offset":7,"epoch":"e"},"reverse":true}})");
  EXPECT_EQ(command.kind, CommandKind::kHistory);
  EXPECT_EQ(command.history.limit, -1);
  EXPECT_TRUE(command.history.has_since);
  EXPECT_EQ(command.history.since_offset, 7U);
  EXPECT_EQ(command.history.since_epoch, "e");
  EXPECT_TRUE(command.history.reverse);

  // `since` at the very beginning is another question than no `since`.
  EXPECT_TRUE(One(R"({"id":5,"history":{"channel":"c","since":{}}})").history.has_since);
  EXPECT_FALSE(One(R"({"id":5,"history":{"channel":"c","since":null}})").history.has_since);
  EXPECT_FALSE(One(R"({"id":5,"history":{"channel":"c"}})").history.has_since);
}

TEST_F(CommandParserTest, RpcSendAndRefresh) {
  EXPECT_EQ(One(R"({"id":6,"rpc":{"method":"m","data":[1]}})").kind, CommandKind::kRpc);
  EXPECT_EQ(parser_.command().rpc.method, "m");
  EXPECT_EQ(parser_.command().rpc.data, "[1]");
  EXPECT_EQ(One(R"({"send":{"data":{"a":1}}})").kind, CommandKind::kSend);
  EXPECT_EQ(parser_.command().id, 0U);
  EXPECT_EQ(parser_.command().send.data, R"({"a":1})");
  EXPECT_EQ(One(R"({"id":7,"refresh":{"token":"t"}})").kind, CommandKind::kRefresh);
  EXPECT_EQ(parser_.command().refresh.token, "t");
  EXPECT_EQ(One(R"({"id":8,"sub_refresh":{"channel":"c","token":"t","type":1,)"
                R"("track":[{"signature":"s"}],"untrack":["k"]}})")
                .kind,
            CommandKind::kSubRefresh);
  EXPECT_EQ(parser_.command().sub_refresh.channel, "c");
  EXPECT_EQ(parser_.command().sub_refresh.track, R"([{"signature":"s"}])");
  EXPECT_EQ(parser_.command().sub_refresh.untrack, R"(["k"])");
}

TEST_F(CommandParserTest, PongIsTheCommandThatAsksNothing) {
  EXPECT_EQ(One("{}").kind, CommandKind::kPong);
  EXPECT_EQ(One("{}\n").kind, CommandKind::kPong);
  EXPECT_EQ(One(R"({"id":0})").kind, CommandKind::kPong);
  EXPECT_EQ(One(R"({"connect":null})").kind, CommandKind::kPong);
  EXPECT_TRUE(IsBad(R"({"id":1})"));
}

TEST_F(CommandParserTest, EscapedNamesAndValuesAreUnescaped) {
  const Command& command = One(
      R"({"id":1,"subscr\u0069be":{"ch\u0061nnel":"caf\u00e9 \ud83d\ude00\"\\","token":"\u0041b"}})");
  EXPECT_EQ(command.subscribe.channel, "caf\xc3\xa9 \xf0\x9f\x98\x80\"\\");
  EXPECT_EQ(command.subscribe.token, "Ab");
}

TEST_F(CommandParserTest, UnknownMembersAreIgnored) {
  EXPECT_EQ(One(R"({"x":[1,{"id":9}],"id":1,"subscribe":{"y":{"channel":"no"},"channel":"c"}})")
                .subscribe.channel,
            "c");
  EXPECT_EQ(parser_.command().id, 1U);
}

TEST_F(CommandParserTest, NullIsAnAbsentMember) {
  const Command& command =
      One(R"({"id":1,"connect":null,"subscribe":{"channel":"c","token":null,"offset":null,)"
          R"("recover":null,"tf":null}})");
  EXPECT_EQ(command.kind, CommandKind::kSubscribe);
  EXPECT_TRUE(command.subscribe.token.empty());
  EXPECT_TRUE(command.subscribe.tf.empty());
}

// As in the original, whatever the order in the text.
TEST_F(CommandParserTest, OfSeveralKindsTheFirstInTheSchemaCounts) {
  for (const std::string_view text :
       {R"({"id":1,"presence":{"channel":"no"},"unsubscribe":{"channel":"yes"},"rpc":{}})",
        R"({"id":1,"rpc":{},"unsubscribe":{"channel":"yes"},"presence":{"channel":"no"}})"}) {
    EXPECT_EQ(One(text).kind, CommandKind::kUnsubscribe);
    EXPECT_EQ(parser_.command().channel.channel, "yes");
  }
  EXPECT_TRUE(IsBad(R"({"id":1,"unsubscribe":{"channel":"a"},"presence":{"channel":1}})"));
}

TEST_F(CommandParserTest, OfTheSameMemberTwiceTheLastCounts) {
  EXPECT_EQ(One(R"({"id":1,"id":2,"subscribe":{"channel":"a"},"subscribe":{"channel":"b"}})").id,
            2U);
  EXPECT_EQ(parser_.command().subscribe.channel, "b");
}

TEST_F(CommandParserTest, BadFrames) {
  for (const std::string_view text : {
           "",
           "\n",
           "\n{}",
           " ",
           "null",
           "[]",
           "1",
           "\"x\"",
           "{",
           "}",
           "{}{}",
           "{} x",
           "garbage",
           R"({"id":1,"ping":{}})",  // There is no ping in v2.
           R"({"ping":{}})",
           R"({"id":1,"nonsense":{}})",  // No known kind.
           R"({"connect":{}})",
           R"({"id":0,"connect":{}})",  // No id.
           R"({"subscribe":{"channel":"c"}})",
           R"({"id":1,"subscribe":{}})",  // No channel.
           R"({"id":1,"subscribe":{"channel":""}})",
           R"({"id":1,"unsubscribe":{}})",
           R"({"id":1,"publish":{"data":1}})",
           R"({"id":1,"history":{}})",
           R"({"id":1,"presence":{}})",
           R"({"id":1,"presence_stats":{}})",
           R"({"id":1,"sub_refresh":{"token":"t"}})",
           R"({"id":"1","connect":{}})",
           R"({"id":-1,"connect":{}})",  // Wrong types and ranges.
           R"({"id":1.0,"connect":{}})",
           R"({"id":4294967296,"connect":{}})",
           R"({"id":1,"connect":[]})",
           R"({"id":1,"connect":"x"})",
           R"({"id":1,"connect":{"token":1}})",
           R"({"id":1,"connect":{"subs":[]}})",
           R"({"id":1,"subscribe":{"channel":5}})",
           R"({"id":1,"subscribe":{"channel":"c","recover":1}})",
           R"({"id":1,"subscribe":{"channel":"c","offset":-1}})",
           R"({"id":1,"subscribe":{"channel":"c","offset":"1"}})",
           R"({"id":1,"subscribe":{"channel":"c","offset":1.5}})",
           R"({"id":1,"subscribe":{"channel":"c","offset":18446744073709551616}})",
           R"({"id":1,"subscribe":{"channel":"c","tf":"x"}})",
           R"({"id":1,"history":{"channel":"c","limit":2147483648}})",
           R"({"id":1,"history":{"channel":"c","since":5}})",
           R"({"id":1,"publish":{"channel":"c","data":tru}})",  // Not valid, if nobody looks.
           R"({"id":1,"connect":{},"x":[1,}})",
           "{\"id\":1,\"publish\":{\"channel\":\"c\",\"data\":\"a\nb\"}}",
           "{\"id\":1,\"connect\":{\"token\":\"\xff\"}}",
       }) {
    EXPECT_TRUE(IsBad(text)) << text;
  }
}

TEST_F(CommandParserTest, LimitsOnTheirGoodSide) {
  EXPECT_EQ(One(R"({"id":1,"history":{"channel":"c","limit":2147483647}})").history.limit,
            2147483647);
  EXPECT_EQ(One(R"({"id":1,"history":{"channel":"c","limit":-2147483648}})").history.limit,
            -2147483648LL);
}

TEST_F(CommandParserTest, CommandsOfAFrameComeInOrder) {
  const Outcome outcome = ParseAll(
      parser_, "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"a\"}}\r\n{}\n");
  EXPECT_FALSE(outcome.bad);
  EXPECT_EQ(outcome.kinds,
            (std::vector{CommandKind::kConnect, CommandKind::kSubscribe, CommandKind::kPong}));
}

TEST_F(CommandParserTest, EmptyLinesAreBadButForTheLast) {
  const Outcome doubled = ParseAll(parser_, "{}\n\n{}");
  EXPECT_TRUE(doubled.bad);
  EXPECT_EQ(doubled.kinds.size(), 1U);
  const Outcome trailing = ParseAll(parser_, "{}\n\n");
  EXPECT_TRUE(trailing.bad);
  EXPECT_EQ(trailing.kinds.size(), 1U);
}

TEST_F(CommandParserTest, ABadCommandEndsTheFrameAfterThoseBeforeIt) {
  const Outcome outcome =
      ParseAll(parser_, "{}\n{\"id\":1,\"connect\":{}}\n{\"id\":2}\n{\"id\":3,\"connect\":{}}");
  EXPECT_TRUE(outcome.bad);
  EXPECT_EQ(outcome.kinds, (std::vector{CommandKind::kPong, CommandKind::kConnect}));
  EXPECT_EQ(ParseAll(parser_, "{}").kinds.size(), 1U) << "a bad frame spoils no later one";
}

TEST_F(CommandParserTest, ViewsOutliveTheNextCommandOfTheFrame) {
  const Frame frame(
      "{\"id\":1,\"subscribe\":{\"channel\":\"\\u0061\\u0062\",\"token\":\"plain\"}}\n"
      "{\"id\":2,\"publish\":{\"channel\":\"zzzzzzzz\",\"data\":\"zzzzzzzzzzzzzzzzzzzzz\"}}\n"
      "{\"id\":3,\"rpc\":{\"method\":\"\\u0079\\u0079\\u0079\"}}");
  parser_.Begin(frame.view());
  ASSERT_EQ(parser_.Next(), CommandVerdict::kCommand);
  const Command first = parser_.command();
  ASSERT_EQ(parser_.Next(), CommandVerdict::kCommand);
  ASSERT_EQ(parser_.Next(), CommandVerdict::kCommand);
  EXPECT_EQ(parser_.Next(), CommandVerdict::kDone);
  EXPECT_EQ(parser_.Next(), CommandVerdict::kDone);
  EXPECT_EQ(first.subscribe.channel, "ab");
  EXPECT_EQ(first.subscribe.token, "plain");
}

TEST_F(CommandParserTest, NextBeforeAnyFrameIsDone) {
  EXPECT_EQ(parser_.Next(), CommandVerdict::kDone);
}

// A frame that arrives short must never be taken for a shorter request.
TEST_F(CommandParserTest, AFrameCutAtAnyByteGivesNoCommandButTheWholeOnes) {
  const std::string text =
      "{\"id\":1,\"connect\":{\"token\":\"t\\u0041\",\"data\":{\"a\":[1.5,null]}}}\n"
      "{\"id\":2,\"subscribe\":{\"channel\":\"c\",\"offset\":12,\"recover\":true}}\n{}";
  const std::size_t first_end = text.find('\n');
  const std::size_t second_end = text.find('\n', first_end + 1);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    SCOPED_TRACE(cut);
    const Outcome outcome = ParseAll(parser_, std::string_view(text).substr(0, cut));
    const std::size_t whole =
        (cut >= first_end ? 1 : 0) + (cut >= second_end ? 1 : 0) + (cut == text.size() ? 1 : 0);
    EXPECT_EQ(outcome.kinds.size(), whole);
    const bool ends_whole = cut == first_end || cut == first_end + 1 || cut == second_end ||
                            cut == second_end + 1 || cut == text.size();
    EXPECT_EQ(outcome.bad, !ends_whole);
  }
}

// A command that has to wait is run again later, from the frame's rest that begins with it.
TEST_F(CommandParserTest, TheRestOfAFrameBeginsWithTheCommand) {
  const std::string text = "{\"id\":1,\"rpc\":{}}\n{\"id\":2,\"send\":{}}\n{}\n";
  const Frame frame(text);
  parser_.Begin(frame.view());
  std::size_t begin = 0;
  while (parser_.Next() == CommandVerdict::kCommand) {
    EXPECT_EQ(parser_.Remaining(), text.substr(begin));
    begin = text.find('\n', begin) + 1;
  }
  EXPECT_EQ(begin, text.size());

  // In Protobuf each command has its length before it: a pong is that length alone.
  const std::string binary("\x04\x08\x01\x6a\x00\x00", 6);
  const Frame binary_frame(binary);
  parser_.Begin(binary_frame.view(), Encoding::kProtobuf);
  ASSERT_EQ(parser_.Next(), CommandVerdict::kCommand);
  EXPECT_EQ(parser_.Remaining(), binary);
  ASSERT_EQ(parser_.Next(), CommandVerdict::kCommand);
  EXPECT_EQ(parser_.command().kind, CommandKind::kPong);
  EXPECT_EQ(parser_.Remaining(), binary.substr(5));
}

TEST_F(CommandParserTest, FramesMayBeLongerThanExpected) {
  CommandParser small(16);
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += R"({"id":1,"publish":{"channel":"c","data":")" + std::string(50, 'x') + "\"}}\n";
  }
  const Outcome outcome = ParseAll(small, text);
  EXPECT_FALSE(outcome.bad);
  EXPECT_EQ(outcome.kinds.size(), 1000U);
}

}  // namespace
}  // namespace tickcast::protocol
