#include "shards/http_responder.h"

namespace tickcast::shards {

void HttpResponder::Respond(const HttpAsker& asker, int status, std::string_view content_type,
                            std::string_view body,
                            std::span<const protocol::ResponseHeader> headers) {
  if (connections_.Find(asker.slot, asker.generation) == nullptr) return;
  metrics_.CountResponse(status);
  std::string& out = connections_.OutboxOf(asker.slot).raw;
  protocol::AppendResponseHead({.status = status,
                                .content_type = content_type,
                                .content_length = body.size(),
                                .keep_alive = asker.keep_alive,
                                .headers = headers},
                               out);
  if (!asker.head_only) out += body;
  host_.OnResponse(asker.slot, asker.keep_alive ? Host::After::kKeepAlive : Host::After::kClose);
}

void HttpResponder::Refuse(const HttpAsker& asker, int status, std::string_view reason, bool broken,
                           std::span<const protocol::ResponseHeader> headers) {
  if (connections_.Find(asker.slot, asker.generation) == nullptr) return;
  metrics_.CountResponse(status);
  std::string& out = connections_.OutboxOf(asker.slot).raw;
  std::string body(reason);
  body += '\n';
  protocol::AppendResponseHead({.status = status,
                                .content_type = "text/plain; charset=utf-8",
                                .content_length = body.size(),
                                .keep_alive = asker.keep_alive && !broken,
                                .headers = headers},
                               out);
  if (!asker.head_only) out += body;
  using After = Host::After;
  host_.OnResponse(asker.slot, broken             ? After::kLinger
                               : asker.keep_alive ? After::kKeepAlive
                                                  : After::kClose);
}

}  // namespace tickcast::shards
