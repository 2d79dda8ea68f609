#include "shards/slow_client.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "protocol/abseil.h"
#include "protocol/json/payload.h"

namespace tickcast::shards {
namespace {

constexpr std::uint32_t kUsPerMs = 1000;

void AppendText(const std::optional<std::string>& text, std::string& out) {
  if (!text.has_value()) {
    out += "null";
  } else {
    protocol::AppendQuoted(*text, out);
  }
}

}  // namespace

void SlowClient::AppendJson(std::string& out) const {
  out += R"({"address":)";
  const std::string peer = address.Text();
  AppendText(peer.empty() ? std::nullopt : std::optional(peer), out);
  out += R"(,"user":)";
  AppendText(user, out);
  out += R"(,"client":)";
  AppendText(client, out);
  absl::StrAppend(&out, R"(,"shard":)", shard, R"(,"level":")",
                  protocol::Abseil(NameOf(slowness.level)));
  absl::StrAppendFormat(&out, R"(","blocked_share":%.3f)", slowness.blocked_share);
  absl::StrAppend(&out, R"(,"blocked_ms":)", blocked_ms, R"(,"unsent_bytes":)",
                  slowness.unsent_bytes, R"(,"reply_bytes":)", reply_bytes, R"(,"conflated":)",
                  conflated, R"(,"rtt_ms":)");
  if (rtt_us == 0) {
    out += "null";
  } else {
    absl::StrAppendFormat(&out, "%d.%03d", rtt_us / kUsPerMs, rtt_us % kUsPerMs);
  }
  absl::StrAppend(&out, R"(,"subscriptions":)", subscriptions, "}");
}

}  // namespace tickcast::shards
