// Configurations from one place each, for the tests of the configuration.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/config.h"
#include "engine/config_load.h"

namespace tickcast::engine {

inline constexpr std::uint64_t kMs = 1'000'000;
inline constexpr std::uint64_t kSecond = 1'000 * kMs;

inline ConfigSources File(std::string text) {
  ConfigSources sources;
  sources.file_name = "server.toml";
  sources.file_text = std::move(text);
  return sources;
}

inline ConfigSources Set(std::vector<std::string> sets) {
  ConfigSources sources;
  sources.sets = std::move(sets);
  return sources;
}

inline ConfigSources Variable(const std::string& name, const std::string& value) {
  ConfigSources sources;
  sources.environment = {{name, value}};
  return sources;
}

// What is wrong with `sources`.
inline std::vector<std::string> Mistakes(const ConfigSources& sources) {
  return LoadConfig(sources).mistakes;
}

// Of sources that must be right.
inline Config Load(const ConfigSources& sources) {
  LoadedConfig loaded = LoadConfig(sources);
  EXPECT_THAT(loaded.mistakes, testing::IsEmpty());
  return std::move(loaded.config);
}

}  // namespace tickcast::engine
