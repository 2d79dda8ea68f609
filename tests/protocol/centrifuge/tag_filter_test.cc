#include "protocol/centrifuge/tag_filter.h"

#include <cstddef>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/centrifuge/command_protobuf.h"
#include "tests/protocol/centrifuge/plain_filter.h"

namespace tickcast::protocol {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class TagFilterTest : public testing::Test {
 protected:
  // In blocks of exactly their size, so that the address sanitizer sees a byte read too far.
  std::string_view ParseJson(std::string_view tf) {
    const auto block = std::make_unique<char[]>(tf.size());
    tf.copy(block.get(), tf.size());
    return parser_.ParseJson({block.get(), tf.size()}, filter_);
  }
  // The filter of a subscribe that came as Protobuf; whoever reads that refuses some by itself.
  std::string_view ParseProtobuf(const PlainFilter& tf) {
    Command command;
    NestedTexts texts;
    const std::string message = tf.ProtobufSubscribe();
    if (!ReadProtobufCommand(message, command, texts)) return "bad command";
    return ParseJson(command.subscribe.tf);
  }
  std::string Key(std::string_view tf) {
    EXPECT_THAT(ParseJson(tf), IsEmpty()) << tf;
    return filter_.key();
  }
  // Whether the filter takes a publication with these tags, given as JSON.
  bool Takes(std::string_view tf, std::string_view tags) {
    EXPECT_THAT(ParseJson(tf), IsEmpty()) << tf;
    EXPECT_TRUE(tags_.Read(tags)) << tags;
    return filter_.Matches(tags_);
  }

  TagFilterParser parser_;
  TagFilter filter_;
  TagSet tags_;
};

struct Case {
  std::string_view tf;
  std::string_view tags;
  bool taken;
};

TEST_F(TagFilterTest, EachComparison) {
  constexpr Case kCases[] = {
      {R"({"cmp":"eq","key":"k","val":"v"})", R"({"k":"v"})", true},
      {R"({"cmp":"eq","key":"k","val":"v"})", R"({"k":"V"})", false},
      {R"({"cmp":"eq","key":"k","val":"v"})", "", false},
      {R"({"cmp":"neq","key":"k","val":"v"})", R"({"k":"w"})", true},
      {R"({"cmp":"neq","key":"k","val":"v"})", R"({"k":"v"})", false},
      {R"({"cmp":"neq","key":"k","val":"v"})", "", true},
      {R"({"cmp":"in","key":"k","vals":["b","a","c"]})", R"({"k":"a"})", true},
      {R"({"cmp":"in","key":"k","vals":["b","a","c"]})", R"({"k":"d"})", false},
      {R"({"cmp":"in","key":"k","vals":["b","a","c"]})", "", false},
      {R"({"cmp":"in","key":"k","vals":["b",""]})", "", true},  // Absent is the empty text here.
      {R"({"cmp":"nin","key":"k","vals":["b","a"]})", R"({"k":"a"})", false},
      {R"({"cmp":"nin","key":"k","vals":["b","a"]})", R"({"k":"d"})", true},
      {R"({"cmp":"nin","key":"k","vals":["b","a"]})", "", true},
      {R"({"cmp":"nin","key":"k","vals":["b",""]})", "", false},
      {R"({"cmp":"ex","key":"k"})", R"({"k":""})", true},
      {R"({"cmp":"ex","key":"k"})", R"({"kk":""})", false},
      {R"({"cmp":"nex","key":"k"})", R"({"k":""})", false},
      {R"({"cmp":"nex","key":"k"})", "", true},
      {R"({"cmp":"nex"})", "", true},  // The one leaf without a key.
      {R"({"cmp":"ex"})", R"({"":"x"})", true},
      {R"({"cmp":"sw","key":"k","val":"BTC"})", R"({"k":"BTC-USDT"})", true},
      {R"({"cmp":"sw","key":"k","val":"BTC"})", R"({"k":"WBTC"})", false},
      {R"({"cmp":"sw","key":"k","val":"BTC"})", "", false},
      {R"({"cmp":"ew","key":"k","val":"USDT"})", R"({"k":"BTC-USDT"})", true},
      {R"({"cmp":"ew","key":"k","val":"USDT"})", R"({"k":"USDT-DAI"})", false},
      {R"({"cmp":"ct","key":"k","val":"C-U"})", R"({"k":"BTC-USDT"})", true},
      {R"({"cmp":"ct","key":"k","val":"C-U"})", R"({"k":"BTC_USDT"})", false},
      {R"({"cmp":"ct","key":"k","val":"C-U"})", "", false},
  };
  for (const Case& each : kCases) {
    EXPECT_EQ(Takes(each.tf, each.tags), each.taken) << each.tf << " " << each.tags;
  }
}

TEST_F(TagFilterTest, OrderIsThatOfExactDecimals) {
  const auto takes = [this](std::string_view cmp, std::string_view tag, std::string_view constant) {
    return Takes(R"({"key":"k","cmp":")" + std::string(cmp) + R"(","val":")" +
                     std::string(constant) + R"("})",
                 R"({"k":")" + std::string(tag) + R"("})");
  };
  EXPECT_TRUE(takes("gt", "9007199254740993", "9007199254740992"));  // Equal as doubles.
  EXPECT_FALSE(takes("gt", "9007199254740992", "9007199254740993"));
  EXPECT_TRUE(takes("gt", "10", "9"));  // Not by the alphabet.
  EXPECT_FALSE(takes("gt", "1.0", "1"));
  EXPECT_TRUE(takes("gte", "1.0", "1"));
  EXPECT_TRUE(takes("lt", "-2", "-1"));
  EXPECT_FALSE(takes("lt", "1", "01.00"));
  EXPECT_TRUE(takes("lte", "1", "01.00"));
}

TEST_F(TagFilterTest, NoOrderHoldsForWhatIsNoNumber) {
  for (const std::string_view cmp : {"gt", "gte", "lt", "lte"}) {
    const std::string leaf = R"({"key":"k","cmp":")" + std::string(cmp) + R"(","val":)";
    EXPECT_FALSE(Takes(leaf + R"("1"})", R"({"k":"abc"})")) << cmp;
    EXPECT_FALSE(Takes(leaf + R"("1"})", R"({"k":""})")) << cmp;
    EXPECT_FALSE(Takes(leaf + R"("1"})", R"({"k":"1e3"})")) << cmp;
    EXPECT_FALSE(Takes(leaf + R"("1"})", "")) << cmp;
    EXPECT_FALSE(Takes(leaf + R"("abc"})", R"({"k":"1"})")) << cmp;
    EXPECT_TRUE(Takes(R"({"op":"not","nodes":[)" + leaf + R"("abc"}]})", R"({"k":"1"})")) << cmp;
  }
}

TEST_F(TagFilterTest, AndOrNot) {
  constexpr std::string_view kFilter =
      R"({"op":"and","nodes":[{"op":"or","nodes":[{"key":"base","cmp":"eq","val":"BTC"},)"
      R"({"key":"base","cmp":"eq","val":"ETH"}]},)"
      R"({"op":"not","nodes":[{"key":"quote","cmp":"eq","val":"EUR"}]}]})";
  EXPECT_TRUE(Takes(kFilter, R"({"base":"BTC","quote":"USDT"})"));
  EXPECT_TRUE(Takes(kFilter, R"({"base":"ETH"})"));
  EXPECT_FALSE(Takes(kFilter, R"({"base":"ETH","quote":"EUR"})"));
  EXPECT_FALSE(Takes(kFilter, R"({"base":"SOL","quote":"USDT"})"));
  EXPECT_FALSE(Takes(kFilter, ""));
}

TEST_F(TagFilterTest, ADefaultOneTakesNothing) {
  EXPECT_TRUE(tags_.Read("{}"));
  EXPECT_FALSE(TagFilter().Matches(tags_));
  EXPECT_THAT(TagFilter().key(), IsEmpty());
}

TEST_F(TagFilterTest, RefusesWhatTheOriginalRefuses) {
  const std::pair<std::string_view, std::string_view> refused[] = {
      {"{}", "needs cmp"},
      {R"({"key":"k","val":"v"})", "needs cmp"},
      {R"({"key":"k","cmp":"EQ","val":"v"})", "unknown cmp"},
      {R"({"key":"k","cmp":"eq"})", "needs val"},
      {R"({"key":"k","cmp":"eq","val":""})", "needs val"},
      {R"({"key":"k","cmp":"gt"})", "needs val"},
      {R"({"key":"k","cmp":"eq","val":"v","vals":["v"]})", "takes no vals"},
      {R"({"key":"k","cmp":"in"})", "needs vals"},
      {R"({"key":"k","cmp":"in","vals":[]})", "needs vals"},
      {R"({"key":"k","cmp":"nin","vals":["v"],"val":"v"})", "takes no val"},
      {R"({"key":"k","cmp":"ex","val":"v"})", "takes no val"},
      {R"({"key":"k","cmp":"nex","vals":["v"]})", "takes no vals"},
      {R"({"cmp":"eq","val":"v"})", "needs key"},
      {R"({"cmp":"in","vals":["v"]})", "needs key"},
      {R"({"op":"xor","nodes":[{"cmp":"ex","key":"k"}]})", "op must be"},
      {R"({"op":"and"})", "need nodes"},
      {R"({"op":"or","nodes":[]})", "need nodes"},
      {R"({"op":"not"})", "exactly one"},
      {R"({"op":"not","nodes":[{"cmp":"ex","key":"k"},{"cmp":"ex","key":"l"}]})", "exactly one"},
      {R"({"op":"and","nodes":[{"cmp":"ex","key":"k"},{}]})", "needs cmp"},
  };
  for (const auto& [tf, reason] : refused) {
    EXPECT_THAT(ParseJson(tf), HasSubstr(reason)) << tf;
    EXPECT_THAT(ParseJson(tf), StartsWith("bad request: ")) << tf;
    EXPECT_THAT(filter_.key(), IsEmpty()) << tf;
    EXPECT_FALSE(PlainFilter::FromJson(tf)->IsValid()) << tf;
  }
}

TEST_F(TagFilterTest, RefusesWhatIsNoFilter) {
  for (const std::string_view tf :
       {"", "null", "[]", "1", "{", R"({"op":1})", R"({"key":["k"],"cmp":"ex"})",
        R"({"cmp":"in","key":"k","vals":"v"})", R"({"cmp":"in","key":"k","vals":[1]})",
        R"({"op":"and","nodes":{}})", R"({"op":"and","nodes":[null]})",
        R"({"op":"and","nodes":["k"]})"}) {
    EXPECT_EQ(ParseJson(tf), "bad request: tf must be a filter") << tf;
  }
}

TEST_F(TagFilterTest, WhatHasNoMeaningIsIgnored) {
  const std::string key = Key(R"({"cmp":"eq","key":"k","val":"v"})");
  EXPECT_EQ(Key(R"({"cmp":"eq","key":"k","val":"v","more":{"op":1},"nodes":[{}]})"), key);
  EXPECT_EQ(Key(R"({"op":null,"cmp":"eq","key":"k","val":"v","vals":null,"nodes":null})"), key);
  EXPECT_EQ(Key(R"({"cmp":"neq","cmp":"eq","key":"k","val":"v"})"), key) << "the last counts";
  EXPECT_EQ(Key(R"({"op":"not","nodes":[{"cmp":"ex","key":"k"}],"key":"x","cmp":"?","val":"y"})"),
            Key(R"({"op":"not","nodes":[{"cmp":"ex","key":"k"}]})"));
  EXPECT_EQ(Key(R"({"op":"or","nodes":[{}],"nodes":[{"cmp":"ex","key":"k"}]})"),
            Key(R"({"op":"or","nodes":[{"cmp":"ex","key":"k"}]})"));
}

TEST_F(TagFilterTest, EqualFiltersHaveEqualKeys) {
  EXPECT_EQ(Key(R"({"key":"k","cmp":"in","vals":["b","a","b"]})"),
            Key(R"({"cmp":"in","vals":["a","b"],"key":"k"})"));
  EXPECT_EQ(Key(R"({"key":"k","cmp":"gt","val":"+01.50"})"),
            Key(R"({"key":"k","cmp":"gt","val":"1.5"})"));
  EXPECT_EQ(Key(R"({"key":"\u006b","cmp":"eq","val":"\"\u00e4"})"),
            Key(R"({"key":"k","cmp":"eq","val":"\"ä"})"));
}

TEST_F(TagFilterTest, DifferentFiltersHaveDifferentKeys) {
  std::vector<std::string> keys;
  for (
      const std::string_view tf :
      {R"({"key":"k","cmp":"eq","val":"1"})", R"({"key":"k","cmp":"eq","val":"1.0"})",
       R"({"key":"k","cmp":"gt","val":"1"})", R"({"key":"k","cmp":"gte","val":"1"})",
       R"({"key":"k","cmp":"gt","val":"x"})", R"({"key":"k1","cmp":"eq","val":"1"})",
       R"({"key":"k","cmp":"in","vals":["a","b"]})", R"({"key":"k","cmp":"in","vals":["a,b"]})",
       R"({"key":"k","cmp":"in","vals":["a1:b"]})", R"({"key":"k","cmp":"nin","vals":["a","b"]})",
       R"({"op":"or","nodes":[{"op":"and","nodes":[{"cmp":"ex","key":"a"}]},{"cmp":"ex","key":"b"}]})",
       R"({"op":"or","nodes":[{"op":"and","nodes":[{"cmp":"ex","key":"a"},{"cmp":"ex","key":"b"}]}]})",
       R"({"op":"and","nodes":[{"cmp":"ex","key":"a"},{"cmp":"ex","key":"b"}]})",
       R"({"op":"and","nodes":[{"cmp":"ex","key":"b"},{"cmp":"ex","key":"a"}]})"}) {
    const std::string key = Key(tf);
    EXPECT_THAT(keys, Not(testing::Contains(key))) << tf;
    keys.push_back(key);
  }
}

TEST_F(TagFilterTest, MatchesAfterItWasMoved) {
  ASSERT_THAT(ParseJson(R"({"key":"k","cmp":"in","vals":["a","b"]})"), IsEmpty());
  const TagFilter copy = filter_;
  const TagFilter moved = std::move(filter_);
  ASSERT_THAT(ParseJson(R"({"key":"other","cmp":"ex"})"), IsEmpty());
  ASSERT_TRUE(tags_.Read(R"({"k":"b"})"));
  EXPECT_TRUE(copy.Matches(tags_));
  EXPECT_TRUE(moved.Matches(tags_));
  EXPECT_FALSE(filter_.Matches(tags_));
}

PlainFilter Leaf() {
  PlainFilter leaf;
  leaf.cmp = "ex";
  leaf.key = "k";
  return leaf;
}

TEST_F(TagFilterTest, HasAtMost32Levels) {
  PlainFilter tree = Leaf();
  for (std::size_t level = 2; level <= 32; ++level) {
    PlainFilter above;
    above.op = "not";
    above.nodes.push_back(tree);
    tree = above;
  }
  EXPECT_THAT(ParseJson(tree.Json()), IsEmpty());
  EXPECT_THAT(ParseProtobuf(tree), IsEmpty());
  PlainFilter above;
  above.op = "and";
  above.nodes.push_back(tree);
  EXPECT_THAT(ParseJson(above.Json()), HasSubstr("more than 32 levels"));
  EXPECT_THAT(ParseProtobuf(above), Not(IsEmpty()));
}

TEST_F(TagFilterTest, HasAtMost256Nodes) {
  PlainFilter tree;
  tree.op = "or";
  tree.nodes.assign(255, Leaf());
  EXPECT_THAT(ParseJson(tree.Json()), IsEmpty());
  EXPECT_THAT(ParseProtobuf(tree), IsEmpty());
  tree.nodes.push_back(Leaf());
  EXPECT_THAT(ParseJson(tree.Json()), HasSubstr("more than 256 nodes"));
  EXPECT_THAT(ParseProtobuf(tree), HasSubstr("more than 256 nodes"));
}

TEST_F(TagFilterTest, HasAtMost4096ValuesAnd64KiB) {
  PlainFilter tree;
  tree.cmp = "in";
  tree.key = "k";
  for (int value = 0; value < 4096; ++value) tree.vals.push_back(std::to_string(value));
  EXPECT_THAT(ParseJson(tree.Json()), IsEmpty());
  EXPECT_THAT(ParseProtobuf(tree), IsEmpty());
  EXPECT_TRUE(Takes(tree.Json(), R"({"k":"4095"})"));
  EXPECT_FALSE(Takes(tree.Json(), R"({"k":"4096"})"));
  tree.vals.push_back("x");
  EXPECT_THAT(ParseJson(tree.Json()), HasSubstr("more than 4096 vals"));
  EXPECT_THAT(ParseProtobuf(tree), HasSubstr("more than 4096 vals"));
  tree.vals.assign(1, std::string(65536, 'x'));
  EXPECT_THAT(ParseJson(tree.Json()), HasSubstr("more than 65536 bytes"));
  EXPECT_THAT(ParseProtobuf(tree), HasSubstr("more than 65536 bytes"));
  tree.vals.assign(1, std::string(65536 - tree.Json().size() + 65536, 'x'));
  ASSERT_EQ(tree.Json().size(), 65536u);
  EXPECT_THAT(ParseJson(tree.Json()), IsEmpty());
}

// A random filter, mostly well formed, over few names and texts, so that it often matches.
PlainFilter RandomFilter(std::mt19937& random, int depth) {
  constexpr const char* kCmps[] = {"eq", "neq", "in", "nin", "ex", "nex", "sw",
                                   "ew", "ct",  "gt", "gte", "lt", "lte"};
  constexpr const char* kTexts[] = {"",  "a",  "ab",   "b",  "abc", "1",    "1.0", "01",
                                    "2", "-1", "10.5", "10", "-0",  "\"\\", "ä",   "1e2"};
  const auto text = [&] { return kTexts[random() % std::size(kTexts)]; };
  PlainFilter filter;
  if (depth > 0 && random() % 2 == 0) {
    constexpr const char* kOps[] = {"and", "or", "not"};
    filter.op = kOps[random() % 3];
    const std::size_t count = filter.op == "not" ? 1 : 1 + random() % 3;
    for (std::size_t node = 0; node < count; ++node) {
      filter.nodes.push_back(RandomFilter(random, depth - 1));
    }
    if (random() % 50 == 0) filter.nodes.clear();
    return filter;
  }
  filter.cmp = kCmps[random() % std::size(kCmps)];
  filter.key = text();
  if (filter.cmp == "in" || filter.cmp == "nin") {
    for (std::size_t count = 1 + random() % 4; count > 0; --count) filter.vals.push_back(text());
  } else if (filter.cmp != "ex" && filter.cmp != "nex") {
    filter.val = text();
  }
  if (random() % 50 == 0) filter.val = text();
  return filter;
}

TEST_F(TagFilterTest, IsThePlainFilterInBothForms) {
  constexpr const char* kTexts[] = {"",  "a",  "ab",   "b",  "abc", "1",    "1.0", "01",
                                    "2", "-1", "10.5", "10", "-0",  "\"\\", "ä",   "1e2"};
  std::mt19937 random(3);
  int taken = 0, refused = 0, matched = 0;
  for (int round = 0; round < 20000; ++round) {
    const PlainFilter plain = RandomFilter(random, 4);
    SCOPED_TRACE(plain.Json());
    const std::string_view wrong = ParseJson(plain.Json());
    ASSERT_EQ(wrong.empty(), plain.IsValid()) << wrong;
    const TagFilter from_json = filter_;
    ASSERT_EQ(ParseProtobuf(plain), wrong);
    ASSERT_EQ(filter_.key(), from_json.key());
    if (!wrong.empty()) {
      ++refused;
      continue;
    }
    ++taken;
    for (int publication = 0; publication < 4; ++publication) {
      PlainTags tags;
      for (std::size_t count = random() % 6; count > 0; --count) {
        tags[kTexts[random() % std::size(kTexts)]] = kTexts[random() % std::size(kTexts)];
      }
      const std::string line = PlainTagsJson(tags);
      ASSERT_TRUE(tags_.Read(line)) << line;
      const bool matches = plain.Matches(tags);
      matched += matches ? 1 : 0;
      ASSERT_EQ(from_json.Matches(tags_), matches) << line;
      ASSERT_EQ(filter_.Matches(tags_), matches) << line;
    }
  }
  EXPECT_GT(taken, 10000);
  EXPECT_GT(refused, 500);
  EXPECT_GT(matched, 10000);
}

}  // namespace
}  // namespace tickcast::protocol
