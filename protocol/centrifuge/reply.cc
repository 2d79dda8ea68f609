#include "protocol/centrifuge/reply.h"

#include "protocol/json/object_writer.h"

namespace tickcast::protocol {
namespace {

void AppendSubscribeResult(const SubscribeResult& result, std::string& out) {
  ObjectWriter writer(out);
  writer.TrueIf("expires", result.expires);
  writer.NumberUnlessZero("ttl", result.ttl_s);
  writer.TrueIf("recoverable", result.recoverable);
  writer.QuotedUnlessEmpty("epoch", result.epoch);
  if (!result.publications.empty()) {
    AppendArray(result.publications, writer.Member("publications"), AppendPublication);
  }
  writer.TrueIf("recovered", result.recovered);
  writer.NumberUnlessZero("offset", result.offset);
  writer.TrueIf("positioned", result.positioned);
  writer.JsonUnlessEmpty("data", result.data);
  writer.TrueIf("was_recovering", result.was_recovering);
  writer.Close();
}

void AppendConnectResult(const ConnectResult& result, std::string& out) {
  ObjectWriter writer(out);
  writer.QuotedUnlessEmpty("client", result.client);
  writer.QuotedUnlessEmpty("version", result.version);
  writer.TrueIf("expires", result.expires);
  writer.NumberUnlessZero("ttl", result.ttl_s);
  writer.JsonUnlessEmpty("data", result.data);
  if (!result.subs.empty()) {
    ObjectWriter subs(writer.Member("subs"));
    for (const ConnectSubscription& sub : result.subs) {
      AppendSubscribeResult(sub.result, subs.MemberNamed(sub.channel));
    }
    subs.Close();
  }
  writer.NumberUnlessZero("ping", result.ping_s);
  writer.TrueIf("pong", result.pong);
  writer.QuotedUnlessEmpty("session", result.session);
  writer.QuotedUnlessEmpty("node", result.node);
  writer.NumberUnlessZero("time", result.time_ms);
  writer.Close();
}

// {"id":…,"<name>":<what append writes>}
template <typename Append>
void AppendReply(std::uint32_t id, std::string_view name, std::string& out, Append&& append) {
  ObjectWriter reply(out);
  reply.Number("id", id);
  append(reply.Member(name));
  reply.Close();
}

// {"push":{"channel":…,"<name>":<what append writes>}}; no channel where it is empty.
template <typename Append>
void AppendPush(std::string_view channel, std::string_view name, std::string& out,
                Append&& append) {
  ObjectWriter reply(out);
  ObjectWriter push(reply.Member("push"));
  push.QuotedUnlessEmpty("channel", channel);
  append(push.Member(name));
  push.Close();
  reply.Close();
}

void AppendCodeAndReason(std::uint32_t code, std::string_view reason, std::string& out) {
  ObjectWriter writer(out);
  writer.NumberUnlessZero("code", code);
  writer.QuotedUnlessEmpty("reason", reason);
  writer.Close();
}

}  // namespace

void AppendClientInfo(const ClientInfo& info, std::string& out) {
  ObjectWriter writer(out);
  writer.Quoted("user", info.user);
  writer.Quoted("client", info.client);
  writer.JsonUnlessEmpty("conn_info", info.conn_info);
  writer.JsonUnlessEmpty("chan_info", info.chan_info);
  writer.Close();
}

void AppendPublication(const PublicationView& publication, std::string& out) {
  ObjectWriter writer(out);
  writer.JsonUnlessEmpty("data", publication.data);
  writer.JsonUnlessEmpty("info", publication.info);
  writer.NumberUnlessZero("offset", publication.offset);
  writer.JsonUnlessEmpty("tags", publication.tags);
  writer.Close();
}

void AppendConnectReply(std::uint32_t id, const ConnectResult& result, std::string& out) {
  AppendReply(id, "connect", out, [&](std::string& body) { AppendConnectResult(result, body); });
}

void AppendSubscribeReply(std::uint32_t id, const SubscribeResult& result, std::string& out) {
  AppendReply(id, "subscribe", out,
              [&](std::string& body) { AppendSubscribeResult(result, body); });
}

void AppendUnsubscribeReply(std::uint32_t id, std::string& out) {
  AppendReply(id, "unsubscribe", out, [](std::string& body) { body += "{}"; });
}

void AppendPublishReply(std::uint32_t id, std::string& out) {
  AppendReply(id, "publish", out, [](std::string& body) { body += "{}"; });
}

void AppendHistoryReply(std::uint32_t id, const HistoryResult& result, std::string& out) {
  AppendReply(id, "history", out, [&](std::string& body) {
    ObjectWriter writer(body);
    AppendArray(result.publications, writer.Member("publications"), AppendPublication);
    writer.Quoted("epoch", result.epoch);
    writer.Number("offset", result.offset);
    writer.Close();
  });
}

void AppendRpcReply(std::uint32_t id, std::string_view data, std::string& out) {
  AppendReply(id, "rpc", out, [&](std::string& body) {
    ObjectWriter writer(body);
    writer.JsonUnlessEmpty("data", data);
    writer.Close();
  });
}

void AppendErrorReply(std::uint32_t id, ErrorCode code, std::string& out) {
  AppendErrorReply(id, code, InfoOf(code).message, out);
}

void AppendErrorReply(std::uint32_t id, ErrorCode code, std::string_view message,
                      std::string& out) {
  AppendReply(id, "error", out, [&](std::string& body) {
    ObjectWriter writer(body);
    writer.Number("code", static_cast<std::uint32_t>(code));
    writer.QuotedUnlessEmpty("message", message);
    writer.TrueIf("temporary", InfoOf(code).temporary);
    writer.Close();
  });
}

void AppendPublicationPush(std::string_view channel, const PublicationView& publication,
                           std::string& out) {
  AppendPush(channel, "pub", out, [&](std::string& body) { AppendPublication(publication, body); });
}

void AppendPublicationPushPrefix(std::string_view channel, std::string& out) {
  out += R"({"push":{"channel":)";
  AppendQuoted(channel, out);
  out += R"(,"pub":{"data":)";
}

void AppendPublicationPushSuffix(const PublicationView& publication, std::string& out) {
  // Continues the object that the prefix opened, so every member has a comma before it.
  if (!publication.info.empty()) {
    out += R"(,"info":)";
    out += publication.info;
  }
  if (publication.offset != 0) {
    out += R"(,"offset":)";
    AppendNumber(publication.offset, out);
  }
  if (!publication.tags.empty()) {
    out += R"(,"tags":)";
    out += publication.tags;
  }
  out += "}}}";
}

void AppendUnsubscribePush(std::string_view channel, UnsubscribeCode code, std::string_view reason,
                           std::string& out) {
  AppendPush(channel, "unsubscribe", out, [&](std::string& body) {
    AppendCodeAndReason(static_cast<std::uint32_t>(code), reason, body);
  });
}

void AppendMessagePush(std::string_view data, std::string& out) {
  AppendPush("", "message", out, [&](std::string& body) {
    ObjectWriter writer(body);
    writer.JsonUnlessEmpty("data", data);
    writer.Close();
  });
}

void AppendDisconnectPush(DisconnectCode code, std::string& out) {
  AppendPush("", "disconnect", out, [&](std::string& body) {
    AppendCodeAndReason(static_cast<std::uint32_t>(code), ReasonOf(code), body);
  });
}

}  // namespace tickcast::protocol
