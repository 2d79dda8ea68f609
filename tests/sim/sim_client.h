// SimClient: a client of the Centrifuge JSON protocol in a simulated world.
//
// It does what it is told and decides nothing by itself, except that it answers pings. What the
// server says is taken apart by the parsers that a real client would use and noted as one list of
// events in the order of the bytes; whoever owns the client judges them. What no server may ever
// do (bytes after a close frame, a line that is no reply) is a failure at once.
// Threading: as SimWorld.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sim_peer.h"
#include "engine/sim_world.h"
#include "protocol/websocket/frame_parser.h"
#include "protocol/websocket/frame_writer.h"
#include "simdjson.h"

namespace tickcast::shards::sim {

struct HeardPublication {
  std::string data;  // Minified JSON.
  std::uint64_t offset = 0;
  bool delta = false;  // `data` is a string with a patch.
  std::string key;
  std::uint64_t version = 0;
  bool removed = false;
  std::string info;  // Minified JSON of who published.
};

// One thing the server has said.
struct Heard {
  enum class Kind {
    kUpgraded,
    kRefused,     // An HTTP response instead of the upgrade; `code` is its status.
    kError,       // Error reply `code` to command `id`.
    kConnected,   // Replies to command `id` …
    kSubscribed,  // … with the members below.
    kUnsubscribed,
    kPublished,
    kHistory,
    kRpc,
    kPresence,       // `members` has who is there, `offset` how many.
    kPresenceStats,  // `offset` has the clients, `code` the users.
    kJoin,           // Pushes: `text` is the client id.
    kLeave,
    kProlonged,    // Of a refresh or a sub_refresh, with the items of one that tracks.
    kPublication,  // Push: `publications` has one.
    kGiven,        // Push: the server subscribed the client; `text` is its `data`.
    kDropped,      // Push: the server ended the subscription with `code`.
    kMessage,      // Push without a channel: `text`.
    kRefreshed,    // Push: the connection's end was set; `code` is its ttl, 0 = none.
    kPing,
    kPong,       // Of RFC 6455.
    kFramePing,  // Likewise, where it was asked for.
    kClosed,     // Close frame with `code`.
  };

  Kind kind = Kind::kPing;
  std::uint32_t id = 0;
  std::uint32_t code = 0;
  std::string channel;  // "#5" where a push says the number 5.
  // Minified JSON of the result of connect or refresh, of a message, of what a subscription was
  // granted, of an rpc's result; the message of an error; the payload of a pong.
  std::string text;
  std::vector<HeardPublication> publications;
  // Of a map: keys of a page, where the next one begins, and what it was (MapPhase).
  std::vector<HeardPublication> state;
  std::string cursor;
  std::int64_t phase = 0;
  std::vector<std::string> members;  // Client ids.
  std::uint64_t offset = 0;
  std::string epoch;
  bool recoverable = false;
  bool positioned = false;
  bool recovered = false;
  bool was_recovering = false;
  bool delta = false;
  std::int64_t channel_id = 0;
  std::uint64_t ttl_s = 0;
};

struct SubscribeOptions {
  bool recoverable = false;
  bool recover = false;
  bool join_leave = false;
  std::uint64_t offset = 0;
  std::string epoch;
  std::string data;  // JSON of the request's `data`; "" = none.
};

// How a client asks for the upgrade.
struct SimUpgrade {
  std::string query;         // Behind the path, with its question mark.
  std::string headers;       // Whole lines, each with its end.
  bool frame_pings = false;  // What `query` asks for: pings of RFC 6455, which it answers.
};

class SimClient {
 public:
  // Begins to connect to `ring`, and asks for the upgrade at once.
  SimClient(engine::SimWorld& world, engine::SimRing& ring, const SimUpgrade& upgrade = {});
  SimClient(const SimClient&) = delete;
  SimClient& operator=(const SimClient&) = delete;

  // Commands. Each is put into the current batch, and its id is returned; Flush() sends the batch
  // as one text frame.
  std::uint32_t Connect();
  std::uint32_t Subscribe(std::string_view channel, const SubscribeOptions& options = {});
  std::uint32_t Unsubscribe(std::string_view channel);
  std::uint32_t Publish(std::string_view channel, std::string_view data);
  std::uint32_t History(std::string_view channel, int limit);
  std::uint32_t Presence(std::string_view channel);
  std::uint32_t PresenceStats(std::string_view channel);
  // `data` is JSON, "" = none.
  std::uint32_t Rpc(std::string_view method = "none", std::string_view data = {});
  // Any command; `member` is `"name":{…}`.
  std::uint32_t Command(std::string_view member);
  void Flush();
  // Of the next command.
  std::uint32_t next_id() const { return next_id_; }

  // One frame of its own, sent at once.
  void SendFrame(protocol::Opcode opcode, std::string_view payload);
  // A close frame with `code`; a client sends nothing after it.
  void SendClose(std::uint16_t code);
  void SendRaw(std::string_view bytes);

  // Takes what has arrived. Returns the events it made, also kept in heard().
  std::vector<Heard> Poll();

  // Everything heard so far.
  const std::vector<Heard>& heard() const { return heard_; }
  // Those of one kind, or of one kind about one channel.
  std::vector<Heard> HeardOf(Heard::Kind kind, std::string_view channel = {}) const;
  // The reply to a command; null while there is none. More than one is a failure when it comes.
  const Heard* ReplyTo(std::uint32_t id) const;
  // Of the connect reply; "" before.
  const std::string& id() const { return id_; }
  std::uint32_t close_code() const { return close_code_; }  // 0 = no close frame yet.
  // The `data` of all publications of a channel that were pushed.
  std::vector<std::string> DataOf(std::string_view channel) const;

  engine::SimPeer& peer() { return peer_; }
  const engine::SimPeer& peer() const { return peer_; }
  // A pong is due for every ping; a client may refuse.
  void set_answers_pings(bool answers) { answers_pings_ = answers; }
  bool may_send() const { return may_send_; }
  // Ends the own side in one of SimPeer's ways; nothing is sent after.
  void CloseWrite();
  void Close();
  void Reset();
  // Depends on all bytes ever received and when.
  std::uint64_t trace() const { return trace_; }

 private:
  void OnHandshake();
  void OnFrames();
  void OnFrame(const protocol::FrameEvent& event);
  void OnLine(std::string_view line);
  void OnReply(std::uint32_t id, simdjson::dom::object reply);
  void OnPush(simdjson::dom::object push);
  void Note(Heard heard);

  engine::SimWorld& world_;
  engine::SimPeer& peer_;
  protocol::FrameParser parser_{protocol::Role::kClient, 64u << 20};
  simdjson::dom::parser json_;
  std::string batch_;
  std::uint32_t next_id_ = 1;
  std::string input_;  // Received, not parsed.
  bool upgraded_ = false;
  bool refused_ = false;
  bool answers_pings_ = true;
  const bool frame_pings_;
  bool may_send_ = true;
  std::uint32_t close_code_ = 0;
  std::string id_;
  std::vector<Heard> heard_;
  std::vector<std::size_t> replies_;  // By command id: index in heard_ + 1, 0 = none yet.
  std::size_t fresh_ = 0;             // Heard before the last Poll().
  std::uint64_t trace_ = 0xcbf29ce484222325;
};

}  // namespace tickcast::shards::sim
