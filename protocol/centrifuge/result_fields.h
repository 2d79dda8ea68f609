// The fields of what both replies and pushes hold, for a JsonMessage or a ProtobufMessage.
// Source: definitions/client.proto of github.com/centrifugal/protocol. Threading: pure functions.
#pragma once

#include "protocol/centrifuge/message_writer.h"
#include "protocol/centrifuge/publication_view.h"

namespace tickcast::protocol {

template <typename Message>
void WriteClientInfo(const ClientInfo& info, Message& message) {
  message.TextAlways({"user", 1}, info.user);
  message.TextAlways({"client", 2}, info.client);
  message.Payload({"conn_info", 3}, info.conn_info);
  message.Payload({"chan_info", 4}, info.chan_info);
}

// Writes `info` as the field of a message, unless there is none.
template <typename Message>
void WriteInfoField(Field field, const ClientInfo& info, Message& message) {
  if (info.empty()) return;
  message.Message(field, [&](Message& nested) { WriteClientInfo(info, nested); });
}

template <typename Message>
void WritePublication(const PublicationView& publication, Message& message) {
  if (publication.data_as_text && publication.removed && publication.data.empty()) {
    // SDKs before 5.8 parse the text of a removal too, and stop at the empty one that the original
    // sends.
    message.NoPayloadAsText({"data", 4});
  } else if (publication.data_as_text) {
    message.PayloadAsText({"data", 4}, publication.data);
  } else {
    message.Payload({"data", 4}, publication.data);
  }
  WriteInfoField({"info", 5}, publication.info, message);
  message.Number({"offset", 6}, publication.offset);
  message.TextMap({"tags", 7}, publication.tags);
  message.True({"delta", 8}, publication.delta);
  message.Number({"time", 9}, publication.time_ms);
  message.Text({"channel", 10}, publication.channel);
  message.Text({"key", 11}, publication.key);
  message.True({"removed", 12}, publication.removed);
  message.Signed({"score", 13}, publication.score);
  message.Text({"epoch", 14}, publication.epoch);
  message.Number({"version", 16}, publication.version);
}

inline constexpr Field kStateField{"state", 18};

template <typename Message>
void WriteSubscribeResult(const SubscribeResult& result, Message& message) {
  message.True({"expires", 1}, result.expires);
  message.Number({"ttl", 2}, result.ttl_s);
  message.True({"recoverable", 3}, result.recoverable);
  message.Text({"epoch", 6}, result.epoch);
  message.Repeated({"publications", 7}, result.publications, WritePublication<Message>);
  message.True({"recovered", 8}, result.recovered);
  message.Number({"offset", 9}, result.offset);
  message.True({"positioned", 10}, result.positioned);
  message.Payload({"data", 11}, result.data);
  message.True({"was_recovering", 12}, result.was_recovering);
  message.True({"delta", 13}, result.delta);
  message.Number({"id", 14}, result.id);
  message.Number({"type", 15}, result.type);
  message.Number({"phase", 16}, result.phase);
  message.Text({"cursor", 17}, result.cursor);
  message.Repeated(kStateField, result.state, WritePublication<Message>);
  message.Written(kStateField, result.written_state);
  message.Number({"publish_debounce", 19}, result.publish_debounce_ms);
}

template <typename Message>
void WriteConnectSubscriptions(Field field, std::span<const ConnectSubscription> subs,
                               Message& message) {
  if (subs.empty()) return;
  message.MapAlways(
      field, subs, [](const ConnectSubscription& sub) { return sub.channel; },
      [](const ConnectSubscription& sub, Message& nested) {
        WriteSubscribeResult(sub.result, nested);
      });
}

}  // namespace tickcast::protocol
