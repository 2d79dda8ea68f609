// MapWriterTest: a cluster with maps, and what their homes have, as the HTTP API tells it.
// Threading: as SimWorld.
#pragma once

#include <gmock/gmock.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/sim_http_peer.h"
#include "tests/sim/token_world.h"

namespace tickcast::shards::sim {

class MapWriterTest : public TokenTest {
 protected:
  // A map whose keys live for `ttl_ns`, with a stream.
  engine::Namespace& AddMap(std::string name, std::uint64_t ttl_ns = 600 * kSecond,
                            engine::SubscriptionType type = engine::SubscriptionType::kMap) {
    engine::Namespace& ns = options_.config.channel.namespaces.emplace_back();
    ns.name = std::move(name);
    ns.subscription_type = type;
    ns.map.mode = engine::MapMode::kRecoverable;
    ns.map.key_ttl_ns = ttl_ns;
    return ns;
  }
  static void OpenForWriting(engine::Namespace& ns) {
    ns.map.allow_publish_for_client = ns.map.allow_publish_for_anonymous = true;
    ns.map.allow_remove_for_client = ns.map.allow_remove_for_anonymous = true;
  }
  engine::Namespace& NamespaceOf(std::string_view name) {
    for (engine::Namespace& ns : options_.config.channel.namespaces) {
      if (ns.name == name) return ns;
    }
    ADD_FAILURE() << "there is no namespace " << name;
    return options_.config.channel.without_namespace;
  }

  // Asks for the first page of a map.
  const Heard* Mirror(SimClient& client, std::string_view channel,
                      engine::SubscriptionType type = engine::SubscriptionType::kMap) {
    return Ask(client, absl::StrCat("\"subscribe\":{\"channel\":", Quoted(channel),
                                    ",\"type\":", static_cast<int>(type), ",\"phase\":2}"));
  }
  // What was pushed of a map: "key=data info", "key removed".
  std::vector<std::string> Told(const SimClient& client, std::string_view channel) {
    std::vector<std::string> told;
    for (const Heard& heard : client.HeardOf(Kind::kPublication, channel)) {
      for (const HeardPublication& each : heard.publications) {
        told.push_back(each.removed ? absl::StrCat(each.key, " removed", each.info)
                                    : absl::StrCat(each.key, "=", each.data, " ", each.info));
      }
    }
    return told;
  }

  std::string Call(std::string_view method, std::string_view body) {
    SimHttpPeer peer(cluster_->world(), cluster_->ring(0));
    peer.Post(absl::StrCat("/api/", protocol::Abseil(method)), body);
    EXPECT_TRUE(cluster_->RunUntil([&] { return !peer.Responses().empty(); }));
    return peer.Responses().empty() ? "" : peer.Responses().front().body;
  }
  // Its keys without their time, as the API lists them: {"key":…},{"key":…}
  std::string StateOf(std::string_view channel) {
    std::string answer =
        Call("map_read_state", absl::StrCat("{\"channel\":", Quoted(channel), ",\"limit\":-1}"));
    constexpr std::string_view kTime = ",\"time\":";
    for (std::size_t at = answer.find(kTime); at != answer.npos; at = answer.find(kTime)) {
      answer.erase(at, answer.find_first_of(",}", at + kTime.size()) - at);
    }
    const std::size_t begin = answer.find('[');
    const std::size_t end = answer.rfind(']');
    return begin == answer.npos ? "" : answer.substr(begin + 1, end - begin - 1);
  }
  // How many keys it has.
  std::uint64_t KeysOf(std::string_view channel) {
    return NumberIn(Call("map_stats", absl::StrCat("{\"channel\":", Quoted(channel), "}")),
                    "num_keys");
  }
  // How many changes it has had: the offset of the newest.
  std::uint64_t ChangesOf(std::string_view channel) {
    return NumberIn(Call("map_read_stream", absl::StrCat("{\"channel\":", Quoted(channel), "}")),
                    "offset");
  }

 private:
  // A member that is left out is 0.
  static std::uint64_t NumberIn(const std::string& answer, std::string_view member) {
    EXPECT_THAT(answer, testing::StartsWith("{\"result\":"));
    const std::size_t at = answer.find(absl::StrCat("\"", protocol::Abseil(member), "\":"));
    return at == answer.npos ? 0 : std::strtoull(&answer[at + member.size() + 3], nullptr, 10);
  }
};

}  // namespace tickcast::shards::sim
