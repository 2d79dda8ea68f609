// ClientHeaders: what of a client's own headers may go on to a backend.
//
// Kept are only the names that some proxy passes on, for as long as the connection lives: those of
// its HTTP request (http_headers), and those that its connect command gave because a browser cannot
// set any (emulated_headers). Where no proxy passes any on, nothing is kept, but for the user that
// whoever stands before the server has put into one (client.user_id_http_header).
// Threading: owned by one shard.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/completion.h"
#include "engine/config.h"
#include "protocol/centrifuge/proxy.h"
#include "protocol/http/header_fields.h"
#include "protocol/json/payload.h"

namespace tickcast::shards {

class ClientHeaders {
 public:
  // Has none of its own.
  static constexpr engine::Slot kNobody = ~engine::Slot{0};

  // Looks for the names in all proxies of `config`.
  explicit ClientHeaders(const engine::Config& config);

  // The request that a connection came with.
  void KeepRequest(engine::Slot slot, const protocol::HeaderFields& request);

  // `headers` of a connect command: a JSON object of strings, or empty.
  void KeepEmulated(engine::Slot slot, std::string_view headers);

  // The user that the request named; "" = none. Valid until the next request.
  std::string_view UserOf(engine::Slot slot) const;

  // The connection is gone.
  void Drop(engine::Slot slot) { kept_.erase(slot); }

  // Everything that `proxy` is sent for the client: its static headers, over them the emulated
  // ones, over these the request's own.
  std::vector<std::string> For(engine::Slot slot, const engine::ProxyConfig& proxy) const;

 private:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  struct Kept {
    Fields request;
    Fields emulated;
    std::string user;
  };

  std::string_view UserIn(const protocol::HeaderFields& request) const;

  std::vector<std::string> request_names_;
  std::vector<std::string> emulated_names_;
  const std::string user_header_;  // "" = none.
  absl::flat_hash_map<engine::Slot, Kept> kept_;
};

}  // namespace tickcast::shards
