#include "shards/channel_access.h"

#include <gtest/gtest.h>

namespace tickcast::shards {
namespace {

class ChannelAccessTest : public testing::Test {
 protected:
  // The namespace as a test wants it.
  engine::Namespace& ns() { return config_.channel.namespaces[0]; }
  bool MaySubscribe(std::string_view channel, std::string_view user) {
    return ChannelAccess(config_).MaySubscribe(ns(), channel, user);
  }

  engine::Config config_ = [] {
    engine::Config config;
    config.channel.namespaces.emplace_back();
    config.channel.namespaces[0].name = "n";
    return config;
  }();
};

TEST_F(ChannelAccessTest, ClientsAndAnonymousClients) {
  EXPECT_FALSE(MaySubscribe("n:a", "u"));
  ns().allow_subscribe_for_client = true;
  EXPECT_TRUE(MaySubscribe("n:a", "u"));
  EXPECT_FALSE(MaySubscribe("n:a", ""));
  ns().allow_subscribe_for_anonymous = true;
  EXPECT_TRUE(MaySubscribe("n:a", ""));
  ns().allow_subscribe_for_client = false;
  EXPECT_FALSE(MaySubscribe("n:a", "")) << "an addition, not a permission of its own";
}

// A subscriber's permission counts while it is one, that of the anonymous only beside another.
TEST_F(ChannelAccessTest, KeysAreWrittenAndRemovedByTwoSetsOfPermissions) {
  engine::MapConfig& map = ns().map;
  const auto may = [this](bool remove, std::string_view user, bool subscribed) {
    return ChannelAccess(config_).MayWriteKey(ns(), remove, user, subscribed);
  };
  const struct {
    bool remove;
    bool& client;
    bool& subscriber;
    bool& anonymous;
  } rows[] = {
      {false, map.allow_publish_for_client, map.allow_publish_for_subscriber,
       map.allow_publish_for_anonymous},
      {true, map.allow_remove_for_client, map.allow_remove_for_subscriber,
       map.allow_remove_for_anonymous},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.remove);
    EXPECT_FALSE(may(row.remove, "u", true));
    row.client = true;
    EXPECT_TRUE(may(row.remove, "u", false));
    EXPECT_FALSE(may(row.remove, "", true));
    EXPECT_FALSE(may(!row.remove, "u", true));
    row.anonymous = true;
    EXPECT_TRUE(may(row.remove, "", false));
    row.client = false;
    EXPECT_FALSE(may(row.remove, "", true));
    row.subscriber = true;
    EXPECT_TRUE(may(row.remove, "", true));
    EXPECT_TRUE(may(row.remove, "u", true));
    EXPECT_FALSE(may(row.remove, "u", false));
    row.anonymous = false;
    EXPECT_FALSE(may(row.remove, "", true));
    row.subscriber = false;
    config_.client.insecure = true;
    EXPECT_TRUE(may(row.remove, "", false));
    config_.client.insecure = false;
  }
}

TEST_F(ChannelAccessTest, UserLimitedChannelsAreForTheirUsersOnly) {
  ns().allow_subscribe_for_client = true;
  EXPECT_TRUE(MaySubscribe("n:a#42", "7")) << "nothing special where the namespace does not say so";
  ns().allow_user_limited_channels = true;
  EXPECT_TRUE(MaySubscribe("n:a#42", "42"));
  EXPECT_FALSE(MaySubscribe("n:a#42", "7"));
  EXPECT_TRUE(MaySubscribe("n:a#7,42", "42"));
  EXPECT_TRUE(MaySubscribe("n:a#7,42", "7"));
  EXPECT_FALSE(MaySubscribe("n:a#7,42", "7,42"));
  EXPECT_FALSE(MaySubscribe("n:a#42", "4"));
  EXPECT_FALSE(MaySubscribe("n:a#42", ""));
  EXPECT_TRUE(MaySubscribe("n:a#7#42", "42")) << "the last part names the users";
  EXPECT_FALSE(MaySubscribe("n:a#7#42", "7"));
  EXPECT_TRUE(MaySubscribe("n:a", "7")) << "no boundary in it";
  EXPECT_TRUE(MaySubscribe("n:a#", "")) << "as in the original: it names the user without a name";
  config_.channel.user_separator = "";
  EXPECT_TRUE(MaySubscribe("n:a#7,42", "7,42"));
  config_.channel.user_boundary = "";
  EXPECT_TRUE(MaySubscribe("n:a#42", "7"));
}

TEST_F(ChannelAccessTest, PrivateChannelsNeedATokenWhateverElseHolds) {
  ns().allow_subscribe_for_client = true;
  ns().allow_user_limited_channels = true;
  config_.client.insecure = true;
  EXPECT_TRUE(MaySubscribe("n:a", ""));
  EXPECT_FALSE(MaySubscribe("$n:a", "u"));
  EXPECT_FALSE(MaySubscribe("$n:a#u", "u"));
  config_.channel.private_prefix = "";
  EXPECT_TRUE(MaySubscribe("$n:a", "u"));
}

TEST_F(ChannelAccessTest, NamesAreAsciiOrMatchTheirPattern) {
  ChannelAccess access(config_);
  EXPECT_TRUE(access.IsValidName(ns(), "n:a b~"));
  EXPECT_FALSE(access.IsValidName(ns(), "n:\xc3\xa4"));
  ns().channel_regex = "^[a-z\xc3\xa4]+$";
  ChannelAccess with_pattern(config_);
  EXPECT_TRUE(with_pattern.IsValidName(ns(), "n:ab"));
  EXPECT_TRUE(with_pattern.IsValidName(ns(), "n:\xc3\xa4"));
  EXPECT_TRUE(with_pattern.IsValidName(ns(), "$n:ab"));
  EXPECT_FALSE(with_pattern.IsValidName(ns(), "n:aB"));
  EXPECT_FALSE(with_pattern.IsValidName(ns(), "n:a:b"));
  EXPECT_FALSE(with_pattern.IsValidName(ns(), "n:"));
}

TEST_F(ChannelAccessTest, PublishingHistoryAndPresence) {
  const auto all = [this](std::string_view user, bool subscribed) {
    const ChannelAccess access(config_);
    const bool publish = access.MayPublish(ns(), user, subscribed);
    EXPECT_EQ(access.MayReadHistory(ns(), user, subscribed), publish);
    EXPECT_EQ(access.MayReadPresence(ns(), user, subscribed), publish);
    return publish;
  };
  EXPECT_FALSE(all("u", true));
  ns().allow_publish_for_subscriber = ns().allow_history_for_subscriber =
      ns().allow_presence_for_subscriber = true;
  EXPECT_TRUE(all("u", true));
  EXPECT_FALSE(all("u", false));
  EXPECT_FALSE(all("", true));
  ns().allow_publish_for_anonymous = ns().allow_history_for_anonymous =
      ns().allow_presence_for_anonymous = true;
  EXPECT_TRUE(all("", true));
  EXPECT_FALSE(all("", false));
  ns().allow_publish_for_client = ns().allow_history_for_client = ns().allow_presence_for_client =
      true;
  EXPECT_TRUE(all("", false));
  ns() = {.name = "n"};
  config_.client.insecure = true;
  EXPECT_TRUE(all("", false));
}

TEST_F(ChannelAccessTest, PersonalChannel) {
  EXPECT_EQ(ChannelAccess(config_).PersonalChannel("42"), "#42");
  config_.client.subscribe_to_user_personal_channel.personal_channel_namespace = "n";
  EXPECT_EQ(ChannelAccess(config_).PersonalChannel("42"), "n:#42");
}

}  // namespace
}  // namespace tickcast::shards
