#include "protocol/centrifuge/api_method.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tickcast::protocol {
namespace {

TEST(ApiMethodTableTest, EveryMethodIsFoundByItsNameItsNumberAndItsPath) {
  std::set<std::string_view> names;
  for (int i = 0; i < kApiMethods; ++i) {
    const auto method = static_cast<ApiMethod>(i);
    const std::string_view name = NameOf(method);
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(ApiMethodNamed(name), method) << name;
    EXPECT_EQ(LegacyMethodNamed(name), method) << name;
    const auto endpoint = ApiEndpointAt("/" + std::string(name));
    ASSERT_TRUE(endpoint.has_value()) << name;
    EXPECT_EQ(endpoint->form, ApiForm::kSingle);
    EXPECT_EQ(endpoint->method, method);
  }
}

TEST(ApiMethodTableTest, NamesAreExactButForTheLegacyForm) {
  EXPECT_EQ(ApiMethodNamed("Publish"), ApiMethod::kNone);
  EXPECT_EQ(ApiMethodNamed("publis"), ApiMethod::kNone);
  EXPECT_EQ(ApiMethodNamed(""), ApiMethod::kNone);
  EXPECT_EQ(LegacyMethodNamed("Presence_STATS"), ApiMethod::kPresenceStats);
  EXPECT_EQ(LegacyMethodNamed("device_list"), ApiMethod::kNone);
  EXPECT_EQ(LegacyMethodNamed("batch"), std::nullopt);
  EXPECT_EQ(LegacyMethodNamed(""), std::nullopt);
}

// The numbers of the original, which old libraries send.
TEST(ApiMethodTableTest, LegacyNumbers) {
  EXPECT_EQ(LegacyMethodNumbered(0), ApiMethod::kPublish);
  EXPECT_EQ(LegacyMethodNumbered(1), ApiMethod::kBroadcast);
  EXPECT_EQ(LegacyMethodNumbered(2), ApiMethod::kUnsubscribe);
  EXPECT_EQ(LegacyMethodNumbered(3), ApiMethod::kDisconnect);
  EXPECT_EQ(LegacyMethodNumbered(4), ApiMethod::kPresence);
  EXPECT_EQ(LegacyMethodNumbered(5), ApiMethod::kPresenceStats);
  EXPECT_EQ(LegacyMethodNumbered(6), ApiMethod::kHistory);
  EXPECT_EQ(LegacyMethodNumbered(7), ApiMethod::kHistoryRemove);
  EXPECT_EQ(LegacyMethodNumbered(8), ApiMethod::kChannels);
  EXPECT_EQ(LegacyMethodNumbered(9), ApiMethod::kInfo);
  EXPECT_EQ(LegacyMethodNumbered(10), ApiMethod::kRpc);
  EXPECT_EQ(LegacyMethodNumbered(11), ApiMethod::kSubscribe);
  EXPECT_EQ(LegacyMethodNumbered(12), ApiMethod::kRefresh);
  EXPECT_EQ(LegacyMethodNumbered(13), ApiMethod::kNone);
  EXPECT_EQ(LegacyMethodNumbered(14), ApiMethod::kNone);
  EXPECT_EQ(LegacyMethodNumbered(39), ApiMethod::kSharedPollPublish);
  EXPECT_EQ(LegacyMethodNumbered(-1), ApiMethod::kNone);
}

TEST(ApiMethodTableTest, Endpoints) {
  EXPECT_EQ(ApiEndpointAt("")->form, ApiForm::kLegacy);
  EXPECT_EQ(ApiEndpointAt("/batch")->form, ApiForm::kBatch);
  for (const char* const none : {"/", "publish", "/publish/", "//publish", "/connections", "/x"}) {
    EXPECT_EQ(ApiEndpointAt(none), std::nullopt) << none;
  }
}

}  // namespace
}  // namespace tickcast::protocol
