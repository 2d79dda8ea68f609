#include "shards/client_headers.h"

#include <algorithm>
#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "protocol/abseil.h"
#include "protocol/json/members.h"
#include "protocol/websocket/utf8.h"

namespace tickcast::shards {
namespace {

using protocol::Abseil;

void AddNames(const std::vector<std::string>& names, std::vector<std::string>& to) {
  for (const std::string& name : names) {
    std::string lower = absl::AsciiStrToLower(name);
    if (std::find(to.begin(), to.end(), lower) == to.end()) to.push_back(std::move(lower));
  }
}

bool Lists(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [name](const std::string& listed) {
    return absl::EqualsIgnoreCase(listed, Abseil(name));
  });
}

}  // namespace

ClientHeaders::ClientHeaders(const engine::Config& config)
    : user_header_(config.client.user_id_http_header) {
  const auto add = [this](const engine::ProxyConfig& proxy) {
    AddNames(proxy.http_headers, request_names_);
    AddNames(proxy.emulated_headers, emulated_names_);
  };
  add(config.client.proxy.connect);
  add(config.client.proxy.refresh);
  add(config.channel.proxy.subscribe);
  add(config.channel.proxy.publish);
  add(config.channel.proxy.sub_refresh);
  add(config.channel.proxy.map_publish);
  add(config.channel.proxy.map_remove);
  add(config.rpc.proxy);
  for (const engine::ProxyConfig& proxy : config.proxies) add(proxy);
}

void ClientHeaders::KeepRequest(engine::Slot slot, const protocol::HeaderFields& request) {
  if (request_names_.empty() && user_header_.empty()) return;
  Kept kept;
  for (std::size_t i = 0; i < request.header_count; ++i) {
    const protocol::HeaderField& field = request.headers[i];
    if (Lists(request_names_, field.name)) kept.request.emplace_back(field.name, field.value);
  }
  if (!user_header_.empty()) kept.user = UserIn(request);
  // A connection may have carried other requests before: the last one counts.
  if (kept.request.empty() && kept.user.empty()) {
    kept_.erase(slot);
  } else {
    kept_[slot] = std::move(kept);
  }
}

// The first one counts, as in the original. What is no UTF-8 is no user's name: replies and
// publications will carry it.
std::string_view ClientHeaders::UserIn(const protocol::HeaderFields& request) const {
  for (std::size_t i = 0; i < request.header_count; ++i) {
    const protocol::HeaderField& field = request.headers[i];
    if (!absl::EqualsIgnoreCase(user_header_, Abseil(field.name))) continue;
    protocol::Utf8Checker checker;
    const bool text = checker.Feed(std::as_bytes(std::span(field.value))) && checker.complete();
    return text ? field.value : std::string_view();
  }
  return {};
}

std::string_view ClientHeaders::UserOf(engine::Slot slot) const {
  const auto found = kept_.find(slot);
  return found == kept_.end() ? std::string_view() : std::string_view(found->second.user);
}

void ClientHeaders::KeepEmulated(engine::Slot slot, std::string_view headers) {
  if (emulated_names_.empty()) return;
  // Those of a connect before, which failed, do not count.
  if (const auto before = kept_.find(slot); before != kept_.end()) before->second.emulated.clear();
  if (headers.empty()) return;
  Fields fields;
  for (auto& [name, value] : protocol::StringMembers(headers)) {
    if (Lists(emulated_names_, name)) fields.emplace_back(std::move(name), std::move(value));
  }
  if (!fields.empty()) kept_[slot].emulated = std::move(fields);
}

std::vector<std::string> ClientHeaders::For(engine::Slot slot,
                                            const engine::ProxyConfig& proxy) const {
  protocol::ProxyHeaders headers;
  for (const engine::HttpHeader& header : proxy.static_headers) {
    headers.Set(header.key, header.value);
  }
  const auto found = kept_.find(slot);
  if (found == kept_.end()) return headers.Take();
  for (const auto& [name, value] : found->second.emulated) {
    if (Lists(proxy.emulated_headers, name)) headers.Set(name, value);
  }
  const Fields& request = found->second.request;
  for (auto field = request.begin(); field != request.end(); ++field) {
    if (!Lists(proxy.http_headers, field->first)) continue;
    const bool again = std::any_of(request.begin(), field, [&](const auto& earlier) {
      return absl::EqualsIgnoreCase(earlier.first, field->first);
    });
    again ? headers.Add(field->first, field->second) : headers.Set(field->first, field->second);
  }
  return headers.Take();
}

}  // namespace tickcast::shards
