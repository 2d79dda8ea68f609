// The server API over HTTP: what a backend asks of the server, one at a time or in a batch.
//
// All endpoints carry the same commands, so they decode to one list and one writer (api_reply.h)
// answers them all. There are two kinds of failure: a body that is not the JSON of its endpoint is
// HTTP 400 with no commands run; a command that asks something wrong is HTTP 200 with `error` in
// its own reply, and the others of the batch run. Payloads leave here validated and minified,
// `b64data` decoded.
// Sources: internal/api and internal/apiproto/api.proto of github.com/centrifugal/centrifugo 6.9.
// Threading: an ApiRequestParser belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "protocol/centrifuge/api_error.h"
#include "protocol/centrifuge/api_method.h"
#include "protocol/centrifuge/key_mode.h"
#include "protocol/jwt/claims.h"

namespace tickcast::protocol {

// One command. Views live until the parser's next Parse(). What a command's method has no use for
// is left as it is here.
struct ApiCommand {
  ApiMethod method = ApiMethod::kNone;
  // Not kNone: answer with it and do not run. Channel names may still be unknown to the config.
  ApiError error = ApiError::kNone;
  std::uint32_t id = 0;  // Legacy form: echoed in the reply.

  // Publish has exactly one. Broadcast has at least one; an empty name among them is answered with
  // kBadRequest at its place. Other methods that need one have exactly one; unsubscribe may have
  // none.
  std::span<const std::string_view> channels;
  std::string_view channel() const { return channels.empty() ? std::string_view() : channels[0]; }

  // publish, broadcast, subscribe, map_publish, shared_poll_publish. One-line JSON. In a
  // publication into a channel it is empty only where `raw` is not: what came as base64, as it was,
  // JSON or not. Of a key there may be neither.
  std::string_view data;
  std::string_view raw;
  std::string_view tags;  // One-line JSON object of strings, or empty.
  std::string_view idempotency_key;
  std::string_view version_epoch;
  std::uint64_t version = 0;
  bool skip_history = false;
  bool delta = false;

  // subscribe, unsubscribe, disconnect, refresh: the connections of `user` ("" = of those who are
  // anonymous), only the one with this client id or session if they are not empty.
  std::string_view user;
  std::string_view client;
  std::string_view session;
  std::string_view info;       // subscribe, refresh: one-line JSON or empty.
  std::int64_t expire_at = 0;  // Unix seconds; 0 = never.
  bool expired = false;        // refresh.

  // subscribe: each overrides what the channel's namespace says.
  SubscriptionOverride override_options;

  // disconnect.
  std::uint16_t disconnect_code = 3503;
  std::string_view disconnect_reason = "force disconnect";
  std::span<const std::string_view> whitelist;  // Client ids that stay.

  // map_publish, map_remove, shared_poll_publish: not empty; map_read_state: the only one to read,
  // or empty. The `epoch` of a shared_poll_publish is `version_epoch`, and its version not 0.
  std::string_view key;
  KeyMode key_mode = KeyMode::kReplace;  // map_publish.
  std::string_view cursor;               // map_read_state.

  // history, map_read_stream; subscribe: `recover_since`; map_read_state: `revision_…`, the
  // position at which the first page was read.
  bool has_since = false;
  std::uint64_t since_offset = 0;
  std::string_view since_epoch;
  std::int32_t limit = 0;
  bool reverse = false;

  std::string_view pattern;        // channels: what Glob takes; "" = all.
  std::string_view uid;            // revoke_token: the token's `jti`.
  std::int64_t issued_before = 0;  // invalidate_user_tokens: Unix seconds; 0 = now.
};

// A close code and reason that a `disconnect` may ask for: what a close frame can carry and an SDK
// understands (RFC 6455 section 7.4.2, and a control frame's 125 bytes).
inline constexpr std::uint32_t kMinDisconnectCode = 3000;
inline constexpr std::uint32_t kMaxDisconnectCode = 4999;
inline constexpr std::size_t kMaxDisconnectReasonBytes = 123;

enum class ApiVerdict : std::uint8_t {
  kOk,
  kBadRequest,  // HTTP 400 with the text "Bad Request"; nothing is run.
};

class ApiRequestParser {
 public:
  ApiRequestParser();
  ApiRequestParser(ApiRequestParser&&) noexcept;
  ApiRequestParser& operator=(ApiRequestParser&&) noexcept;
  ~ApiRequestParser();

  // REQUIRES: kJsonPaddingBytes readable bytes behind `body`, which may be gone after the call.
  ApiVerdict Parse(ApiEndpoint endpoint, std::string_view body);

  // In the order of the request; one for ApiForm::kSingle; may be none for kBatch.
  std::span<const ApiCommand> commands() const;

  // Batch: the commands may run in any order. They are answered in theirs.
  bool parallel() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tickcast::protocol
