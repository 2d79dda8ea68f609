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

void AppendPolledKeys(const ProxyRequest& request, ObjectWriter& writer) {
  writer.QuotedUnlessEmpty("channel", request.channel);
  if (request.items.empty()) return;
  AppendArray(request.items, writer.Member("items"),
              [](const ProxyPolledKey& key, std::string& out) {
                ObjectWriter item(out);
                item.QuotedUnlessEmpty("key", key.key);
                item.NumberUnlessZero("version", key.version);
                item.Close();
              });
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
    case ProxyKind::kMapPublish:
      return "map_publish";
    case ProxyKind::kMapRemove:
      return "map_remove";
    case ProxyKind::kSharedPollRefresh:
      return "shared_poll_refresh";
  }
  return "";
}

void AppendProxyRequest(ProxyKind kind, const ProxyRequest& request, std::string& out) {
  ObjectWriter writer(out);
  if (kind == ProxyKind::kSharedPollRefresh) {
    AppendPolledKeys(request, writer);
    return writer.Close();
  }
  writer.QuotedUnlessEmpty("client", request.client);
  writer.QuotedUnlessEmpty("transport", request.transport);
  writer.QuotedUnlessEmpty("protocol", request.protocol);
  writer.Quoted("encoding", request.binary ? "binary" : "json");
  if (kind == ProxyKind::kConnect) {
    AppendConnect(request, writer);
    return writer.Close();
  }
  // Present also where it is empty: an anonymous user is one. But not in those of maps, as there.
  const bool of_map = kind == ProxyKind::kMapPublish || kind == ProxyKind::kMapRemove;
  if (!of_map || !request.user.empty()) writer.Quoted("user", request.user);
  switch (kind) {
    case ProxyKind::kConnect:
    case ProxyKind::kRefresh:
    case ProxyKind::kSharedPollRefresh:
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
    case ProxyKind::kMapPublish:
      writer.QuotedUnlessEmpty("channel", request.channel);
      writer.QuotedUnlessEmpty("key", request.key);
      AppendData(request, writer);
      break;
    case ProxyKind::kMapRemove:
      writer.QuotedUnlessEmpty("channel", request.channel);
      writer.QuotedUnlessEmpty("key", request.key);
      break;
  }
  writer.JsonUnlessEmpty("meta", request.meta);
  writer.Close();
}

}  // namespace tickcast::protocol
