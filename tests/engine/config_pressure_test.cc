// The keys of back-pressure: intervals of state channels, levels of pressure, budgets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/config.h"
#include "tests/engine/config_sources.h"

namespace tickcast::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A namespace of state channels with these keys, which begin at line 4.
ConfigSources StateNamespace(const std::string& keys) {
  return File("[[channel.namespaces]]\nname = \"ticker\"\nkind = \"state\"\n" + keys);
}

TEST(ConfigPressureTest, DefaultsAreTheDocumentedOnes) {
  const PressureConfig pressure;
  EXPECT_TRUE(pressure.enabled);
  EXPECT_EQ(pressure.window_ns, 5 * kSecond);
  EXPECT_EQ(pressure.degraded_share, 0.25);
  EXPECT_EQ(pressure.critical_share, 0.5);
  EXPECT_EQ(pressure.emergency_share, 0.75);
  EXPECT_EQ(pressure.release, 0.5);
  EXPECT_EQ(pressure.hold_ns, 5 * kSecond);
  EXPECT_EQ(pressure.degraded_interval_ns, 500 * kMs);
  EXPECT_EQ(pressure.critical_change, 0.001);
  EXPECT_EQ(pressure.turn_budget_ns, 100 * kMs);
  EXPECT_EQ(Config().engine.memory_budget, 0u);
  EXPECT_EQ(Namespace().min_interval_ns, 0u);
  EXPECT_EQ(Namespace().default_interval_ns, 0u);
  EXPECT_THAT(Namespace().value_fields, ElementsAre("price", "bid", "value"));
}

TEST(ConfigPressureTest, AFileSetsEveryKey) {
  const Config config = Load(File(R"(
[client]
subscribe_rate = 7
[engine]
memory_budget = 4294967296
[pressure]
enabled = false
window = "2s"
degraded_share = 0.1
critical_share = 0.2
emergency_share = 1
release = 0.25
hold = "0s"
degraded_interval = "250ms"
critical_change = 0.01
turn_budget = "20ms"
[[channel.namespaces]]
name = "ticker"
kind = "state"
min_interval = "50ms"
default_interval = "1s"
value_fields = ["last", "mid"]
)"));
  EXPECT_EQ(config.client.subscribe_rate, 7u);
  EXPECT_EQ(config.engine.memory_budget, 4'294'967'296u);
  EXPECT_FALSE(config.pressure.enabled);
  EXPECT_EQ(config.pressure.window_ns, 2 * kSecond);
  EXPECT_EQ(config.pressure.degraded_share, 0.1);
  EXPECT_EQ(config.pressure.critical_share, 0.2);
  EXPECT_EQ(config.pressure.emergency_share, 1);
  EXPECT_EQ(config.pressure.release, 0.25);
  EXPECT_EQ(config.pressure.hold_ns, 0u);
  EXPECT_EQ(config.pressure.degraded_interval_ns, 250 * kMs);
  EXPECT_EQ(config.pressure.critical_change, 0.01);
  EXPECT_EQ(config.pressure.turn_budget_ns, 20 * kMs);
  ASSERT_THAT(config.channel.namespaces, SizeIs(1));
  EXPECT_EQ(config.channel.namespaces[0].min_interval_ns, 50 * kMs);
  EXPECT_EQ(config.channel.namespaces[0].default_interval_ns, kSecond);
  EXPECT_THAT(config.channel.namespaces[0].value_fields, ElementsAre("last", "mid"));
}

TEST(ConfigPressureTest, ChannelsWithoutANamespaceHaveTheSameKeys) {
  const Config config = Load(
      Set({"channel.without_namespace.kind=state", "channel.without_namespace.min_interval=100ms",
           "channel.without_namespace.default_interval=100ms",
           "channel.without_namespace.value_fields=a b"}));
  EXPECT_EQ(config.channel.without_namespace.min_interval_ns, 100 * kMs);
  EXPECT_EQ(config.channel.without_namespace.default_interval_ns, 100 * kMs);
  EXPECT_THAT(config.channel.without_namespace.value_fields, ElementsAre("a", "b"));
}

TEST(ConfigPressureTest, RangesAreTakenOnBothSides) {
  for (const char* good :
       {"pressure.degraded_share=0.0001", "pressure.emergency_share=1", "pressure.release=0.0001",
        "pressure.release=0.9999", "pressure.critical_change=0", "pressure.critical_change=0.9999",
        "pressure.window=100ms", "pressure.window=1h", "pressure.hold=0s", "pressure.hold=10ms",
        "pressure.degraded_interval=0s", "pressure.degraded_interval=1m",
        "pressure.turn_budget=1ms", "pressure.turn_budget=10s", "client.subscribe_rate=0",
        "client.subscribe_rate=1000000", "engine.memory_budget=1048576",
        "engine.memory_budget=1099511627776"}) {
    EXPECT_THAT(Mistakes(Set({good})), IsEmpty()) << good;
  }
  for (const char* bad : {"pressure.degraded_share=0",
                          "pressure.degraded_share=-0.1",
                          "pressure.emergency_share=1.0001",
                          "pressure.emergency_share=nan",
                          "pressure.release=0",
                          "pressure.release=1",
                          "pressure.critical_change=1",
                          "pressure.critical_change=-0.001",
                          "pressure.window=99ms",
                          "pressure.window=0s",
                          "pressure.hold=9ms",
                          "pressure.hold=2h",
                          "pressure.degraded_interval=1500us",
                          "pressure.degraded_interval=61s",
                          "pressure.turn_budget=0s",
                          "pressure.turn_budget=11s",
                          "client.subscribe_rate=1000001",
                          "client.subscribe_rate=-1",
                          "engine.memory_budget=1048575",
                          "engine.memory_budget=-1",
                          "engine.memory_budget=1099511627777",
                          "pressure.enabled=1"}) {
    EXPECT_THAT(Mistakes(Set({bad})), SizeIs(1)) << bad;
  }
}

// An open end of a range is told as one.
TEST(ConfigPressureTest, AMistakeNamesTheRange) {
  EXPECT_THAT(Mistakes(Set({"pressure.degraded_share=0"})),
              ElementsAre("--set pressure.degraded_share: pressure.degraded_share: 0 is out of "
                          "range: above 0 to 1"));
  EXPECT_THAT(Mistakes(Set({"pressure.critical_change=1"})),
              ElementsAre(HasSubstr("1 is out of range: 0 to below 1")));
  EXPECT_THAT(Mistakes(Set({"pressure.release=1"})),
              ElementsAre(HasSubstr("1 is out of range: above 0 to below 1")));
}

TEST(ConfigPressureTest, LevelsAscend) {
  EXPECT_THAT(Mistakes(File("[pressure]\ncritical_share = 0.25\n")),
              ElementsAre("server.toml:2: pressure.critical_share: pressure.critical_share is "
                          "0.25, which must be more than the 0.25 of pressure.degraded_share"));
  // Told at the key that was set.
  EXPECT_THAT(Mistakes(File("[pressure]\ndegraded_share = 0.6\n")),
              ElementsAre("server.toml:2: pressure.degraded_share: pressure.critical_share is "
                          "0.5, which must be more than the 0.6 of pressure.degraded_share"));
  EXPECT_THAT(Mistakes(Set({"pressure.emergency_share=0.4"})), SizeIs(1));
  EXPECT_THAT(Mistakes(Set({"pressure.emergency_share=0.501"})), IsEmpty());
}

TEST(ConfigPressureTest, IntervalsAreWholeMillisecondsUpToAMinute) {
  for (const char* key : {"default_interval", "min_interval"}) {
    const auto mistakes = [&](const std::string& value) {
      const std::string longest =
          key == std::string("min_interval") ? "default_interval = \"1m\"\n" : std::string();
      return Mistakes(StateNamespace(longest + key + " = \"" + value + "\"\n"));
    };
    for (const char* good : {"0s", "1ms", "250ms", "60s"}) {
      EXPECT_THAT(mistakes(good), IsEmpty()) << key << good;
    }
    for (const char* bad : {"500us", "1500us", "60001ms", "-1ms"}) {
      EXPECT_THAT(mistakes(bad), ElementsAre(HasSubstr("0s to 1m in steps of 1ms"))) << key << bad;
    }
  }
}

TEST(ConfigPressureTest, TheDefaultIntervalIsNoLessThanTheLeast) {
  EXPECT_THAT(
      Mistakes(StateNamespace("min_interval = \"100ms\"\n")),
      ElementsAre("server.toml:4: channel.namespaces[0].min_interval: a subscriber that asks for "
                  "no interval gets 0s (default_interval), which must not be less than the "
                  "min_interval of 100ms"));
  EXPECT_THAT(Mistakes(StateNamespace("min_interval = \"100ms\"\ndefault_interval = \"99ms\"\n")),
              ElementsAre(HasSubstr("server.toml:5: channel.namespaces[0].default_interval: ")));
  EXPECT_THAT(Mistakes(StateNamespace("min_interval = \"100ms\"\ndefault_interval = \"100ms\"\n")),
              IsEmpty());
  EXPECT_THAT(Mistakes(Set({"channel.without_namespace.kind=state",
                            "channel.without_namespace.min_interval=1ms"})),
              SizeIs(1));
}

// A stream sends every publication, so there an interval would be accepted and ignored.
TEST(ConfigPressureTest, AStreamHasNoIntervals) {
  for (const char* key :
       {"min_interval = \"0s\"", "default_interval = \"1s\"", "value_fields = [\"price\"]"}) {
    EXPECT_THAT(
        Mistakes(File("[[channel.namespaces]]\nname = \"trade\"\n" + std::string(key) + "\n")),
        ElementsAre(HasSubstr("has no effect on a stream, which sends every publication")))
        << key;
  }
}

TEST(ConfigPressureTest, ValueFieldsAreEightAtMostAndNotEmpty) {
  EXPECT_THAT(Load(StateNamespace("value_fields = []\n")).channel.namespaces[0].value_fields,
              IsEmpty());
  EXPECT_THAT(
      Mistakes(StateNamespace(R"(value_fields = ["1", "2", "3", "4", "5", "6", "7", "8"])")),
      IsEmpty());
  EXPECT_THAT(
      Mistakes(StateNamespace(R"(value_fields = ["1", "2", "3", "4", "5", "6", "7", "8", "9"])")),
      ElementsAre("server.toml:4: channel.namespaces[0].value_fields: has 9 items, which is out of "
                  "range: at most 8 items"));
  EXPECT_THAT(Mistakes(StateNamespace(R"(value_fields = ["a", ""])")),
              ElementsAre("server.toml:4: channel.namespaces[0].value_fields: \"\" must be not "
                          "empty"));
}

}  // namespace
}  // namespace tickcast::engine
