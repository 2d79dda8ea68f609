#include "protocol/centrifuge/reply.h"

#include "protocol/centrifuge/message_writer.h"
#include "protocol/centrifuge/result_fields.h"

namespace tickcast::protocol {
namespace {

// {"id":…,"<field>":{what `write(message)` writes}}
template <typename Write>
void AppendReply(Form form, std::uint32_t id, Field field, std::string& out, Write&& write) {
  AppendMessage(form.encoding, out, [&](auto& reply) {
    reply.Number({"id", 1}, id);
    reply.Message(field, write);
  });
}

}  // namespace

void AppendConnectReply(Form form, std::uint32_t id, const ConnectResult& result,
                        std::string& out) {
  if (form.bare) return AppendConnectPush(form, result, out);
  AppendReply(form, id, {"connect", 5}, out, [&](auto& message) {
    message.Text({"client", 1}, result.client);
    message.Text({"version", 2}, result.version);
    message.True({"expires", 3}, result.expires);
    message.Number({"ttl", 4}, result.ttl_s);
    message.Payload({"data", 5}, result.data);
    WriteConnectSubscriptions({"subs", 6}, result.subs, message);
    message.Number({"ping", 7}, result.ping_s);
    message.True({"pong", 8}, result.pong);
    message.Text({"session", 9}, result.session);
    message.Text({"node", 10}, result.node);
    message.Number({"time", 11}, result.time_ms);
    message.Number({"flag", 12}, result.flag);
  });
}

void AppendSubscribeReply(Form form, std::uint32_t id, const SubscribeResult& result,
                          std::string& out) {
  AppendReply(form, id, {"subscribe", 6}, out,
              [&](auto& message) { WriteSubscribeResult(result, message); });
}

void AppendState(Encoding encoding, std::span<const PublicationView> state, std::string& out) {
  const auto append = [encoding](const PublicationView& key, std::string& text) {
    AppendMessage(encoding, text, [&]<typename Message>(Message& message) {
      WritePublication<Message>(key, message);
    });
  };
  if (encoding == Encoding::kJson) return AppendArray(state, out, append);
  for (const PublicationView& key : state) {
    AppendTag(kStateField, out);
    append(key, out);
  }
}

void AppendUnsubscribeReply(Form form, std::uint32_t id, std::string& out) {
  AppendReply(form, id, {"unsubscribe", 7}, out, [](auto&) {});
}

void AppendPublishReply(Form form, std::uint32_t id, std::string& out) {
  AppendReply(form, id, {"publish", 8}, out, [](auto&) {});
}

void AppendPresenceReply(Form form, std::uint32_t id, std::span<const ClientInfo> present,
                         std::string& out) {
  AppendReply(form, id, {"presence", 9}, out, [&]<typename Message>(Message& message) {
    message.MapAlways(
        {"presence", 1}, present, [](const ClientInfo& info) { return info.client; },
        WriteClientInfo<Message>);
  });
}

void AppendPresenceStatsReply(Form form, std::uint32_t id, const PresenceStatsResult& result,
                              std::string& out) {
  AppendReply(form, id, {"presence_stats", 10}, out, [&](auto& message) {
    message.NumberAlways({"num_clients", 1}, result.num_clients);
    message.NumberAlways({"num_users", 2}, result.num_users);
  });
}

void AppendHistoryReply(Form form, std::uint32_t id, const HistoryResult& result,
                        std::string& out) {
  AppendReply(form, id, {"history", 11}, out, [&]<typename Message>(Message& message) {
    message.RepeatedAlways({"publications", 1}, result.publications, WritePublication<Message>);
    message.TextAlways({"epoch", 2}, result.epoch);
    message.NumberAlways({"offset", 3}, result.offset);
  });
}

void AppendRpcReply(Form form, std::uint32_t id, std::string_view data, std::string& out) {
  AppendReply(form, id, {"rpc", 13}, out, [&](auto& message) {
    message.Payload({"data", 1}, data);
  });
}

void AppendRefreshReply(Form form, std::uint32_t id, const RefreshResult& result,
                        std::string& out) {
  AppendReply(form, id, {"refresh", 14}, out, [&](auto& message) {
    message.Text({"client", 1}, result.client);
    message.Text({"version", 2}, result.version);
    message.True({"expires", 3}, result.expires);
    message.Number({"ttl", 4}, result.ttl_s);
  });
}

void AppendSubRefreshReply(Form form, std::uint32_t id, const SubRefreshResult& result,
                           std::string& out) {
  AppendReply(form, id, {"sub_refresh", 15}, out, [&]<typename Message>(Message& message) {
    message.True({"expires", 1}, result.expires);
    message.Number({"ttl", 2}, result.ttl_s);
    message.Repeated({"items", 3}, result.items, WritePublication<Message>);
  });
}

void AppendErrorReply(Form form, std::uint32_t id, ErrorCode code, std::string& out) {
  AppendErrorReply(form, id, code, InfoOf(code).message, out);
}

void AppendErrorReply(Form form, std::uint32_t id, ErrorCode code, std::string_view message,
                      std::string& out) {
  AppendErrorReply(form, id,
                   {.code = static_cast<std::uint32_t>(code),
                    .message = message,
                    .temporary = InfoOf(code).temporary},
                   out);
}

void AppendErrorReply(Form form, std::uint32_t id, const ErrorView& error, std::string& out) {
  AppendReply(form, id, {"error", 2}, out, [&](auto& message) {
    message.Number({"code", 1}, error.code);
    message.Text({"message", 2}, error.message);
    message.True({"temporary", 3}, error.temporary);
  });
}

void AppendClientInfo(const ClientInfo& info, std::string& out) {
  AppendMessage(Encoding::kJson, out, [&](auto& message) { WriteClientInfo(info, message); });
}

}  // namespace tickcast::protocol
