// Proxies: the requests to the backend.
#include "protocol/centrifuge/proxy.h"

#include <absl/strings/escaping.h>

#include "protocol/abseil.h"
#include "protocol/json/object_writer.h"

namespace tickcast::protocol {
namespace {

void AppendData(const ProxyRequest& request, ObjectWriter& writer) {
  if (request.binary) {
    writer.QuotedUnlessEmpty("b64data", absl::Base64Escape(Abseil(request.data)));
  } else {
    writer.JsonUnlessEmpty("data", request.data);
  }
}

void AppendConnect(const ProxyRequest& request, ObjectWriter& writer) {
  AppendData(request, writer);
  writer.QuotedUnlessEmpty("name", request.name);
  writer.QuotedUnlessEmpty("version", request.version);
  if (!request.channels.empty()) {
    AppendArray(request.channels, writer.Member("channels"),
                [](std::string_view channel, std::string& out) { AppendQuoted(channel, out); });
  }
}

}  // namespace

std::string_view NameOf(ProxyKind kind) {
  switch (kind) {
    case ProxyKind::kConnect:
      return "connect";
    case ProxyKind::kRefresh:
      return "refresh";
    case ProxyKind::kRpc:
      return "rpc";
    case ProxyKind::kSubscribe:
      return "subscribe";
    case ProxyKind::kPublish:
      return "publish";
    case ProxyKind::kSubRefresh:
      return "sub_refresh";
  }
  return "";
}

void AppendProxyRequest(ProxyKind kind, const ProxyRequest& request, std::string& out) {
  ObjectWriter writer(out);
  writer.QuotedUnlessEmpty("client", request.client);
  writer.QuotedUnlessEmpty("transport", request.transport);
  writer.QuotedUnlessEmpty("protocol", request.protocol);
  writer.Quoted("encoding", request.binary ? "binary" : "json");
  if (kind == ProxyKind::kConnect) {
    AppendConnect(request, writer);
    return writer.Close();
  }
  // Present also where it is empty: an anonymous user is one.
  writer.Quoted("user", request.user);
  switch (kind) {
    case ProxyKind::kConnect:
    case ProxyKind::kRefresh:
      break;
    case ProxyKind::kRpc:
      writer.QuotedUnlessEmpty("method", request.method);
      AppendData(request, writer);
      break;
    case ProxyKind::kSubscribe:
      writer.QuotedUnlessEmpty("channel", request.channel);
      writer.QuotedUnlessEmpty("token", request.token);
      AppendData(request, writer);
      break;
    case ProxyKind::kPublish:
      writer.QuotedUnlessEmpty("channel", request.channel);
      AppendData(request, writer);
      break;
    case ProxyKind::kSubRefresh:
      writer.QuotedUnlessEmpty("channel", request.channel);
      break;
  }
  writer.JsonUnlessEmpty("meta", request.meta);
  writer.Close();
}

}  // namespace tickcast::protocol
