#include "protocol/centrifuge/emulation.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "protocol/json/payload.h"

namespace tickcast::protocol {
namespace {

// A body in a buffer as a connection has it.
class Emulation {
 public:
  Emulation(Encoding encoding, std::string_view body)
      : bytes_(std::string(body) + std::string(kJsonPaddingBytes, '}')),
        good_(parser_.Parse(encoding, std::string_view(bytes_).substr(0, body.size()), request_)) {}
  bool good() const { return good_; }
  const EmulationRequest* operator->() const { return &request_; }

 private:
  EmulationParser parser_;
  std::string bytes_;
  EmulationRequest request_;
  bool good_;
};

// The Go package's encoding of {node: "n", session: "s", data: 00 ff}.
constexpr std::string_view kProtobuf("\x0a\x01n\x12\x01s\x1a\x02\x00\xff", 10);

TEST(EmulationTest, JsonHoldsAFrameInAString) {
  const Emulation emulation(
      Encoding::kJson, R"({"session":"s","node":"n","data":"{\"id\":2}\n{\"id\":3}","more":[]})");
  ASSERT_TRUE(emulation.good());
  EXPECT_EQ(emulation->session, "s");
  EXPECT_EQ(emulation->node, "n");
  EXPECT_EQ(emulation->data, "{\"id\":2}\n{\"id\":3}");
}

TEST(EmulationTest, ProtobufHoldsItAsBytes) {
  const Emulation emulation(Encoding::kProtobuf, kProtobuf);
  ASSERT_TRUE(emulation.good());
  EXPECT_EQ(emulation->session, "s");
  EXPECT_EQ(emulation->node, "n");
  EXPECT_EQ(emulation->data, std::string_view("\0\xff", 2));
}

// The original passes on whatever JSON `data` is and then finds no commands in it.
TEST(EmulationTest, DataThatIsNoStringIsNone) {
  for (const char* data : {"{}", "null", "[\"x\"]", "7"}) {
    const Emulation emulation(Encoding::kJson,
                              R"({"session":"s","node":"n","data":)" + std::string(data) + "}");
    ASSERT_TRUE(emulation.good()) << data;
    EXPECT_EQ(emulation->data, "");
    EXPECT_EQ(emulation->session, "s");
  }
}

TEST(EmulationTest, BadBodies) {
  for (const char* body : {"", "[]", "null", "{", R"({"session":5})", R"({"node":{}})",
                           "{\"data\":\"\xff\"}", "{}{}"}) {
    EXPECT_FALSE(Emulation(Encoding::kJson, body).good()) << body;
  }
  for (const std::string_view body :
       {std::string_view("\x0a\x02n", 3), std::string_view("\x08\x01", 2),
        std::string_view("\x0a\x01\xff", 3), std::string_view("\x80", 1)}) {
    EXPECT_FALSE(Emulation(Encoding::kProtobuf, body).good());
  }
}

TEST(EmulationTest, CutAtEveryByte) {
  const std::string json = R"({"session":"s","node":"n","data":"{}"})";
  for (std::size_t cut = 0; cut < json.size(); ++cut) {
    EXPECT_FALSE(Emulation(Encoding::kJson, json.substr(0, cut)).good()) << cut;
  }
  for (std::size_t cut = 0; cut < kProtobuf.size(); ++cut) {
    const bool between_fields = cut == 0 || cut == 3 || cut == 6;
    EXPECT_EQ(Emulation(Encoding::kProtobuf, kProtobuf.substr(0, cut)).good(), between_fields)
        << cut;
  }
}

}  // namespace
}  // namespace tickcast::protocol
