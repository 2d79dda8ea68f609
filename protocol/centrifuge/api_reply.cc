#include "protocol/centrifuge/api_reply.h"

#include "protocol/json/object_writer.h"

namespace tickcast::protocol {
namespace {

// {"offset":…,"epoch":…}, both only where the channel has a history.
void AppendPublishResult(const ApiPublishResult& result, std::string& out) {
  ObjectWriter writer(out);
  writer.NumberUnlessZero("offset", result.offset);
  writer.QuotedUnlessEmpty("epoch", result.epoch);
  writer.Close();
}

// {"result":{…}} or {"error":{…}}
void AppendPublishResponse(const ApiPublishResult& result, std::string& out) {
  ObjectWriter writer(out);
  if (result.error == ApiError::kNone) {
    AppendPublishResult(result, writer.Member("result"));
  } else {
    AppendApiError(result.error, writer.Member("error"));
  }
  writer.Close();
}

void AppendPublication(const PublicationView& publication, std::string& out) {
  ObjectWriter writer(out);
  writer.JsonUnlessEmpty("data", publication.data);
  if (!publication.info.empty()) AppendClientInfo(publication.info, writer.Member("info"));
  writer.NumberUnlessZero("offset", publication.offset);
  if (publication.tags != "{}") writer.JsonUnlessEmpty("tags", publication.tags);
  writer.Close();
}

void AppendMapEntry(const ApiMapEntry& entry, std::string& out) {
  ObjectWriter writer(out);
  writer.Quoted("key", entry.key);
  writer.JsonUnlessEmpty("data", entry.data);
  if (entry.tags != "{}") writer.JsonUnlessEmpty("tags", entry.tags);
  writer.NumberUnlessZero("offset", entry.offset);
  writer.TrueIf("removed", entry.removed);
  writer.NumberUnlessZero("time", entry.time_ms);
  writer.Close();
}

// The names are those of the original; of what it counts for its own machinery there is nothing
// here. Numbers of the node as it is are those of now, not of the interval's end.
void AppendMetrics(const ApiNode& node, std::string& out) {
  ObjectWriter writer(out);
  writer.Number("interval", node.metrics_interval_s);
  ObjectWriter items(writer.Member("items"));
  items.Number("centrifugo.node.client_connection_limit", node.connections_refused);
  items.Number("centrifugo.node.messages_received_count.type.publication", node.publications);
  items.Number("centrifugo.node.messages_sent_count.type.publication", node.publications);
  items.Number("centrifugo.node.num_channels", node.channels);
  items.Number("centrifugo.node.num_clients", node.clients);
  items.Number("centrifugo.node.num_nodes", 1);
  items.Number("centrifugo.node.num_subscriptions", node.subscriptions);
  items.Number("centrifugo.node.num_users", node.users);
  items.Close();
  writer.Close();
}

void AppendNode(const ApiNode& node, std::string& out) {
  ObjectWriter writer(out);
  writer.Quoted("uid", node.uid);
  writer.Quoted("name", node.name);
  writer.Quoted("version", node.version);
  writer.Number("num_clients", node.clients);
  writer.Number("num_users", node.users);
  writer.Number("num_channels", node.channels);
  writer.NumberUnlessZero("uptime", node.uptime_s);
  if (node.metrics_interval_s != 0) AppendMetrics(node, writer.Member("metrics"));
  writer.Number("num_subs", node.subscriptions);
  writer.Close();
}

}  // namespace

void AppendApiError(ApiError error, std::string& out) {
  ObjectWriter writer(out);
  writer.Number("code", static_cast<std::uint32_t>(error));
  writer.Quoted("message", MessageOf(error));
  writer.Close();
}

ApiReplyWriter::ApiReplyWriter(ApiForm form, std::string& out) : form_(form), out_(out) {}

// Opens a reply up to where its `error` or its outcome goes; the caller closes the object.
void ApiReplyWriter::BeginReply(const ApiCommand& command) {
  switch (form_) {
    case ApiForm::kSingle:
      out_ += '{';
      break;
    case ApiForm::kBatch:
      out_ += replies_ == 0 ? R"({"replies":[{)" : ",{";
      break;
    case ApiForm::kLegacy:
      out_ += replies_ == 0 ? "{" : "\n{";
      if (command.id != 0) {
        out_ += R"("id":)";
        AppendNumber(command.id, out_);
        out_ += ',';
      }
      break;
  }
  ++replies_;
}

std::string& ApiReplyWriter::BeginResult(const ApiCommand& command) {
  BeginReply(command);
  // A batch names the outcome for its method, the others have only one to tell.
  out_ += '"';
  out_ += form_ == ApiForm::kBatch ? NameOf(command.method) : "result";
  out_ += "\":";
  return out_;
}

void ApiReplyWriter::Error(const ApiCommand& command, ApiError error) {
  BeginReply(command);
  out_ += R"("error":)";
  AppendApiError(error, out_);
  out_ += '}';
}

void ApiReplyWriter::Publish(const ApiCommand& command, const ApiPublishResult& result) {
  if (result.error != ApiError::kNone) return Error(command, result.error);
  AppendPublishResult(result, BeginResult(command));
  out_ += '}';
}

void ApiReplyWriter::Broadcast(const ApiCommand& command,
                               std::span<const ApiPublishResult> results) {
  ObjectWriter writer(BeginResult(command));
  AppendArray(results, writer.Member("responses"), AppendPublishResponse);
  writer.Close();
  out_ += '}';
}

void ApiReplyWriter::Done(const ApiCommand& command) { BeginResult(command) += "{}}"; }

void ApiReplyWriter::Presence(const ApiCommand& command, std::span<const ClientInfo> clients) {
  ObjectWriter writer(BeginResult(command));
  ObjectWriter presence(writer.Member("presence"));
  for (const ClientInfo& client : clients) {
    AppendClientInfo(client, presence.MemberNamed(client.client));
  }
  presence.Close();
  writer.Close();
  out_ += '}';
}

void ApiReplyWriter::PresenceStats(const ApiCommand& command, std::uint32_t clients,
                                   std::uint32_t users) {
  ObjectWriter writer(BeginResult(command));
  writer.Number("num_clients", clients);
  writer.Number("num_users", users);
  writer.Close();
  out_ += '}';
}

void ApiReplyWriter::History(const ApiCommand& command, const HistoryResult& result) {
  ObjectWriter writer(BeginResult(command));
  AppendArray(result.publications, writer.Member("publications"), AppendPublication);
  writer.Quoted("epoch", result.epoch);
  writer.Number("offset", result.offset);
  writer.Close();
  out_ += '}';
}

void ApiReplyWriter::MapWritten(const ApiCommand& command, const ApiMapResult& result) {
  ObjectWriter writer(BeginResult(command));
  writer.NumberUnlessZero("offset", result.offset);
  writer.QuotedUnlessEmpty("epoch", result.epoch);
  writer.TrueIf("suppressed", !result.suppress_reason.empty());
  writer.QuotedUnlessEmpty("suppress_reason", result.suppress_reason);
  writer.Close();
  out_ += '}';
}

void ApiReplyWriter::MapRead(const ApiCommand& command, const ApiMapPage& page) {
  ObjectWriter writer(BeginResult(command));
  if (!page.entries.empty()) {
    AppendArray(page.entries, writer.Member("entries"), AppendMapEntry);
  }
  writer.NumberUnlessZero("offset", page.offset);
  writer.QuotedUnlessEmpty("epoch", page.epoch);
  writer.QuotedUnlessEmpty("cursor", page.cursor);
  writer.Close();
  out_ += '}';
}

void ApiReplyWriter::MapStats(const ApiCommand& command, std::uint32_t keys) {
  ObjectWriter writer(BeginResult(command));
  writer.NumberUnlessZero("num_keys", keys);
  writer.Close();
  out_ += '}';
}

void ApiReplyWriter::Info(const ApiCommand& command, const ApiNode& node) {
  ObjectWriter writer(BeginResult(command));
  AppendArray(std::span(&node, 1), writer.Member("nodes"), AppendNode);
  writer.Close();
  out_ += '}';
}

void ApiReplyWriter::Channels(const ApiCommand& command, std::span<const ApiChannel> channels) {
  ObjectWriter writer(BeginResult(command));
  ObjectWriter list(writer.Member("channels"));
  for (const ApiChannel& channel : channels) {
    ObjectWriter info(list.MemberNamed(channel.name));
    info.NumberUnlessZero("num_clients", channel.clients);
    info.Close();
  }
  list.Close();
  writer.Close();
  out_ += '}';
}

void ApiReplyWriter::Finish() {
  if (form_ == ApiForm::kBatch) out_ += replies_ == 0 ? "{}" : "]}";
}

}  // namespace tickcast::protocol
