#include "shards/member.h"

#include <gtest/gtest.h>

#include <string>

namespace tickcast::shards {
namespace {

TEST(MemberInfoTest, KeepsWhatItWasMadeOf) {
  std::string client = "c1";
  const MemberInfo info(
      {.user = "42", .client = client, .conn_info = R"({"a":1})", .chan_info = R"({"b":2})"});
  client = "xx";
  const MemberInfo copy = info;
  EXPECT_EQ(copy.client(), "c1");
  EXPECT_EQ(copy.user(), "42");
  EXPECT_EQ(copy.view().conn_info, R"({"a":1})");
  EXPECT_EQ(copy.view().chan_info, R"({"b":2})");
  EXPECT_TRUE(MemberInfo().empty());
  EXPECT_FALSE(copy.empty());
}

TEST(MemberInfoTest, OnlyTheClientIdMayDifferForALikeness) {
  const protocol::ClientInfo base{.user = "42", .client = "c1", .conn_info = "1", .chan_info = "2"};
  const auto like = [&base](void (*change)(protocol::ClientInfo&)) {
    protocol::ClientInfo other = base;
    change(other);
    return MemberInfo(base).LooksLike(MemberInfo(other));
  };
  EXPECT_TRUE(like([](protocol::ClientInfo& info) { info.client = "c2"; }));
  EXPECT_FALSE(like([](protocol::ClientInfo& info) { info.user = "4"; }));
  EXPECT_FALSE(like([](protocol::ClientInfo& info) { info.conn_info = "12"; }));
  EXPECT_FALSE(like([](protocol::ClientInfo& info) { info.chan_info = ""; }));
  // Where one text ends and the next begins counts.
  EXPECT_FALSE(MemberInfo({.user = "ab", .client = "c", .conn_info = "c"})
                   .LooksLike(MemberInfo({.user = "a", .client = "c", .conn_info = "bc"})));
  EXPECT_TRUE(MemberInfo(base) == MemberInfo(base));
  EXPECT_FALSE(MemberInfo(base) == MemberInfo());
}

}  // namespace
}  // namespace tickcast::shards
