#include "protocol/centrifuge/tag_set.h"

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tickcast::protocol {
namespace {

class TagSetTest : public testing::Test {
 protected:
  // In a block of exactly its size, so that the address sanitizer sees a byte read too far.
  bool Read(std::string_view line) {
    block_ = std::make_unique<char[]>(line.size());
    line.copy(block_.get(), line.size());
    return tags_.Read({block_.get(), line.size()});
  }
  std::string Value(std::string_view name) const {
    const std::string_view* const value = tags_.Find(name);
    return value == nullptr ? "absent" : std::string(*value);
  }

  std::unique_ptr<char[]> block_;
  TagSet tags_;
};

TEST_F(TagSetTest, FindsTagsByName) {
  ASSERT_TRUE(Read(R"({"symbol":"BTC-USDT","base":"BTC","":"nameless","empty":""})"));
  EXPECT_EQ(Value("symbol"), "BTC-USDT");
  EXPECT_EQ(Value("base"), "BTC");
  EXPECT_EQ(Value(""), "nameless");
  EXPECT_EQ(Value("empty"), "");
  EXPECT_EQ(Value("quote"), "absent");
  EXPECT_EQ(Value("bas"), "absent");
  EXPECT_EQ(Value("bases"), "absent");
}

TEST_F(TagSetTest, NoLineAndNoMembersAreNoTags) {
  EXPECT_TRUE(Read(R"({"a":"1"})"));
  EXPECT_TRUE(Read(""));
  EXPECT_EQ(Value("a"), "absent");
  EXPECT_TRUE(Read("{}"));
  EXPECT_EQ(Value("a"), "absent");
}

TEST_F(TagSetTest, OfANameThatIsThereTwiceTheLastCounts) {
  ASSERT_TRUE(Read(R"({"a":"1","b":"2","a":"3","\u0061":"4"})"));
  EXPECT_EQ(Value("a"), "4");
  EXPECT_EQ(Value("b"), "2");
  std::string many = "{";
  for (int number = 0; number < 200; ++number) many += R"("k":")" + std::to_string(number) + "\",";
  many.back() = '}';
  ASSERT_TRUE(Read(many));
  EXPECT_EQ(Value("k"), "199");
}

TEST_F(TagSetTest, EscapesAreWhatTheySay) {
  ASSERT_TRUE(Read(R"({"\"q\\":"a\/b\b\f\n\r\t\u00e4\u20AC\ud83d\ude00!","n":"plain"})"));
  EXPECT_EQ(Value("\"q\\"), "a/b\b\f\n\r\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80!");
  EXPECT_EQ(Value("n"), "plain");
}

TEST_F(TagSetTest, HalfAPairOfSurrogatesIsTheReplacementCharacter) {
  ASSERT_TRUE(Read(R"({"a":"\ud83d","b":"\ude00","c":"\ud83d\u0041","d":"\ud83d\ud83d\ude00"})"));
  EXPECT_EQ(Value("a"), "\xef\xbf\xbd");
  EXPECT_EQ(Value("b"), "\xef\xbf\xbd");
  EXPECT_EQ(Value("c"),
            "\xef\xbf\xbd"
            "A");
  EXPECT_EQ(Value("d"), "\xef\xbf\xbd\xf0\x9f\x98\x80");
}

TEST_F(TagSetTest, EveryCutIsRefused) {
  const std::string line = R"({"a\n":"x\u00e4\ud83d\ude00","b":"y"})";
  ASSERT_TRUE(Read(line));
  for (std::size_t size = 1; size < line.size(); ++size) {
    EXPECT_FALSE(Read(line.substr(0, size))) << size << " bytes";
    EXPECT_EQ(Value("b"), "absent");
  }
}

TEST_F(TagSetTest, RefusesWhatIsNoObjectOfStrings) {
  for (const std::string_view line :
       {"[]", "null", "\"a\"", "{", "}", R"({"a":1})", R"({"a":null})", R"({"a":{}})", R"({"a"})",
        R"({"a":"1",})", R"({,"a":"1"})", R"({"a":"1"}})", R"({"a":"1"} )", R"({"a":"\x"})",
        R"({"a":"\u12"})", R"({"a":"\u12g4"})", R"({"a":"\ud83d\u12"})", R"({"a":"1""b":"2"})"}) {
    EXPECT_FALSE(Read(line)) << line;
  }
}

}  // namespace
}  // namespace tickcast::protocol
