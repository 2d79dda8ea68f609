// YAML files: types by the core schema, aliases, merge keys, and the place of the first mistake.
#include "engine/config_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tickcast::engine {
namespace {

using Kind = ConfigValue::Kind;

ConfigValue Read(std::string_view text) {
  ConfigValue table;
  std::string error;
  EXPECT_TRUE(ReadYaml(text, "c.yaml", table, error)) << error;
  return table;
}

std::string ErrorOf(std::string_view text) {
  ConfigValue table;
  std::string error;
  return ReadYaml(text, "c.yaml", table, error) ? std::string() : error;
}

ConfigValue One(const std::string& written) { return Read("k: " + written + "\n").items.at(0); }

TEST(ConfigYamlTest, ScalarsHaveTheTypesOfTheCoreSchema) {
  EXPECT_EQ(One("8000").integer, 8000);
  EXPECT_EQ(One("8000").kind, Kind::kInteger);
  EXPECT_EQ(One("0x10").integer, 16);
  EXPECT_EQ(One("0o17").integer, 15);
  EXPECT_EQ(One("-5").integer, -5);
  EXPECT_EQ(One("+5").integer, 5);
  EXPECT_EQ(One("1_000").integer, 1000);
  EXPECT_EQ(One("1.5").number, 1.5);
  EXPECT_EQ(One("true").kind, Kind::kBool);
  EXPECT_TRUE(One("True").boolean);
  EXPECT_FALSE(One("false").boolean);
  EXPECT_EQ(One("null").kind, Kind::kOther);
  EXPECT_EQ(One("~").kind, Kind::kOther);
  EXPECT_EQ(One("").kind, Kind::kOther);
  for (const char* text : {"\"8000\"", "'true'", "yes", "25s", "nan", "infinity",
                           "18446744073709551616x", "!!str 5"}) {
    EXPECT_EQ(One(text).kind, Kind::kString) << text;
  }
  EXPECT_EQ(One("\"8000\"").text, "8000");
}

TEST(ConfigYamlTest, ValuesKnowTheLineOfTheirKey) {
  const ConfigValue table = Read("# a comment\nclient:\n  allowed_origins:\n    - a\n    - b\n");
  EXPECT_EQ(table.items.at(0).place.Text(), "c.yaml:2");
  const ConfigValue& origins = table.items[0].items.at(0);
  EXPECT_EQ(origins.key, "allowed_origins");
  EXPECT_EQ(origins.place.line, 3u);
  EXPECT_EQ(origins.items.at(1).place.line, 5u);
  EXPECT_EQ(origins.items[1].text, "b");
}

TEST(ConfigYamlTest, AnEmptyFileIsAnEmptyTable) {
  EXPECT_TRUE(Read("").items.empty());
  EXPECT_TRUE(Read("# nothing\n").items.empty());
  EXPECT_TRUE(Read("---\n...\n").items.empty());
}

TEST(ConfigYamlTest, AliasesAndMergeKeysAreResolved) {
  const ConfigValue table = Read(
      "base: &base {presence: true, history_size: 5}\n"
      "ns:\n  - <<: *base\n    name: a\n  - name: b\n    history_size: 7\n    <<: [*base]\n"
      "again: *base\n");
  const ConfigValue& first = table.items.at(1).items.at(0);
  ASSERT_EQ(first.items.size(), 3u);
  EXPECT_TRUE(first.items[0].boolean);
  EXPECT_EQ(first.items[2].text, "a");
  // What stands there itself comes before what is merged.
  const ConfigValue& second = table.items[1].items.at(1);
  ASSERT_EQ(second.items.size(), 3u);
  EXPECT_EQ(second.items[1].integer, 7);
  EXPECT_TRUE(second.items[2].boolean);
  EXPECT_EQ(table.items.at(2).items.size(), 2u);
}

TEST(ConfigYamlTest, MistakesNameTheirPlace) {
  EXPECT_THAT(ErrorOf("a: 1\nb: [1, 2\n"), testing::StartsWith("c.yaml:"));
  EXPECT_EQ(ErrorOf("a: 1\nb: 2\na: 3\n"), "c.yaml:3:1: \"a\" is there twice");
  EXPECT_EQ(ErrorOf("- 1\n"), "c.yaml:1:1: is no YAML mapping");
  EXPECT_EQ(ErrorOf("a: 1\n[1]: 2\n"), "c.yaml:2:1: a key must be a word");
  EXPECT_EQ(ErrorOf("a:\n  <<: 5\n"), "c.yaml:2:7: << takes a mapping");
  EXPECT_THAT(ErrorOf("a: *nothing\n"), testing::StartsWith("c.yaml:1:4: "));
}

// Each line has ten of the line before: a thousand million values in 400 bytes.
TEST(ConfigYamlTest, AliasesOfAliasesAreBounded) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j == 0 ? "" : ", ") + before;
    text += "]\n";
  }
  EXPECT_THAT(ErrorOf(text), testing::HasSubstr("too many values"));
}

TEST(ConfigYamlTest, ATextMayBeCutAnywhere) {
  const std::string whole =
      "client:\n  token: {hmac_secret_key: \"s\"}\n  list: [1, 'x', ~]\nns:\n- &a {b: 1}\n- *a\n";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    ConfigValue table;
    std::string error;
    const bool read = ReadYaml(whole.substr(0, cut), "c.yaml", table, error);
    EXPECT_EQ(read, error.empty()) << "cut at byte " << cut;
  }
}

}  // namespace
}  // namespace tickcast::engine
