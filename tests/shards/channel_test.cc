#include "shards/channel.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

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

}  // namespace
}  // namespace tickcast::shards
