#include "tests/sim/sim_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "protocol/websocket/handshake.h"

namespace tickcast::shards::sim {
namespace {

constexpr protocol::UpgradeRequest kUpgrade{
    .host = "sim", .target = "/connection/websocket", .key = "dGhlIHNhbXBsZSBub25jZQ=="};

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename Value>
Value Member(simdjson::dom::object object, std::string_view name, Value otherwise) {
  Value value;
  return object[name].get(value) == simdjson::SUCCESS ? value : otherwise;
}

std::string StringMember(simdjson::dom::object object, std::string_view name) {
  return std::string(Member<std::string_view>(object, name, {}));
}

// Minified JSON of the member `data`, "" = none.
std::string DataMember(simdjson::dom::object object) {
  simdjson::dom::element data;
  return object["data"].get(data) == simdjson::SUCCESS ? simdjson::minify(data) : std::string();
}

HeardPublication PublicationOf(simdjson::dom::object publication) {
  simdjson::dom::element data;
  HeardPublication heard;
  if (publication["data"].get(data) == simdjson::SUCCESS) heard.data = simdjson::minify(data);
  heard.offset = Member<std::uint64_t>(publication, "offset", 0);
  heard.delta = Member<bool>(publication, "delta", false);
  heard.key = Member<std::string_view>(publication, "key", {});
  heard.version = Member<std::uint64_t>(publication, "version", 0);
  heard.removed = Member<bool>(publication, "removed", false);
  simdjson::dom::element info;
  if (publication["info"].get(info) == simdjson::SUCCESS) heard.info = simdjson::minify(info);
  return heard;
}

void ReadPublications(simdjson::dom::object from, std::vector<HeardPublication>& heard,
                      std::string_view member = "publications") {
  simdjson::dom::array publications;
  if (from[member].get(publications) != simdjson::SUCCESS) return;
  for (const simdjson::dom::element publication : publications) {
    heard.push_back(PublicationOf(publication.get_object()));
  }
}

}  // namespace

SimClient::SimClient(engine::SimWorld& world, engine::SimRing& ring, const SimUpgrade& upgrade)
    : world_(world), peer_(world.Connect(ring)), frame_pings_(upgrade.frame_pings) {
  protocol::UpgradeRequest asked = kUpgrade;
  const std::string target = std::string(kUpgrade.target) + upgrade.query;
  asked.target = target;
  std::string request;
  protocol::AppendUpgradeRequest(asked, request);
  request.insert(request.size() - 2, upgrade.headers);
  peer_.Send(request);
}

std::uint32_t SimClient::Connect() { return Command(R"("connect":{"name":"sim"})"); }

std::uint32_t SimClient::Subscribe(std::string_view channel, const SubscribeOptions& options) {
  std::string members = absl::StrCat(R"("subscribe":{"channel":")", std::string(channel), "\"");
  if (options.recoverable) members += R"(,"recoverable":true,"positioned":true)";
  if (options.join_leave) members += R"(,"join_leave":true)";
  if (options.recover) {
    absl::StrAppend(&members, R"(,"recover":true,"offset":)", options.offset, R"(,"epoch":")",
                    options.epoch, "\"");
  }
  if (!options.data.empty()) absl::StrAppend(&members, R"(,"data":)", options.data);
  return Command(members + "}");
}

std::uint32_t SimClient::Unsubscribe(std::string_view channel) {
  return Command(absl::StrCat(R"("unsubscribe":{"channel":")", std::string(channel), "\"}"));
}

std::uint32_t SimClient::Publish(std::string_view channel, std::string_view data) {
  return Command(absl::StrCat(R"("publish":{"channel":")", std::string(channel), R"(","data":)",
                              std::string(data), "}"));
}

std::uint32_t SimClient::History(std::string_view channel, int limit) {
  return Command(
      absl::StrCat(R"("history":{"channel":")", std::string(channel), R"(","limit":)", limit, "}"));
}

std::uint32_t SimClient::Presence(std::string_view channel) {
  return Command(absl::StrCat(R"("presence":{"channel":")", std::string(channel), "\"}"));
}

std::uint32_t SimClient::PresenceStats(std::string_view channel) {
  return Command(absl::StrCat(R"("presence_stats":{"channel":")", std::string(channel), "\"}"));
}

std::uint32_t SimClient::Rpc(std::string_view method, std::string_view data) {
  std::string members = absl::StrCat(R"("rpc":{"method":")", std::string(method), "\"");
  if (!data.empty()) absl::StrAppend(&members, R"(,"data":)", std::string(data));
  return Command(members + "}");
}

std::uint32_t SimClient::Command(std::string_view member) {
  if (!batch_.empty()) batch_ += '\n';
  absl::StrAppend(&batch_, R"({"id":)", next_id_, ",", std::string(member), "}");
  return next_id_++;
}

void SimClient::Flush() {
  if (!batch_.empty()) SendFrame(protocol::Opcode::kText, batch_);
  batch_.clear();
}

void SimClient::SendFrame(protocol::Opcode opcode, std::string_view payload) {
  std::string frame;
  const protocol::MaskingKey mask{0x37, 0xfa, 0x21, static_cast<std::uint8_t>(next_id_)};
  protocol::AppendClientFrame(opcode, payload, mask, frame);
  SendRaw(frame);
}

void SimClient::SendClose(std::uint16_t code) {
  const char payload[] = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  SendFrame(protocol::Opcode::kClose, std::string_view(payload, sizeof(payload)));
  may_send_ = false;
}

void SimClient::SendRaw(std::string_view bytes) {
  if (may_send_) peer_.Send(bytes);
}

void SimClient::CloseWrite() {
  may_send_ = false;
  peer_.CloseWrite();
}

void SimClient::Close() {
  may_send_ = false;
  peer_.Close();
}

void SimClient::Reset() {
  may_send_ = false;
  peer_.Reset();
}

std::vector<Heard> SimClient::Poll() {
  const std::vector<std::byte> received = peer_.TakeReceived();
  if (received.empty()) return {};
  const auto mix = [this](std::uint64_t value) { trace_ = (trace_ ^ value) * 0x100000001b3; };
  mix(world_.now_ns());
  for (const std::byte byte : received) mix(std::to_integer<std::uint64_t>(byte));
  input_ += Text(received);
  if (!upgraded_) OnHandshake();
  if (upgraded_) OnFrames();
  std::vector<Heard> fresh(heard_.begin() + static_cast<std::ptrdiff_t>(fresh_), heard_.end());
  fresh_ = heard_.size();
  return fresh;
}

void SimClient::OnHandshake() {
  using Verdict = protocol::UpgradeAnswer::Verdict;
  if (refused_) return;
  const protocol::UpgradeAnswer answer = protocol::CheckUpgradeAnswer(input_, kUpgrade);
  if (answer.verdict == Verdict::kNeedMore) return;
  EXPECT_NE(answer.verdict, Verdict::kBad) << answer.reason << ": " << input_;
  upgraded_ = answer.verdict == Verdict::kAccepted;
  refused_ = !upgraded_;
  Note({.kind = upgraded_ ? Heard::Kind::kUpgraded : Heard::Kind::kRefused,
        .code = static_cast<std::uint32_t>(answer.status)});
  if (upgraded_) input_.erase(0, answer.head_bytes);
}

void SimClient::OnFrames() {
  std::string input = std::move(input_);
  input_.clear();
  std::span<std::byte> bytes = std::as_writable_bytes(std::span(input.data(), input.size()));
  if (!bytes.empty()) {
    EXPECT_EQ(close_code_, 0u) << "bytes after a close frame: " << input;
  }
  protocol::FrameEvent event;
  for (;;) {
    switch (parser_.Next(bytes, event)) {
      case protocol::FrameParser::Verdict::kNeedMore:
        return;
      case protocol::FrameParser::Verdict::kViolation:
        ADD_FAILURE() << "the server broke RFC 6455: " << parser_.close_code();
        return;
      case protocol::FrameParser::Verdict::kEvent:
        EXPECT_EQ(close_code_, 0u) << "a frame after a close frame: " << Text(event.payload);
        OnFrame(event);
        break;
    }
  }
}

void SimClient::OnFrame(const protocol::FrameEvent& event) {
  switch (event.kind) {
    case protocol::FrameEvent::Kind::kText: {
      std::string_view rest = Text(event.payload);
      while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        OnLine(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
      return;
    }
    case protocol::FrameEvent::Kind::kPong:
      return Note({.kind = Heard::Kind::kPong, .text = std::string(Text(event.payload))});
    case protocol::FrameEvent::Kind::kClose:
      close_code_ = event.close_code;
      Note({.kind = Heard::Kind::kClosed, .code = close_code_});
      // As RFC 6455 section 5.5.1 wants it; the server then ends the connection.
      if (may_send_) SendClose(event.close_code);
      return;
    case protocol::FrameEvent::Kind::kPing:
      EXPECT_TRUE(frame_pings_) << "nobody asked for that";
      Note({.kind = Heard::Kind::kFramePing});
      if (answers_pings_) SendFrame(protocol::Opcode::kPong, Text(event.payload));
      return;
    case protocol::FrameEvent::Kind::kBinary:
      ADD_FAILURE() << "a frame that this server has no use for";
  }
}

void SimClient::OnLine(std::string_view line) {
  simdjson::dom::object object;
  const simdjson::padded_string padded(line);
  if (json_.parse(padded).get(object) != simdjson::SUCCESS) {
    ADD_FAILURE() << "a line that is no JSON object: " << line;
    return;
  }
  if (object.size() == 0) {
    Note({.kind = Heard::Kind::kPing});
    if (answers_pings_) SendFrame(protocol::Opcode::kText, "{}");
    return;
  }
  simdjson::dom::object push;
  if (object["push"].get(push) == simdjson::SUCCESS) return OnPush(push);
  OnReply(static_cast<std::uint32_t>(Member<std::uint64_t>(object, "id", 0)), object);
}

void SimClient::OnReply(std::uint32_t id, simdjson::dom::object reply) {
  ASSERT_TRUE(id > 0 && id < next_id_) << "a reply to nothing";
  EXPECT_EQ(ReplyTo(id), nullptr) << "two replies to command " << id;
  replies_.resize(next_id_);
  replies_[id] = heard_.size() + 1;
  Heard heard{.id = id};
  simdjson::dom::object result;
  if (reply["error"].get(result) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kError;
    heard.code = static_cast<std::uint32_t>(Member<std::uint64_t>(result, "code", 0));
    heard.text = StringMember(result, "message");
  } else if (reply["connect"].get(result) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kConnected;
    id_ = StringMember(result, "client");
    heard.text = simdjson::minify(result);
  } else if (reply["subscribe"].get(result) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kSubscribed;
    ReadPublications(result, heard.publications);
    ReadPublications(result, heard.state, "state");
    heard.cursor = StringMember(result, "cursor");
    heard.phase = Member<std::int64_t>(result, "phase", 0);
    heard.text = DataMember(result);
    heard.recoverable = Member<bool>(result, "recoverable", false);
    heard.positioned = Member<bool>(result, "positioned", false);
    heard.recovered = Member<bool>(result, "recovered", false);
    heard.was_recovering = Member<bool>(result, "was_recovering", false);
    heard.epoch = StringMember(result, "epoch");
    heard.offset = Member<std::uint64_t>(result, "offset", 0);
    heard.delta = Member<bool>(result, "delta", false);
    heard.channel_id = Member<std::int64_t>(result, "id", 0);
    heard.ttl_s = Member<std::uint64_t>(result, "ttl", 0);
  } else if (reply["unsubscribe"].get(result) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kUnsubscribed;
  } else if (reply["publish"].get(result) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kPublished;
  } else if (reply["history"].get(result) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kHistory;
    ReadPublications(result, heard.publications);
    heard.epoch = StringMember(result, "epoch");
    heard.offset = Member<std::uint64_t>(result, "offset", 0);
  } else if (reply["presence"].get(result) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kPresence;
    simdjson::dom::object members;
    if (result["presence"].get(members) == simdjson::SUCCESS) {
      for (const auto& [client, info] : members) heard.members.emplace_back(client);
    }
    heard.offset = heard.members.size();
  } else if (reply["presence_stats"].get(result) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kPresenceStats;
    heard.offset = Member<std::uint64_t>(result, "num_clients", 0);
    heard.code = static_cast<std::uint32_t>(Member<std::uint64_t>(result, "num_users", 0));
  } else if (reply["refresh"].get(result) == simdjson::SUCCESS ||
             reply["sub_refresh"].get(result) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kProlonged;
    heard.text = simdjson::minify(result);
    ReadPublications(result, heard.publications, "items");
  } else if (reply["rpc"].get(result) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kRpc;
    heard.text = DataMember(result);
  } else {
    ADD_FAILURE() << "a reply of no known kind: " << simdjson::minify(reply);
  }
  Note(std::move(heard));
}

void SimClient::OnPush(simdjson::dom::object push) {
  Heard heard{.channel = StringMember(push, "channel")};
  if (const auto number = Member<std::int64_t>(push, "id", 0); number != 0) {
    EXPECT_EQ(heard.channel, "") << "either the name or the number";
    heard.channel = absl::StrCat("#", number);
  }
  simdjson::dom::object body;
  simdjson::dom::object info;
  for (const auto& [name, kind] :
       {std::pair("join", Heard::Kind::kJoin), std::pair("leave", Heard::Kind::kLeave)}) {
    if (push[name].get(body) != simdjson::SUCCESS) continue;
    heard.kind = kind;
    EXPECT_EQ(body["info"].get(info), simdjson::SUCCESS);
    heard.text = StringMember(info, "client");
    return Note(std::move(heard));
  }
  if (push["pub"].get(body) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kPublication;
    heard.publications.push_back(PublicationOf(body));
  } else if (push["subscribe"].get(body) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kGiven;
    heard.text = DataMember(body);
    heard.offset = Member<std::uint64_t>(body, "offset", 0);
    heard.epoch = StringMember(body, "epoch");
    heard.recoverable = Member<bool>(body, "recoverable", false);
    heard.positioned = Member<bool>(body, "positioned", false);
  } else if (push["unsubscribe"].get(body) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kDropped;
    heard.code = static_cast<std::uint32_t>(Member<std::uint64_t>(body, "code", 0));
  } else if (push["message"].get(body) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kMessage;
    heard.text = DataMember(body);
  } else if (push["refresh"].get(body) == simdjson::SUCCESS) {
    heard.kind = Heard::Kind::kRefreshed;
    heard.code = static_cast<std::uint32_t>(Member<std::uint64_t>(body, "ttl", 0));
  } else {
    ADD_FAILURE() << "a push of no known kind: " << simdjson::minify(push);
  }
  Note(std::move(heard));
}

void SimClient::Note(Heard heard) { heard_.push_back(std::move(heard)); }

std::vector<Heard> SimClient::HeardOf(Heard::Kind kind, std::string_view channel) const {
  std::vector<Heard> found;
  for (const Heard& heard : heard_) {
    if (heard.kind == kind && (channel.empty() || heard.channel == channel)) found.push_back(heard);
  }
  return found;
}

const Heard* SimClient::ReplyTo(std::uint32_t id) const {
  if (id >= replies_.size() || replies_[id] == 0) return nullptr;
  return &heard_[replies_[id] - 1];
}

std::vector<std::string> SimClient::DataOf(std::string_view channel) const {
  std::vector<std::string> data;
  for (const Heard& heard : heard_) {
    if (heard.kind == Heard::Kind::kPublication && heard.channel == channel) {
      data.push_back(heard.publications.front().data);
    }
  }
  return data;
}

}  // namespace tickcast::shards::sim
