// Any text as a configuration file in each of its forms; the part behind the first NUL, if there is
// one, as the lines of `--set` and as variables. Nothing an operator can write may crash, and a
// configuration without mistakes must keep what the rest of the program relies on.
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/config_load.h"
#include "tests/fuzz/require.h"

namespace {

using tickcast::fuzz::Require;
void Check(const tickcast::engine::LoadedConfig& loaded) {
  for (const std::string& mistake : loaded.mistakes) Require(!mistake.empty());
  if (!loaded.mistakes.empty()) return;
  const tickcast::engine::Config& config = loaded.config;
  Require(config.engine.lane_capacity != 0 &&
          (config.engine.lane_capacity & (config.engine.lane_capacity - 1)) == 0);
  Require(config.client.ping_interval_ns == 0 ||
          config.client.pong_timeout_ns < config.client.ping_interval_ns);
  for (const auto& ns : config.channel.namespaces) {
    const std::string& boundary = config.channel.namespace_boundary;
    Require(boundary.empty() || config.FindNamespace(ns.name + boundary + "x") == &ns);
    Require((ns.history_size == 0) == (ns.history_ttl_ns == 0));
    const bool own_keys = ns.source.empty();
    Require(!ns.is_map() || !own_keys || ns.map.mode != tickcast::engine::MapMode::kNone);
    Require(!ns.map.has_expiry() || !own_keys || ns.map.key_ttl_ns != 0);
    Require(ns.map.PageSize(0) != 0);
    Require(own_keys || !ns.feed().empty());
  }
  for (const auto& replay : config.feeds.replay) Require(!replay.exchange.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  tickcast::engine::ConfigSources sources;
  const std::size_t end = text.find('\0');
  sources.file_text = std::string(text.substr(0, end));
  if (end != std::string_view::npos) {
    text.remove_prefix(end + 1);
    for (std::size_t line_end = 0; line_end != std::string_view::npos;) {
      line_end = text.find('\n');
      const std::string line(text.substr(0, line_end));
      const std::size_t equals = line.find('=');
      if (line.starts_with("CENTRIFUGO_") && equals != std::string::npos) {
        sources.environment.emplace_back(line.substr(0, equals), line.substr(equals + 1));
      } else {
        sources.sets.push_back(line);
      }
      if (line_end != std::string_view::npos) text.remove_prefix(line_end + 1);
    }
  }
  for (const char* name : {"fuzz.toml", "fuzz.json", "fuzz.yaml"}) {
    sources.file_name = name;
    Check(tickcast::engine::LoadConfig(sources));
  }
  return 0;
}
