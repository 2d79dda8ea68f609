// The server API's methods of map channels, as a Centrifugo 6.9.1 answers them.
#include <ctime>
#include <string>
#include <string_view>

#include "tests/shards/server_api_world.h"

namespace tickcast::shards {
namespace {

using protocol::ApiForm;
using protocol::ApiMethod;
using testing::HasSubstr;

class ServerApiMapsTest : public ServerApiTest {
 protected:
  ServerApiMapsTest() {
    engine::Namespace& kept = config_.channel.namespaces.emplace_back();
    kept.name = "map";
    kept.subscription_type = engine::SubscriptionType::kMap;
    kept.map.mode = engine::MapMode::kRecoverable;
    kept.map.key_ttl_ns = 60 * kNowNs;
    engine::Namespace& brief = config_.channel.namespaces.emplace_back(kept);
    brief.name = "brief";
    brief.map.mode = engine::MapMode::kEphemeral;
  }

  // Entries say when they came in, which is now.
  static void TakeTimes(std::string& answer) {
    constexpr std::string_view kTime = R"(,"time":)";
    for (std::size_t at = answer.find(kTime); at != std::string::npos; at = answer.find(kTime)) {
      const std::size_t end = answer.find('}', at);
      const std::string ms = answer.substr(at + kTime.size(), end - at - kTime.size());
      EXPECT_NEAR(std::stod(ms), 1e3 * static_cast<double>(std::time(nullptr)), 600e3);
      answer.erase(at, end - at);
    }
  }

  // The answer without its times and epoch, which every run has another of.
  std::string Ask(ApiMethod method, std::string_view body) {
    std::string answer = Call({ApiForm::kSingle, method}, body).body;
    constexpr std::string_view kEpoch = R"("epoch":")";
    for (std::size_t at = answer.find(kEpoch); at != std::string::npos; at = answer.find(kEpoch)) {
      const std::size_t value = at + kEpoch.size();
      epoch_ = answer.substr(value, answer.find('"', value) - value);
      answer.replace(at, kEpoch.size() + epoch_.size() + 1, "E");
    }
    TakeTimes(answer);
    return answer;
  }
  std::string Publish(std::string_view key, std::string_view more) {
    return Ask(ApiMethod::kMapPublish,
               R"({"channel":"map:a","key":")" + std::string(key) + "\"" + std::string(more) + "}");
  }
  std::string Remove(std::string_view key, std::string_view more = "") {
    return Ask(ApiMethod::kMapRemove,
               R"({"channel":"map:a","key":")" + std::string(key) + "\"" + std::string(more) + "}");
  }
  std::string State(std::string_view more) {
    return Ask(ApiMethod::kMapReadState, R"({"channel":"map:a")" + std::string(more) + "}");
  }
  std::string Stream(std::string_view more) {
    return Ask(ApiMethod::kMapReadStream, R"({"channel":"map:a")" + std::string(more) + "}");
  }

  std::string epoch_;  // The last one seen.
};

constexpr char kNotTheMap[] = R"({"error":{"code":107,"message":"bad request"}})";

TEST_F(ServerApiMapsTest, PublishTellsThePositionOrWhyNot) {
  EXPECT_EQ(Publish("k1", R"(,"data":{"a": 1},"tags":{"x":"y"})"), R"({"result":{"offset":1,E}})");
  EXPECT_EQ(Publish("k2", ""), R"({"result":{"offset":2,E}})");
  EXPECT_EQ(Publish("k1", R"(,"data":1,"key_mode":"if_new")"),
            R"({"result":{"offset":2,E,"suppressed":true,"suppress_reason":"key_exists"}})");
  EXPECT_EQ(Publish("k9", R"(,"data":1,"key_mode":"if_exists")"),
            R"({"result":{"offset":2,E,"suppressed":true,"suppress_reason":"key_not_found"}})");
  EXPECT_EQ(Publish("k3", R"(,"data":1,"version":5)"), R"({"result":{"offset":3,E}})");
  EXPECT_EQ(Publish("k3", R"(,"data":2,"version":5)"),
            R"({"result":{"offset":3,E,"suppressed":true,"suppress_reason":"version"}})");
  EXPECT_EQ(Publish("k3", R"(,"data":2,"version":4,"version_epoch":"x")"),
            R"({"result":{"offset":4,E}})");
  EXPECT_EQ(Publish("k4", R"(,"data":2,"idempotency_key":"i")"), R"({"result":{"offset":5,E}})");
  EXPECT_EQ(Publish("k4", R"(,"data":2,"idempotency_key":"i")"),
            R"({"result":{"offset":5,E,"suppressed":true,"suppress_reason":"idempotency"}})");
  EXPECT_EQ(Publish("k4", R"(,"data":2,"key_mode":"any")"), kNotTheMap);
  EXPECT_EQ(Publish(std::string(256, 'k'), R"(,"data":2)"), kNotTheMap);
  EXPECT_EQ(Publish(std::string(255, 'k'), R"(,"data":2)"), R"({"result":{"offset":6,E}})");
}

TEST_F(ServerApiMapsTest, RemoveToo) {
  Publish("k", R"(,"data":1)");
  EXPECT_EQ(Remove("k", R"(,"idempotency_key":"r")"), R"({"result":{"offset":2,E}})");
  EXPECT_EQ(Remove("k", R"(,"idempotency_key":"r")"),
            R"({"result":{"offset":2,E,"suppressed":true,"suppress_reason":"idempotency"}})");
  EXPECT_EQ(Remove("k"),
            R"({"result":{"offset":2,E,"suppressed":true,"suppress_reason":"key_not_found"}})");
}

TEST_F(ServerApiMapsTest, StateIsReadByPagesOrOneKey) {
  Publish("k1", R"(,"data":{"a": 1},"tags":{"x":"y"})");
  Publish("k2", "");
  Publish("k3", R"(,"b64data":"aGVsbG8=")");
  EXPECT_EQ(State(""), R"({"result":{"offset":3,E}})");
  EXPECT_EQ(State(R"(,"limit":2)"),
            R"({"result":{"entries":[{"key":"k1","data":{"a":1},"tags":{"x":"y"},"offset":1},)"
            R"({"key":"k2","offset":2}],"offset":3,E,"cursor":"k2"}})");
  EXPECT_EQ(State(R"(,"limit":2,"cursor":"k2")"),
            R"({"result":{"entries":[{"key":"k3","offset":3}],"offset":3,E}})")
      << "hello is no JSON: it cannot be shown";
  EXPECT_THAT(State(R"(,"limit":-1)"), HasSubstr(R"("key":"k3")"));
  EXPECT_EQ(State(R"(,"key":"k2")"),
            R"({"result":{"entries":[{"key":"k2","offset":2}],"offset":3,E}})");
  EXPECT_EQ(State(R"(,"key":"nn")"), R"({"result":{"offset":3,E}})");
  EXPECT_THAT(State(R"(,"limit":2,"revision_offset":1,"revision_epoch":"zz")"),
              HasSubstr(R"("code":112)"));
  EXPECT_THAT(State(R"(,"limit":2,"revision_offset":1,"revision_epoch":")" + epoch_ + "\""),
              HasSubstr(R"("cursor":"k2")"));
}

TEST_F(ServerApiMapsTest, TheStreamIsReadBothWays) {
  Publish("k1", R"(,"data":1)");
  Publish("k2", R"(,"data":2)");
  Remove("k1");
  EXPECT_EQ(Stream(""), R"({"result":{"offset":3,E}})");
  EXPECT_EQ(Stream(R"(,"limit":2)"), R"({"result":{"entries":[{"key":"k1","data":1,"offset":1},)"
                                     R"({"key":"k2","data":2,"offset":2}],"offset":3,E}})");
  EXPECT_EQ(Stream(R"(,"limit":1,"reverse":true)"),
            R"({"result":{"entries":[{"key":"k1","offset":3,"removed":true}],"offset":3,E}})");
  EXPECT_EQ(Stream(R"(,"limit":-1,"since_offset":2,"since_epoch":")" + epoch_ + "\""),
            R"({"result":{"entries":[{"key":"k1","offset":3,"removed":true}],"offset":3,E}})");
  EXPECT_THAT(Stream(R"(,"limit":-1,"since_offset":2,"since_epoch":"zz")"),
              HasSubstr(R"("code":112)"));
}

TEST_F(ServerApiMapsTest, StatsAndClear) {
  EXPECT_EQ(Ask(ApiMethod::kMapStats, R"({"channel":"map:a"})"), R"({"result":{}})");
  Publish("k1", R"(,"data":1)");
  Publish("k2", R"(,"data":2)");
  EXPECT_EQ(Ask(ApiMethod::kMapStats, R"({"channel":"map:a"})"), R"({"result":{"num_keys":2}})");
  const std::string before = epoch_;
  EXPECT_EQ(Ask(ApiMethod::kMapClear, R"({"channel":"map:a"})"), R"({"result":{}})");
  EXPECT_EQ(Ask(ApiMethod::kMapStats, R"({"channel":"map:a"})"), R"({"result":{}})");
  EXPECT_EQ(Stream(R"(,"limit":-1)"), R"({"result":{E}})");
  EXPECT_NE(epoch_, before);
  EXPECT_EQ(Ask(ApiMethod::kMapClear, R"({"channel":"map:none"})"), R"({"result":{}})");
}

TEST_F(ServerApiMapsTest, AnEphemeralMapHasNoOffsets) {
  const auto publish = [this](std::string_view more) {
    return Ask(ApiMethod::kMapPublish,
               R"({"channel":"brief:a","key":"k","data":1)" + std::string(more) + "}");
  };
  EXPECT_EQ(publish(""), R"({"result":{E}})");
  EXPECT_EQ(publish(R"(,"key_mode":"if_new")"),
            R"({"result":{E,"suppressed":true,"suppress_reason":"key_exists"}})");
  EXPECT_THAT(publish(R"(,"version":1)"), HasSubstr(R"("code":100)"));
  EXPECT_EQ(Ask(ApiMethod::kMapReadStream, R"({"channel":"brief:a","limit":-1})"),
            R"({"result":{E}})");
  EXPECT_EQ(Ask(ApiMethod::kMapReadState, R"({"channel":"brief:a","limit":-1})"),
            R"({"result":{"entries":[{"key":"k","data":1}],E}})");
}

TEST_F(ServerApiMapsTest, ABatchHasThemInOrder) {
  const std::string body =
      Call(kBatch,
           R"({"commands":[{"map_publish":{"channel":"map:b","key":"k","data":1}},
               {"map_read_state":{"channel":"map:b","limit":-1}},{"map_stats":{"channel":"map:b"}},
               {"map_remove":{"channel":"map:b","key":"k"}},{"map_clear":{"channel":"map:b"}},
               {"map_publish":{"channel":"map:b","key":""}},{"map_stats":{"channel":"room:b"}}]})")
          .body;
  EXPECT_THAT(body, testing::StartsWith(R"({"replies":[{"map_publish":{"offset":1,"epoch":)"));
  EXPECT_THAT(body, HasSubstr(R"({"map_read_state":{"entries":[{"key":"k","data":1,"offset":1,)"));
  EXPECT_THAT(body, HasSubstr(R"({"map_stats":{"num_keys":1}},{"map_remove":{"offset":2,)"));
  EXPECT_THAT(body, testing::EndsWith(R"({"map_clear":{}},{"error":{"code":107,)"
                                      R"("message":"bad request"}},{"error":{"code":107,)"
                                      R"("message":"bad request"}}]})"));
}

}  // namespace
}  // namespace tickcast::shards
