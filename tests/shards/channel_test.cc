#include "shards/channel.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/shards/test_publications.h"

namespace tickcast::shards {
namespace {

class ChannelTableTest : public testing::Test {
 protected:
  engine::Namespace state_{.name = "ticker", .kind = engine::ChannelKind::kState};
  engine::Namespace stream_{.name = "room"};
  ChannelTable table_;
};

TEST_F(ChannelTableTest, FindsByNameWhatItHolds) {
  EXPECT_EQ(table_.Find("room:1"), kNoChannel);
  const ChannelIndex room = table_.Add("room:1", &stream_, 2);
  const ChannelIndex ticker = table_.Add("ticker:a", &state_, 1);
  EXPECT_NE(room, ticker);
  EXPECT_EQ(table_.Find("room:1"), room);
  EXPECT_EQ(table_.Find("ticker:a"), ticker);
  EXPECT_EQ(table_.Find("room:"), kNoChannel);
  EXPECT_EQ(table_.size(), 2u);
  EXPECT_EQ(table_[room].name, "room:1");
  EXPECT_EQ(table_[room].home, 2);
  EXPECT_EQ(table_[room].kind, engine::ChannelKind::kStream);
  EXPECT_FALSE(table_[room].live);
  EXPECT_EQ(table_[ticker].kind, engine::ChannelKind::kState);
  EXPECT_EQ(table_[ticker].ns, &state_);
}

// A publication may be on its way to a channel that was removed and whose index lives on.
TEST_F(ChannelTableTest, ARemovedChannelIsNotFoundUnderItsIndex) {
  const ChannelIndex index = table_.Add("room:1", &stream_, 0);
  const std::uint32_t generation = table_.generation(index);
  table_[index].sequence = 9;
  EXPECT_EQ(table_.Find(index, generation), &table_[index]);
  table_.Remove(index);
  EXPECT_EQ(table_.Find("room:1"), kNoChannel);
  EXPECT_EQ(table_.Find(index, generation), nullptr);
  EXPECT_EQ(table_.size(), 0u);
  ASSERT_EQ(table_.Add("room:1", &stream_, 0), index);
  EXPECT_EQ(table_.Find(index, generation), nullptr);
  EXPECT_NE(table_.Find(index, table_.generation(index)), nullptr);
  EXPECT_EQ(table_[index].sequence, 0u);
}

TEST_F(ChannelTableTest, AddressesLastWhileOthersComeAndGo) {
  Channel* const first = &table_[table_.Add("room:first", &stream_, 0)];
  for (int i = 0; i < 1000; ++i) table_.Add("room:" + std::to_string(i), &stream_, 0);
  EXPECT_EQ(&table_[table_.Find("room:first")], first);
  EXPECT_EQ(first->name, "room:first");
}

TEST_F(ChannelTableTest, VisitsEveryChannelOnce) {
  for (const char* const name : {"room:1", "room:2", "room:3"}) table_.Add(name, &stream_, 0);
  table_.Remove(table_.Find("room:2"));
  std::multiset<std::string> visited;
  table_.ForEach([&](Channel& channel) { visited.insert(channel.name); });
  EXPECT_EQ(visited, (std::multiset<std::string>{"room:1", "room:3"}));
}

// --- Views ---------------------------------------------------------------------------------------

constexpr View kProtobuf{.form = {protocol::Encoding::kProtobuf, false}};
constexpr View kFiltered{.filter = 1};

TEST_F(ChannelTableTest, EachViewOfAChannelIsAddedOnce) {
  const ChannelIndex ticker = table_.Add("ticker:a", &state_, 1);
  EXPECT_EQ(table_.primary(ticker), ticker);
  EXPECT_EQ(table_.FindOrAddView(ticker, {}), ticker);
  const ChannelIndex view = table_.FindOrAddView(ticker, kProtobuf);
  EXPECT_NE(view, ticker);
  EXPECT_EQ(table_.FindOrAddView(ticker, kProtobuf), view);
  EXPECT_NE(table_.FindOrAddView(ticker, kFiltered), view);
  EXPECT_EQ(table_[ticker].views.size(), 2u);
  EXPECT_EQ(table_.primary(view), ticker);
  EXPECT_EQ(table_.name(view), "ticker:a");
  EXPECT_EQ(table_.Find("ticker:a"), ticker);
  EXPECT_EQ(table_[view].kind, engine::ChannelKind::kState);
  EXPECT_EQ(table_[view].home, 1);
  EXPECT_EQ(table_.size(), 1u);
  EXPECT_TRUE(table_.latest(ticker).line.empty());
}

// It must not wait for the next publication to know what all others know.
TEST_F(ChannelTableTest, AViewBeginsWhereItsChannelStands) {
  const ChannelIndex ticker = table_.Add("ticker:a", &state_, 0);
  table_[ticker].live = true;
  table_.SetNewest(ticker, table_[ticker], 7, SealedOf("ticker:a", "1", 7));
  const ChannelIndex view = table_.FindOrAddView(ticker, kProtobuf);
  EXPECT_TRUE(table_[view].live);
  EXPECT_EQ(table_[view].sequence, 7u);
  EXPECT_EQ(table_[view].newest.get(), table_[ticker].newest.get());
  const ChannelIndex filtered = table_.FindOrAddView(ticker, kFiltered);
  EXPECT_TRUE(table_[filtered].live);
  EXPECT_FALSE(table_[filtered].newest);
}

TEST_F(ChannelTableTest, AChannelStaysWhileItHasViews) {
  const ChannelIndex ticker = table_.Add("ticker:a", &state_, 0);
  const ChannelIndex view = table_.FindOrAddView(ticker, kProtobuf);
  EXPECT_FALSE(table_[ticker].unused());
  EXPECT_TRUE(table_[view].unused());
  table_.Remove(view);
  EXPECT_TRUE(table_[ticker].unused());
  table_.Remove(ticker);
  EXPECT_EQ(table_.size(), 0u);
}

}  // namespace
}  // namespace tickcast::shards
