#include "tools/loadgen/dialect.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/centrifuge/push.h"
#include "protocol/centrifuge/reply.h"
#include "protocol/delta/fossil.h"

namespace tickcast::loadgen {
namespace {

using protocol::Encoding;
using protocol::Form;
using protocol::PublicationView;
using testing::ElementsAre;

constexpr Form kJson = {.encoding = Encoding::kJson};
constexpr Form kProtobuf = {.encoding = Encoding::kProtobuf};
constexpr char kChannel[] = "ticker:sim.A";

std::vector<std::string> DecodeAll(Dialect& dialect, DialectMemory& memory,
                                   std::string_view message) {
  std::vector<std::string> lines;
  while (!message.empty()) lines.emplace_back(dialect.Decode(message, memory));
  return lines;
}

// The server's messages of one form, put behind one another as it does.
struct Wire {
  Form form;
  std::string bytes;

  void Separate() {
    if (form.encoding == Encoding::kJson && !bytes.empty()) bytes += '\n';
  }
  void Subscribed(std::uint32_t command, std::int64_t id, std::string_view first_value) {
    const PublicationView publication{.data = first_value, .data_as_text = true};
    protocol::SubscribeResult result;
    result.id = id;
    result.delta = true;
    if (!first_value.empty()) result.publications = {&publication, 1};
    Separate();
    protocol::AppendSubscribeReply(form, command, result, bytes);
  }
  void Push(std::int64_t id, std::string_view data, bool delta) {
    const PublicationView publication{.data = data, .delta = delta, .data_as_text = true};
    Separate();
    protocol::AppendPublicationPush(form, {.channel = kChannel, .id = id}, publication, bytes);
  }
};

std::string Delta(std::string_view base, std::string_view target) {
  protocol::DeltaScratch scratch;
  std::string delta;
  protocol::AppendDelta(base, target, delta, scratch);
  return delta;
}

TEST(DialectTest, DeltasAreAppliedInBothForms) {
  constexpr std::string_view kOne = R"({"seq":1,"price":"61837.6","note":"a \"quote\""})";
  constexpr std::string_view kTwo = R"({"seq":2,"price":"61837.6","note":"a \"quote\""})";
  constexpr std::string_view kThree = R"({"seq":3,"price":"61837.7","note":"a \"quote\""})";
  for (const Form form : {kJson, kProtobuf}) {
    for (const std::int64_t id : {0, 5}) {
      SCOPED_TRACE(id);
      Dialect dialect({.protobuf = form == kProtobuf, .delta = true, .compaction = id != 0});
      DialectMemory memory;
      dialect.Encode(R"({"id":2,"subscribe":{"channel":"ticker:sim.A","delta":"fossil"}})", memory);
      Wire wire{.form = form};
      wire.Subscribed(2, id, kOne);
      wire.Push(id, Delta(kOne, kTwo), true);
      wire.Push(id, kThree, false);
      wire.Push(id, Delta(kThree, kOne), true);
      const auto line = [](std::string_view data) {
        return R"({"push":{"channel":"ticker:sim.A","pub":{"data":)" + std::string(data) + "}}}";
      };
      EXPECT_THAT(DecodeAll(dialect, memory, wire.bytes),
                  ElementsAre(R"({"id":2,"subscribe":{"publications":[{"data":)" +
                                  std::string(kOne) + "}]}}",
                              line(kTwo), line(kThree), line(kOne)));
    }
  }
}

TEST(DialectTest, ADeltaOfAnotherValueIsNotUnderstood) {
  for (const Form form : {kJson, kProtobuf}) {
    Dialect dialect({.protobuf = form == kProtobuf, .delta = true});
    DialectMemory memory;
    dialect.Encode(R"({"id":2,"subscribe":{"channel":"ticker:sim.A"}})", memory);
    Wire wire{.form = form};
    wire.Subscribed(2, 0, R"({"seq":1,"price":"1.0000000"})");
    wire.Push(0, Delta(R"({"seq":2,"price":"2.0000000"})", R"({"seq":3,"price":"2.0000000"})"),
              true);
    EXPECT_THAT(DecodeAll(dialect, memory, wire.bytes),
                ElementsAre(testing::StartsWith(R"({"id":2,"subscribe":)"), "not understood"));
  }
}

TEST(DialectTest, ChannelsOfOneClientAreKeptApart) {
  Dialect dialect({.delta = true, .compaction = true});
  DialectMemory memory;
  dialect.Encode(
      "{\"id\":2,\"subscribe\":{\"channel\":\"a\"}}\n"
      "{\"id\":3,\"subscribe\":{\"channel\":\"b\"}}",
      memory);
  Wire wire{.form = kJson};
  wire.Subscribed(3, 8, R"({"b":1})");
  wire.Subscribed(2, 9, R"({"a":1})");
  wire.Push(9, Delta(R"({"a":1})", R"({"a":2})"), true);
  wire.Push(8, Delta(R"({"b":1})", R"({"b":2})"), true);
  EXPECT_THAT(DecodeAll(dialect, memory, wire.bytes),
              ElementsAre(R"({"id":3,"subscribe":{"publications":[{"data":{"b":1}}]}})",
                          R"({"id":2,"subscribe":{"publications":[{"data":{"a":1}}]}})",
                          R"({"push":{"channel":"a","pub":{"data":{"a":2}}}})",
                          R"({"push":{"channel":"b","pub":{"data":{"b":2}}}})"));
}

TEST(DialectTest, ProtobufRepliesBecomeTheirLines) {
  Dialect dialect({.protobuf = true});
  DialectMemory memory;
  std::string bytes;
  protocol::AppendPing(kProtobuf, bytes);
  protocol::AppendConnectReply(kProtobuf, 1, {}, bytes);
  protocol::AppendPublishReply(kProtobuf, 1'000'000, bytes);
  protocol::AppendErrorReply(kProtobuf, 7, protocol::ErrorCode::kPermissionDenied, bytes);
  EXPECT_THAT(DecodeAll(dialect, memory, bytes),
              ElementsAre("{}", R"({"id":1,"connect":{}})", R"({"id":1000000,"publish":{}})",
                          R"({"id":7,"error":{"code":103}})"));
  EXPECT_THAT(DecodeAll(dialect, memory,
                        "\x05"
                        "abc"),
              ElementsAre("not understood"));
}

TEST(DialectTest, ProtobufCommandsAreThoseOfTheSchema) {
  using namespace std::string_view_literals;
  Dialect dialect({.protobuf = true});
  DialectMemory memory;
  EXPECT_EQ(dialect.Encode("{}", memory), "\x00"sv);
  EXPECT_EQ(dialect.Encode("{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"a\","
                           "\"data\":{},\"delta\":\"fossil\",\"flag\":1}}",
                           memory),
            "\x04\x08\x01\x22\x00"
            "\x15\x08\x02\x2a\x11\x0a\x01"
            "a"
            "\x42\x02{}"
            "\x62\x06"
            "fossil"
            "\x70\x01"sv);
  EXPECT_EQ(dialect.Encode(R"({"id":3,"publish":{"channel":"a","data":1}})", memory),
            "\x0a\x08\x03\x3a\x06\x0a\x01"
            "a"
            "\x12\x01"
            "1"sv);
}

}  // namespace
}  // namespace tickcast::loadgen
