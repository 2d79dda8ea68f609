// CheckClient(): what client.* and the paths of transports take from each other and from channels.
#include <absl/strings/str_cat.h>

#include <map>
#include <string>

#include "engine/config_checker.h"

namespace tickcast::engine {
namespace {

void CheckPersonalChannel(ConfigChecker& check) {
  const PersonalChannelConfig& personal = check.config().client.subscribe_to_user_personal_channel;
  if (!personal.enabled) return;
  const std::string section = "client.subscribe_to_user_personal_channel.";
  const ChannelConfig& channel = check.config().channel;
  const Namespace* ns = nullptr;
  if (personal.personal_channel_namespace.empty()) ns = &channel.without_namespace;
  for (const Namespace& each : channel.namespaces) {
    if (each.name == personal.personal_channel_namespace) ns = &each;
  }
  if (ns == nullptr) {
    check.Wrong(section + "personal_channel_namespace",
                absl::StrCat("there is no namespace \"", personal.personal_channel_namespace,
                             "\" in channel.namespaces"));
  }
}

template <typename Transform>
void CheckTransforms(ConfigChecker& check, const std::string& section,
                     const std::vector<Transform>& transforms, std::uint32_t Transform::*to,
                     const char* key) {
  for (std::size_t i = 0; i < transforms.size(); ++i) {
    if (transforms[i].*to != 0) continue;
    check.Wrong(absl::StrCat(section, ".transforms[", i, "]"), absl::StrCat("needs ", key));
  }
}

void CheckConnectTransforms(ConfigChecker& check) {
  const Config& config = check.config();
  CheckTransforms(check, "client.connect_code_to_unidirectional_disconnect",
                  config.client.connect_code_to_unidirectional_disconnect.transforms,
                  &DisconnectTransform::to_code, "to.code");
  CheckTransforms(check, "uni_http_stream.connect_code_to_http_response",
                  config.uni_http_stream.connect_code_to_http_response.transforms,
                  &ResponseTransform::to_status_code, "to.status_code");
  CheckTransforms(check, "uni_sse.connect_code_to_http_response",
                  config.uni_sse.connect_code_to_http_response.transforms,
                  &ResponseTransform::to_status_code, "to.status_code");
}

// Two keys in one place would never both be found.
void CheckPaths(ConfigChecker& check) {
  const Config& config = check.config();
  const bool emulation = config.http_stream.enabled || config.sse.enabled;
  const struct {
    const char* key;
    bool enabled;
    const std::string& path;
  } paths[] = {
      {"websocket.handler_prefix", !config.websocket.disabled, config.websocket.handler_prefix},
      {"http_stream.handler_prefix", config.http_stream.enabled, config.http_stream.handler_prefix},
      {"sse.handler_prefix", config.sse.enabled, config.sse.handler_prefix},
      {"emulation.handler_prefix", emulation, config.emulation.handler_prefix},
      {"uni_websocket.handler_prefix", config.uni_websocket.enabled,
       config.uni_websocket.handler_prefix},
      {"uni_http_stream.handler_prefix", config.uni_http_stream.enabled,
       config.uni_http_stream.handler_prefix},
      {"uni_sse.handler_prefix", config.uni_sse.enabled, config.uni_sse.handler_prefix},
      {"http_api.handler_prefix", !config.http_api.disabled, config.http_api.handler_prefix},
      {"health.handler_prefix", config.health.enabled, config.health.handler_prefix},
      {"prometheus.handler_prefix", config.prometheus.enabled, config.prometheus.handler_prefix},
  };
  std::map<std::string, const char*> taken;
  for (const auto& [key, enabled, path] : paths) {
    if (!enabled) continue;
    const auto [at, is_new] = taken.emplace(path, key);
    if (is_new) continue;
    check.Wrong(
        check.SetOne(key, at->second),
        absl::StrCat(path, " is the path of ", check.WasSet(key) ? at->second : key, " too"));
  }
}

}  // namespace

void CheckClient(ConfigChecker& check) {
  const ClientConfig& client = check.config().client;
  if (client.command_burst != 0 && client.command_rate == 0) {
    check.Useless("client.command_burst", "has no effect without client.command_rate");
  }
  if (client.command_burst != 0 && client.command_burst < client.command_rate) {
    check.Wrong("client.command_burst", absl::StrCat(client.command_burst,
                                                     " is less than what client.command_rate gives "
                                                     "each second: ",
                                                     client.command_rate));
  }
  TokenConfig unset = client.subscription_token;
  if (!unset.enabled && unset != TokenConfig()) {
    check.Useless("client.subscription_token", "has no effect without its `enabled`");
  }
  CheckPersonalChannel(check);
  CheckConnectTransforms(check);
  CheckPaths(check);
}

}  // namespace tickcast::engine
