#include "shards/filter_table.h"

#include <gtest/gtest.h>

#include <string>

namespace tickcast::shards {
namespace {

protocol::TagFilter FilterOf(std::string_view tf) {
  protocol::TagFilterParser parser;
  protocol::TagFilter filter;
  EXPECT_EQ(parser.ParseJson(tf, filter), "");
  return filter;
}

protocol::TagFilter SideIs(std::string_view side) {
  return FilterOf(R"({"key":"side","cmp":"eq","val":")" + std::string(side) + R"("})");
}

TEST(FilterTableTest, EqualFiltersAreOne) {
  FilterTable table;
  const std::uint16_t buy = table.Acquire(SideIs("buy"));
  const std::uint16_t sell = table.Acquire(SideIs("sell"));
  EXPECT_NE(buy, FilterTable::kNone);
  EXPECT_NE(buy, sell);
  EXPECT_EQ(table.Acquire(FilterOf(R"({"val":"buy","cmp":"eq","key":"side"})")), buy);
  EXPECT_EQ(table.size(), 2u);
}

TEST(FilterTableTest, AllFiltersLookAtTheTagsReadLast) {
  FilterTable table;
  const std::uint16_t buy = table.Acquire(SideIs("buy"));
  const std::uint16_t sell = table.Acquire(SideIs("sell"));
  table.Read(R"({"side":"buy"})");
  EXPECT_TRUE(table.Matches(buy));
  EXPECT_FALSE(table.Matches(sell));
  table.Read(R"({"side":"sell"})");
  EXPECT_FALSE(table.Matches(buy));
  EXPECT_TRUE(table.Matches(sell));
  table.Read("");
  EXPECT_FALSE(table.Matches(buy));
  EXPECT_FALSE(table.Matches(sell));
}

TEST(FilterTableTest, AFilterStaysAsLongAsSomebodyHasIt) {
  FilterTable table;
  const std::uint16_t buy = table.Acquire(SideIs("buy"));
  table.Acquire(SideIs("buy"));
  table.Release(buy);
  EXPECT_EQ(table.size(), 1u);
  table.Read(R"({"side":"buy"})");
  EXPECT_TRUE(table.Matches(buy));
  table.Release(buy);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.Acquire(SideIs("sell")), buy);  // Numbers are used again.
  EXPECT_FALSE(table.Matches(buy));
  table.Release(FilterTable::kNone);
}

TEST(FilterTableTest, ThereIsAnEndToNumbers) {
  FilterTable table;
  for (std::size_t i = 0; i < FilterTable::kMaxFilters; ++i) {
    ASSERT_NE(table.Acquire(SideIs(std::to_string(i))), FilterTable::kNone) << i;
  }
  EXPECT_EQ(table.Acquire(SideIs("one more")), FilterTable::kNone);
  EXPECT_EQ(table.Acquire(SideIs("0")), 1u);
}

}  // namespace
}  // namespace tickcast::shards
