// Commands in Protobuf. The frames are those that the Go package of github.com/centrifugal/protocol
// encodes for the same commands.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "protocol/centrifuge/command.h"
#include "protocol/centrifuge/message_writer.h"
#include "protocol/json/payload.h"

namespace tickcast::protocol {
namespace {

std::string Bytes(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  }
  return bytes;
}

// A frame in a buffer as a connection has it, and its parser.
class Parsing {
 public:
  explicit Parsing(std::string_view frame) : bytes_(frame), size_bytes_(frame.size()) {
    bytes_.append(kJsonPaddingBytes, '}');
    parser_.Begin(std::string_view(bytes_).substr(0, size_bytes_), Encoding::kProtobuf);
  }

  CommandVerdict Next() { return parser_.Next(); }
  const Command& command() const { return parser_.command(); }

  // The frame's one command.
  const Command& Only() {
    EXPECT_EQ(Next(), CommandVerdict::kCommand);
    EXPECT_EQ(Next(), CommandVerdict::kDone);
    return command();
  }

 private:
  CommandParser parser_{16};
  std::string bytes_;
  std::size_t size_bytes_;
};

struct Outcome {
  std::vector<CommandKind> kinds;
  bool bad = false;
};

Outcome ParseAll(std::string_view frame) {
  Parsing parsing(frame);
  Outcome outcome;
  for (;;) {
    const CommandVerdict verdict = parsing.Next();
    if (verdict == CommandVerdict::kCommand) {
      outcome.kinds.push_back(parsing.command().kind);
      continue;
    }
    outcome.bad = verdict == CommandVerdict::kBadFrame;
    EXPECT_EQ(parsing.Next(), CommandVerdict::kDone);
    return outcome;
  }
}

// One command with its length, of fields already encoded.
std::string Framed(std::string_view fields) {
  std::string frame;
  AppendVarint(fields.size(), frame);
  return frame + std::string(fields);
}

constexpr std::string_view kSubscribe =
    "910108022a8c010a06726f6f6d3a31120174180132016538ffffffffffffffffff0142147b22696e74657276616c5f"
    "6d73223a203235307d4801500158016206666f7373696c6a280a03616e64320e12016b1a02696e2a01612a02622232"
    "110a036e6f74320a12017a1a02657122013170ffffffffffffffffff0178018001028a0101639001fbffffffffffff"
    "ffff01980101";

TEST(CommandProtobufTest, Pong) {
  Parsing parsing(Bytes("00"));
  EXPECT_EQ(parsing.Only().kind, CommandKind::kPong);
}

TEST(CommandProtobufTest, Connect) {
  Parsing empty(Bytes("0408012200"));
  EXPECT_EQ(empty.Only().kind, CommandKind::kConnect);
  EXPECT_EQ(empty.command().id, 1u);
  EXPECT_TRUE(empty.command().connect.subs.empty());
  EXPECT_TRUE(empty.command().data_is_json);

  Parsing parsing(
      Bytes("2f0801222b0a03746f6b1202ff001a0f0a036122621208180132026570380722026a732a013532060a0178"
            "1201793803"));
  const ConnectRequest& connect = parsing.Only().connect;
  EXPECT_EQ(connect.token, "tok");
  EXPECT_EQ(connect.data, std::string_view("\xff\0", 2));
  EXPECT_FALSE(parsing.command().data_is_json);
  EXPECT_EQ(connect.subs, R"({"a\"b":{"recover":true,"epoch":"ep","offset":7}})");
  EXPECT_EQ(connect.headers, R"({"x":"y"})");
  EXPECT_EQ(connect.name, "js");
  EXPECT_EQ(connect.version, "5");
  EXPECT_EQ(connect.flag, 3);
}

TEST(CommandProtobufTest, Subscribe) {
  Parsing parsing(Bytes(kSubscribe));
  const SubscribeRequest& subscribe = parsing.Only().subscribe;
  EXPECT_EQ(parsing.command().id, 2u);
  EXPECT_EQ(subscribe.channel, "room:1");
  EXPECT_EQ(subscribe.token, "t");
  EXPECT_TRUE(subscribe.recover);
  EXPECT_EQ(subscribe.epoch, "e");
  EXPECT_EQ(subscribe.offset, ~std::uint64_t{0});
  EXPECT_EQ(subscribe.data, R"({"interval_ms": 250})");
  EXPECT_TRUE(parsing.command().data_is_json);
  EXPECT_TRUE(subscribe.positioned);
  EXPECT_TRUE(subscribe.recoverable);
  EXPECT_TRUE(subscribe.join_leave);
  EXPECT_EQ(subscribe.delta, "fossil");
  EXPECT_EQ(subscribe.tf, R"({"op":"and","nodes":[{"key":"k","cmp":"in","vals":["a","b\""]},)"
                          R"({"op":"not","nodes":[{"key":"z","cmp":"eq","val":"1"}]}]})");
  EXPECT_EQ(subscribe.flag, -1);
  EXPECT_EQ(subscribe.type, 1);
  EXPECT_EQ(subscribe.phase, 2);
  EXPECT_EQ(subscribe.cursor, "c");
  EXPECT_EQ(subscribe.limit, -5);
  EXPECT_TRUE(subscribe.asc);
}

TEST(CommandProtobufTest, Publish) {
  Parsing parsing(Bytes("1b08043a170a0163120b7b0a202261223a2031207d180122016b2801"));
  const PublishRequest& publish = parsing.Only().publish;
  EXPECT_EQ(publish.channel, "c");
  EXPECT_EQ(publish.data, "{\n \"a\": 1 }");  // As it came.
  EXPECT_TRUE(parsing.command().data_is_json);
  EXPECT_EQ(publish.type, 1);
  EXPECT_EQ(publish.key, "k");
  EXPECT_TRUE(publish.removed);
}

TEST(CommandProtobufTest, ByChannelOnly) {
  const std::pair<std::string_view, CommandKind> frames[] = {
      {"07080332030a0163", CommandKind::kUnsubscribe},
      {"07080542030a0163", CommandKind::kPresence},
      {"0708064a030a0163", CommandKind::kPresenceStats},
  };
  for (const auto& [hex, kind] : frames) {
    Parsing parsing(Bytes(hex));
    EXPECT_EQ(parsing.Only().kind, kind);
    EXPECT_EQ(parsing.command().channel.channel, "c");
  }
}

TEST(CommandProtobufTest, History) {
  Parsing parsing(Bytes("1b080752170a016338ffffffffffffffffff01420508091201654801"));
  const HistoryRequest& history = parsing.Only().history;
  EXPECT_EQ(history.channel, "c");
  EXPECT_EQ(history.limit, -1);
  EXPECT_TRUE(history.has_since);
  EXPECT_EQ(history.since_offset, 9u);
  EXPECT_EQ(history.since_epoch, "e");
  EXPECT_TRUE(history.reverse);
  // A position that says nothing is one: the beginning of whatever epoch.
  Parsing zero(Bytes("09080752050a01634200"));
  EXPECT_TRUE(zero.Only().history.has_since);
}

TEST(CommandProtobufTest, RpcSendAndRefreshes) {
  Parsing rpc(Bytes("0c08086a080a0372617712016d"));
  EXPECT_EQ(rpc.Only().rpc.method, "m");
  EXPECT_EQ(rpc.command().rpc.data, "raw");
  EXPECT_FALSE(rpc.command().data_is_json);
  Parsing send(Bytes("0562030a0131"));
  EXPECT_EQ(send.Only().kind, CommandKind::kSend);
  EXPECT_EQ(send.command().send.data, "1");
  EXPECT_TRUE(send.command().data_is_json);
  Parsing refresh(Bytes("07080972030a0174"));
  EXPECT_EQ(refresh.Only().refresh.token, "t");
  Parsing sub_refresh(
      Bytes("25080a7a210a01631201741801220f0a017312050a016b100312030a016c22002a01752a0176"));
  EXPECT_EQ(sub_refresh.Only().sub_refresh.channel, "c");
  EXPECT_EQ(sub_refresh.command().sub_refresh.token, "t");
  EXPECT_EQ(sub_refresh.command().sub_refresh.type, 1);
  EXPECT_EQ(sub_refresh.command().sub_refresh.track,
            R"([{"signature":"s","items":[{"key":"k","version":3},{"key":"l"}]},{}])");
  EXPECT_EQ(sub_refresh.command().sub_refresh.untrack, R"(["u","v"])");
}

TEST(CommandProtobufTest, SeveralInOneFrame) {
  const Outcome outcome = ParseAll(Bytes("04080122000708022a030a016300"));
  EXPECT_EQ(outcome.kinds,
            (std::vector{CommandKind::kConnect, CommandKind::kSubscribe, CommandKind::kPong}));
  EXPECT_FALSE(outcome.bad);
}

TEST(CommandProtobufTest, OfSeveralKindsTheFirstInRankCounts) {
  Parsing parsing(Bytes("0c08012a030a016372030a0174"));
  EXPECT_EQ(parsing.Only().kind, CommandKind::kSubscribe);
  // Also where it stands behind the other; and the other's types are checked all the same.
  Parsing turned(Framed(Bytes("080172030a01742a030a0163")));
  EXPECT_EQ(turned.Only().kind, CommandKind::kSubscribe);
  EXPECT_TRUE(ParseAll(Framed(Bytes("08012a030a016372020801"))).bad);
}

// A view of one command lives until the frame is done with, whatever the next one holds.
TEST(CommandProtobufTest, ViewsOutliveTheNextCommand) {
  Parsing parsing(Bytes(kSubscribe) + Bytes(kSubscribe));
  ASSERT_EQ(parsing.Next(), CommandVerdict::kCommand);
  const std::string_view first = parsing.command().subscribe.tf;
  const std::string copy(first);
  ASSERT_EQ(parsing.Next(), CommandVerdict::kCommand);
  EXPECT_EQ(first, copy);
  EXPECT_EQ(parsing.command().subscribe.tf, copy);
}

TEST(CommandProtobufTest, UnknownFieldsOfEveryTypeArePassedOver) {
  // 100: varint, 101: fixed64, 102: bytes, 103: fixed32.
  const std::string unknown = Bytes("a00605") + Bytes("a906") + std::string(8, 'x') +
                              Bytes("b2060178") + Bytes("bd06") + std::string(4, 'x');
  Parsing parsing(Framed(unknown + Bytes("0801") + Bytes("2200") + unknown));
  EXPECT_EQ(parsing.Only().kind, CommandKind::kConnect);
}

TEST(CommandProtobufTest, BadFrames) {
  const std::pair<std::string_view, std::string> frames[] = {
      {"nothing at all", ""},
      {"longer than the frame", Bytes("0508012200")},
      {"a length without end", Bytes("ff")},
      {"a length of more than 64 bits", Bytes("ffffffffffffffffffff01")},
      {"a length near 2^64", Bytes("ffffffffffffffffff0108")},
      {"no id", Framed(Bytes("2200"))},
      {"an id and nothing else", Framed(Bytes("0801"))},
      {"an id of 33 bits", Framed(Bytes("0880808080102200"))},
      {"ping", Bytes("0408015a00")},
      {"field 0", Framed(Bytes("00010801"))},
      {"a group", Framed(Bytes("080122000b0c"))},
      {"wire type 6", Framed(Bytes("080122000e"))},
      {"a number where a message belongs", Framed(Bytes("08012001"))},
      {"text that is no UTF-8", Framed(Bytes("080122030a01ff"))},
      {"a channel that is no UTF-8", Framed(Bytes("08012a030a01ff"))},
      {"an empty channel", Framed(Bytes("08012a00"))},
      {"a limit of 33 bits", Framed(Bytes("080152090a0163388080808010"))},
      {"a map entry that is cut", Framed(Bytes("080122041a020a05"))},
      {"an untrack that is no UTF-8", Framed(Bytes("08017a060a01632a01ff"))},
  };
  for (const auto& [name, frame] : frames) {
    const Outcome outcome = ParseAll(frame);
    EXPECT_TRUE(outcome.bad) << name;
    EXPECT_TRUE(outcome.kinds.empty()) << name;
  }
}

TEST(CommandProtobufTest, LimitsOfNumbers) {
  EXPECT_EQ(ParseAll(Framed(Bytes("08ffffffff0f2200"))).kinds.size(), 1u);
  EXPECT_TRUE(ParseAll(Framed(Bytes("0880808080102200"))).bad);
  const auto history_limit = [](std::string_view varint) {
    const std::string request = Bytes("0a016338") + Bytes(varint);
    return ParseAll(Framed(Bytes("080152") + Framed(request)));
  };
  EXPECT_FALSE(history_limit("ffffffff07").bad);            // 2^31 - 1
  EXPECT_TRUE(history_limit("8080808008").bad);             // 2^31
  EXPECT_FALSE(history_limit("80808080f8ffffffff01").bad);  // -2^31
  EXPECT_TRUE(history_limit("fffffffff7ffffffff01").bad);   // -2^31 - 1
}

// A filter is a tree, and whoever reads it recurses.
TEST(CommandProtobufTest, FiltersAreBoundedInDepth) {
  const auto subscribe = [](int levels) {
    std::string filter;
    for (int level = 1; level < levels; ++level) filter = Bytes("32") + Framed(filter);
    const std::string request = Bytes("0a01636a") + Framed(filter);
    return Framed(Bytes("08012a") + Framed(request));
  };
  EXPECT_FALSE(ParseAll(subscribe(128)).bad);
  EXPECT_TRUE(ParseAll(subscribe(129)).bad);
  EXPECT_TRUE(ParseAll(subscribe(10'000)).bad);
}

// The commands before the cut are given out; the one that is cut makes the frame bad.
TEST(CommandProtobufTest, CutAtEveryByte) {
  const std::string first = Bytes(kSubscribe);
  const std::string second = Bytes("1b080752170a016338ffffffffffffffffff01420508091201654801");
  const std::string frame = first + second;
  for (std::size_t cut = 0; cut < frame.size(); ++cut) {
    SCOPED_TRACE(cut);
    const Outcome outcome = ParseAll(std::string_view(frame).substr(0, cut));
    EXPECT_EQ(outcome.bad, cut != first.size());
    EXPECT_EQ(outcome.kinds.size(), cut < first.size() ? 0u : 1u);
  }
  // Inside the message: its length says less than the fields need.
  for (std::size_t cut = 1; cut < second.size() - 1; ++cut) {
    const std::string fields = second.substr(1, cut);
    ParseAll(Framed(fields));  // Must not read behind it; sanitizers watch.
  }
}

}  // namespace
}  // namespace tickcast::protocol
