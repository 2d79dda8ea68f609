// CheckProxies(): that whatever asks a backend says which one, and where it is.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/config_checker.h"
#include "engine/pem.h"

namespace tickcast::engine {
namespace {

// What a proxy is called that stands in the section of its event.
constexpr absl::string_view kDefault = "default";

void CheckTransforms(ConfigChecker& check, const std::string& name, const ProxyConfig& proxy) {
  for (std::size_t i = 0; i < proxy.status_to_code_transforms.size(); ++i) {
    const StatusTransform& transform = proxy.status_to_code_transforms[i];
    if ((transform.error_code != 0) != (transform.disconnect_code != 0)) continue;
    check.Wrong(absl::StrCat(name, ".http.status_to_code_transforms[", i, "]"),
                "needs to_error.code or to_disconnect.code, and not both");
  }
}

// That what a connection is made with can be had: read once more where it is used.
void CheckTls(ConfigChecker& check, const std::string& name, const ProxyTls& tls) {
  if (!tls.enabled) return;
  const struct {
    const char* key;
    const std::string& value;
    const char* label;
  } values[] = {
      {"server_ca_pem", tls.server_ca_pem, "CERTIFICATE"},
      {"cert_pem", tls.cert_pem, "CERTIFICATE"},
      {"key_pem", tls.key_pem, "PRIVATE KEY"},
  };
  for (const auto& [key, value, label] : values) {
    if (value.empty()) continue;
    const absl::Status status = LoadPem(value, label).status();
    if (!status.ok()) check.Wrong(absl::StrCat(name, ".http.tls.", key), status.message());
  }
  if (tls.cert_pem.empty() != tls.key_pem.empty()) {
    check.Wrong(name + ".http.tls", "needs both cert_pem and key_pem, or neither");
  }
}

// `user`: the key that asks `proxy_name`, which `default_name` has the default proxy of.
void CheckUse(ConfigChecker& check, const std::string& user, const std::string& proxy_name,
              const std::string& default_name, const ProxyConfig& default_proxy) {
  if (proxy_name == kDefault) {
    // What was written there and is wrong has been told.
    if (default_proxy.endpoint.empty() && !check.WasSet(default_name + ".endpoint")) {
      check.Wrong(user, absl::StrCat("needs ", default_name, ".endpoint"));
    }
    return;
  }
  const auto& proxies = check.config().proxies;
  const bool known = std::any_of(proxies.begin(), proxies.end(), [&](const ProxyConfig& proxy) {
    return proxy.name == proxy_name;
  });
  if (!known) check.Wrong(user, absl::StrCat("there is no \"", proxy_name, "\" in proxies"));
}

void CheckNamed(ConfigChecker& check) {
  const auto& proxies = check.config().proxies;
  for (std::size_t i = 0; i < proxies.size(); ++i) {
    const std::string name = absl::StrCat("proxies[", i, "]");
    CheckTransforms(check, name, proxies[i]);
    CheckTls(check, name, proxies[i].tls);
    if (proxies[i].name == kDefault) {
      check.Wrong(name + ".name", "\"default\" is the one in the section of its event");
    }
    if (proxies[i].endpoint.empty() && !check.WasSet(name + ".endpoint")) {
      check.Wrong(name, "`endpoint` is missing");
    }
    const auto same = [&](const ProxyConfig& other) { return other.name == proxies[i].name; };
    const auto end = proxies.begin() + static_cast<std::ptrdiff_t>(i);
    if (!proxies[i].name.empty() && std::any_of(proxies.begin(), end, same)) {
      check.Wrong(name + ".name", absl::StrCat("\"", proxies[i].name, "\" is already defined"));
    }
  }
}

void CheckSections(ConfigChecker& check) {
  const Config& config = check.config();
  const struct {
    const char* name;
    const ProxyConfig& proxy;
  } sections[] = {
      {"client.proxy.connect", config.client.proxy.connect},
      {"client.proxy.refresh", config.client.proxy.refresh},
      {"channel.proxy.subscribe", config.channel.proxy.subscribe},
      {"channel.proxy.publish", config.channel.proxy.publish},
      {"channel.proxy.sub_refresh", config.channel.proxy.sub_refresh},
      {"channel.proxy.map_publish", config.channel.proxy.map_publish},
      {"channel.proxy.map_remove", config.channel.proxy.map_remove},
      {"channel.proxy.shared_poll_refresh", config.channel.proxy.shared_poll_refresh},
      {"rpc.proxy", config.rpc.proxy},
  };
  for (const auto& [name, proxy] : sections) {
    CheckTransforms(check, name, proxy);
    CheckTls(check, name, proxy.tls);
    const std::string endpoint = absl::StrCat(name, ".endpoint");
    if (!proxy.enabled || !proxy.endpoint.empty() || check.WasSet(endpoint)) continue;
    check.Wrong(absl::StrCat(name, ".enabled"), "needs " + endpoint);
  }
}

void CheckNamespaceUses(ConfigChecker& check, const std::string& name, const Namespace& ns) {
  const ChannelProxyConfig& proxy = check.config().channel.proxy;
  // What a feed gives is not asked for.
  const bool polls = ns.is_polled();
  const struct {
    const char* key;
    const char* event;
    bool enabled;
    const std::string& proxy_name;
    const ProxyConfig& default_proxy;
  } uses[] = {
      {"subscribe_proxy_enabled", "subscribe", ns.subscribe_proxy_enabled, ns.subscribe_proxy_name,
       proxy.subscribe},
      {"publish_proxy_enabled", "publish", ns.publish_proxy_enabled, ns.publish_proxy_name,
       proxy.publish},
      {"sub_refresh_proxy_enabled", "sub_refresh", ns.sub_refresh_proxy_enabled,
       ns.sub_refresh_proxy_name, proxy.sub_refresh},
      {"map.publish_proxy_enabled", "map_publish", ns.map.publish_proxy_enabled,
       ns.map.publish_proxy_name, proxy.map_publish},
      {"map.remove_proxy_enabled", "map_remove", ns.map.remove_proxy_enabled,
       ns.map.remove_proxy_name, proxy.map_remove},
      {"shared_poll.proxy_name", "shared_poll_refresh", polls, ns.shared_poll.proxy_name,
       proxy.shared_poll_refresh},
  };
  for (const auto& [key, event, enabled, proxy_name, default_proxy] : uses) {
    if (!enabled) continue;
    CheckUse(check, absl::StrCat(name, ".", key), proxy_name, absl::StrCat("channel.proxy.", event),
             default_proxy);
  }
}

void CheckRpc(ConfigChecker& check, const std::string& name, const RpcNamespace& ns) {
  if (!ns.proxy_enabled) return;
  CheckUse(check, name + ".proxy_enabled", ns.proxy_name, "rpc.proxy", check.config().rpc.proxy);
}

}  // namespace

void CheckProxies(ConfigChecker& check) {
  const Config& config = check.config();
  CheckNamed(check);
  CheckSections(check);
  CheckNamespaceUses(check, "channel.without_namespace", config.channel.without_namespace);
  for (std::size_t i = 0; i < config.channel.namespaces.size(); ++i) {
    CheckNamespaceUses(check, absl::StrCat("channel.namespaces[", i, "]"),
                       config.channel.namespaces[i]);
  }
  CheckRpc(check, "rpc.without_namespace", config.rpc.without_namespace);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < config.rpc.namespaces.size(); ++i) {
    const RpcNamespace& ns = config.rpc.namespaces[i];
    const std::string name = absl::StrCat("rpc.namespaces[", i, "]");
    CheckRpc(check, name, ns);
    if (!ns.name.empty() && std::find(names.begin(), names.end(), ns.name) != names.end()) {
      check.Wrong(name + ".name", absl::StrCat("\"", ns.name, "\" is already defined"));
    }
    names.push_back(ns.name);
  }
}

}  // namespace tickcast::engine
