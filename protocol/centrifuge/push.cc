#include "protocol/centrifuge/push.h"

#include "protocol/centrifuge/message_writer.h"
#include "protocol/centrifuge/reply.h"
#include "protocol/centrifuge/result_fields.h"

namespace tickcast::protocol {
namespace {

// {"push":{"channel":…,"<field>":{what `write(message)` writes}}}, or the inner object alone.
template <typename Write>
void AppendPush(Form form, PushTarget target, Field field, std::string& out, Write&& write) {
  const auto write_push = [&](auto& push) {
    push.Number({"id", 1}, target.id);
    if (target.id == 0) push.Text({"channel", 2}, target.channel);
    push.Message(field, write);
  };
  AppendMessage(form.encoding, out, [&](auto& message) {
    if (form.bare) {
      write_push(message);
    } else {
      message.Message({"push", 4}, write_push);
    }
  });
}

}  // namespace

void AppendPing(Form form, std::string& out) {
  AppendMessage(form.encoding, out, [](auto&) {});
}

void AppendPublicationPush(Form form, PushTarget target, const PublicationView& publication,
                           std::string& out) {
  AppendPush(form, target, {"pub", 4}, out,
             [&](auto& message) { WritePublication(publication, message); });
}

void AppendPublicationPushPrefix(std::string_view channel, std::string& out) {
  out += R"({"push":{"channel":)";
  AppendQuoted(channel, out);
  out += R"(,"pub":{"data":)";
}

void AppendJoinPush(Form form, PushTarget target, const ClientInfo& info, std::string& out) {
  AppendPush(form, target, {"join", 5}, out, [&](auto& message) {
    WriteInfoField({"info", 1}, info, message);
  });
}

void AppendLeavePush(Form form, PushTarget target, const ClientInfo& info, std::string& out) {
  AppendPush(form, target, {"leave", 6}, out, [&](auto& message) {
    WriteInfoField({"info", 1}, info, message);
  });
}

void AppendSubscribePush(Form form, PushTarget target, const SubscribeResult& result,
                         std::string& out) {
  AppendPush(form, target, {"subscribe", 9}, out, [&](auto& message) {
    message.True({"recoverable", 1}, result.recoverable);
    message.Text({"epoch", 4}, result.epoch);
    message.Number({"offset", 5}, result.offset);
    message.True({"positioned", 6}, result.positioned);
    message.Payload({"data", 7}, result.data);
  });
}

void AppendUnsubscribePush(Form form, PushTarget target, UnsubscribeCode code,
                           std::string_view reason, std::string& out) {
  AppendUnsubscribePush(form, target, static_cast<std::uint32_t>(code), reason, out);
}

void AppendUnsubscribePush(Form form, PushTarget target, std::uint32_t code,
                           std::string_view reason, std::string& out) {
  AppendPush(form, target, {"unsubscribe", 7}, out, [&](auto& message) {
    message.Number({"code", 2}, code);
    message.Text({"reason", 3}, reason);
  });
}

void AppendMessagePush(Form form, std::string_view data, std::string& out) {
  AppendPush(form, {}, {"message", 8}, out, [&](auto& message) {
    message.Payload({"data", 1}, data);
  });
}

// The members of a ConnectResult, under other numbers and in another order.
void AppendConnectPush(Form form, const ConnectResult& result, std::string& out) {
  AppendPush(form, {}, {"connect", 10}, out, [&](auto& message) {
    message.Text({"client", 1}, result.client);
    message.Text({"version", 2}, result.version);
    message.Payload({"data", 3}, result.data);
    WriteConnectSubscriptions({"subs", 4}, result.subs, message);
    message.True({"expires", 5}, result.expires);
    message.Number({"ttl", 6}, result.ttl_s);
    message.Number({"ping", 7}, result.ping_s);
    message.True({"pong", 8}, result.pong);
    message.Text({"session", 9}, result.session);
    message.Text({"node", 10}, result.node);
    message.Number({"time", 11}, result.time_ms);
  });
}

void AppendDisconnectPush(Form form, DisconnectCode code, std::string& out) {
  AppendDisconnectPush(form, static_cast<std::uint32_t>(code), ReasonOf(code), out);
}

void AppendDisconnectPush(Form form, std::uint32_t code, std::string_view reason,
                          std::string& out) {
  AppendPush(form, {}, {"disconnect", 11}, out, [&](auto& message) {
    message.Number({"code", 1}, code);
    message.Text({"reason", 2}, reason);
  });
}

void AppendRefreshPush(Form form, bool expires, std::uint32_t ttl_s, std::string& out) {
  AppendPush(form, {}, {"refresh", 12}, out, [&](auto& message) {
    message.True({"expires", 1}, expires);
    message.Number({"ttl", 2}, ttl_s);
  });
}

}  // namespace tickcast::protocol
