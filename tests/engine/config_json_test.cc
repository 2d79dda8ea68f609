// JSON files: their values, and the line of the first mistake.
#include "engine/config_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tickcast::engine {
namespace {

using Kind = ConfigValue::Kind;

std::string ErrorOf(std::string_view text) {
  ConfigValue table;
  std::string error;
  return ReadJsonFile(text, "c.json", table, error) ? std::string() : error;
}

TEST(ConfigJsonTest, ValuesHaveTheirTypesAndLines) {
  ConfigValue table;
  std::string error;
  ASSERT_TRUE(
      ReadJsonFile("{\n \"a\": {\"b\\u0063\": [1,\n  \"x\\ny\"]},\n\"n\": -2.5, \"t\": true, "
                   "\"z\": null,\n\"big\": 18446744073709551615}",
                   "c.json", table, error))
      << error;
  ASSERT_EQ(table.items.size(), 5u);
  const ConfigValue& a = table.items[0];
  EXPECT_EQ(a.kind, Kind::kTable);
  EXPECT_EQ(a.place.Text(), "c.json:2");
  const ConfigValue& list = a.items.at(0);
  EXPECT_EQ(list.key, "bc");
  EXPECT_EQ(list.kind, Kind::kList);
  EXPECT_EQ(list.items.at(0).integer, 1);
  EXPECT_EQ(list.items.at(1).text, "x\ny");
  EXPECT_EQ(list.items.at(1).place.line, 3u);
  EXPECT_EQ(table.items[1].number, -2.5);
  EXPECT_EQ(table.items[1].place.line, 4u);
  EXPECT_TRUE(table.items[2].boolean);
  EXPECT_EQ(table.items[3].kind, Kind::kOther);
  EXPECT_EQ(table.items[4].kind, Kind::kOther);
  EXPECT_EQ(table.items[4].place.line, 5u);
}

TEST(ConfigJsonTest, MistakesNameTheirLine) {
  EXPECT_EQ(ErrorOf("[]"), "c.json:1: is no JSON object");
  EXPECT_THAT(ErrorOf("{\"a\": 1,\n\"b\": tru}"), testing::StartsWith("c.json:2: is no JSON: "));
  EXPECT_THAT(ErrorOf("{\"a\": 1,\n\n\"b\" 2}"), testing::StartsWith("c.json:3: is no JSON: "));
  EXPECT_THAT(ErrorOf("{\"a\": 1}\n{}"), testing::HasSubstr("is no JSON: "));
  EXPECT_THAT(ErrorOf("{\"a\": nul}"), testing::HasSubstr("is no JSON: "));
  EXPECT_THAT(ErrorOf("{\"a\": 1,}"), testing::HasSubstr("is no JSON: "));
  EXPECT_NE(ErrorOf(""), "");
}

TEST(ConfigJsonTest, ATextIsTakenWholeOrNotAtAll) {
  const std::string whole = R"({"a": {"b": [1, "x", null, true, -2.5e3]}, "cé": {}})";
  EXPECT_EQ(ErrorOf(whole), "");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    EXPECT_NE(ErrorOf(whole.substr(0, cut)), "") << "cut at byte " << cut;
  }
}

TEST(ConfigJsonTest, WhatLiesTooDeepToBeAKeyIsNoValueButJson) {
  const std::string deep(kMaxConfigDepth + 4, '[');
  const std::string closed(kMaxConfigDepth + 4, ']');
  EXPECT_EQ(ErrorOf("{\"a\": " + deep + closed + "}"), "");
  EXPECT_NE(ErrorOf("{\"a\": " + deep + "tru" + closed + "}"), "");
}

}  // namespace
}  // namespace tickcast::engine
