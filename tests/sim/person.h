// Person: one user of a simulated world, with the habits of an SDK.
//
// It keeps what it wants across connections: after a lost connection it connects anew, and where a
// channel has history it recovers from the last offset it saw, as it does when the server has told
// it of a gap (2500). Whatever it receives is held against the audit, so a person that is content
// at the end has got exactly what it was to get.
// Threading: as SimWorld.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "tests/sim/audit.h"
#include "tests/sim/sim_cluster.h"

namespace tickcast::shards::sim {

class Person {
 public:
  Person(SimCluster& cluster, Audit& audit) : cluster_(cluster), audit_(audit) {}
  Person(const Person&) = delete;
  Person& operator=(const Person&) = delete;

  // Opens a connection to shard `id` and asks for all channels it wants, in one frame.
  void Connect(ShardId id);
  bool online() const { return client_ != nullptr; }
  SimClient& client() { return *client_; }

  // What the SDK's user does. All are sent by the next Flush().
  void Want(const std::string& channel);
  void Unwant(const std::string& channel);
  bool wants(const std::string& channel) const;
  // What it asks for with each subscribe to the channel from now on; "" or a JSON object.
  void SetOptions(const std::string& channel, const std::string& options);
  // The same, and of the server at once, by rpc. `members`: all three options, without braces.
  void ChangeOptions(const std::string& channel, const std::string& members);
  void SubscribeTwice(const std::string& channel);  // An error of the user's: 105.
  void Publish(const std::string& channel, std::size_t padding_bytes);
  void ReadHistory(const std::string& channel);
  void AskNonsense();  // Answered at once, by an error.
  void Flush() { client_->Flush(); }

  // From here on the server may close the connection, with one of these codes or without a word.
  void MayBeClosed() { may_be_closed_ = true; }
  // The same, and the user does nothing more with this connection.
  void BeginLeaving() { may_be_closed_ = leaves_ = true; }
  bool leaves() const { return leaves_; }
  // Forgets the connection; what it still receives counts no more.
  void Abandon();

  void OnHeard(const Heard& heard);
  // Notices that the server has ended the connection.
  void CheckEnd();

  // At the end, with everything delivered; `auditor` holds the same channels from a fresh view.
  void CheckContent(const Person& auditor) const;
  std::uint64_t pushes() const { return pushes_; }

 private:
  struct Follow {
    bool wanted = false;
    bool live = false;              // Between the reply to subscribe and the end.
    bool second = false;            // By SubscribeTwice().
    std::deque<std::uint32_t> ops;  // Subscribes and unsubscribes that wait for their replies.
    std::map<Audit::SourceId, std::uint64_t> last;  // Newest number ever received.
    std::map<Audit::SourceId, std::uint64_t> next;  // Streams: since the last subscribing.
    // Numbers up to this one may have been published before the subscribing.
    std::map<Audit::SourceId, std::uint64_t> sent_before;
    std::uint64_t next_offset = 0;  // kLog; 0 = no position yet.
    std::string epoch;
    Payload value;  // kState.
    std::string options;
    std::uint64_t drops = 0;
  };
  struct Pending {
    enum class Kind {
      kConnect,
      kSubscribe,
      kSecondSubscribe,
      kUnsubscribe,
      kPublish,
      kHistory,
      kOptions,
      kNonsense
    };
    Kind kind = Kind::kConnect;
    std::string channel;
    std::uint64_t since = 0;  // A subscribe that recovers.
    bool recover = false;
    bool options = false;  // A subscribe that asked for some.
    Payload payload;
    std::uint32_t error = 0;
    std::uint64_t drops = 0;  // kOptions: of the channel, when it was asked.
  };

  void Expect(std::uint32_t id, Pending pending) { pending_[id] = std::move(pending); }
  void Subscribe(const std::string& channel);
  std::uint32_t AskFor(const std::string& channel, Pending::Kind kind);
  Pending Take(const Heard& heard, Pending::Kind kind);
  void OnError(const Heard& heard);
  void OnSubscribed(const Heard& heard);
  void OnPosition(const std::string& channel, const Pending& asked, const Heard& heard);
  void OnUnsubscribed(const Heard& heard);
  void OnHistory(const Heard& heard);
  void OnPublication(const std::string& channel, const HeardPublication& publication);
  void OnDropped(const Heard& heard);
  void InOrder(Follow& follow, std::uint32_t id);

  SimCluster& cluster_;
  Audit& audit_;
  SimClient* client_ = nullptr;
  bool may_be_closed_ = false;
  bool leaves_ = false;
  std::map<std::string, Follow> follows_;
  std::map<std::string, Audit::SourceId> sources_;  // Of this connection.
  std::map<std::uint32_t, Pending> pending_;
  std::deque<std::uint32_t> answered_at_once_;
  std::uint64_t pushes_ = 0;
};

}  // namespace tickcast::shards::sim
