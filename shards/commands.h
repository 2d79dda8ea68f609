// Commands: what clients ask for in the Centrifuge protocol, and the answers to it.
//
// A command that concerns a channel's past or future is a question to the channel's home shard; its
// reply is written when the answer comes back. Everything else is answered at once.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "engine/config.h"
#include "protocol/centrifuge/codes.h"
#include "protocol/centrifuge/command.h"
#include "protocol/centrifuge/reply.h"
#include "protocol/centrifuge/subscription_options.h"
#include "protocol/centrifuge/track_request.h"
#include "protocol/centrifuge/track_signature.h"
#include "shards/channel.h"
#include "shards/channel_access.h"
#include "shards/connection.h"
#include "shards/exchange.h"
#include "shards/fan_out.h"
#include "shards/join_leave.h"
#include "shards/map_presence.h"
#include "shards/mirror.h"
#include "shards/parked.h"
#include "shards/proxies.h"
#include "shards/revocations.h"
#include "shards/token_authority.h"

namespace tickcast::shards {

class Commands {
 public:
  // What commands ask of the shard.
  class Host {
   public:
    virtual ~Host() = default;
    // Ends the connection with a close frame. Its subscriptions are gone when this returns.
    virtual void Disconnect(engine::Slot slot, protocol::DisconnectCode code) = 0;
    // The same with a code and reason of the application's own. REQUIRES: 3000 <= code < 5000.
    virtual void DisconnectAs(engine::Slot slot, std::uint16_t code, std::string_view reason) = 0;
    // A command of a client without replies has failed, which is its connect: ends the connection.
    // `code` is one of ErrorCode, or one of the application's own.
    virtual void RefuseOneWay(engine::Slot slot, std::uint32_t code, std::string_view message) = 0;
    // The connection's input need not be read for now: commands of it wait already …
    virtual void HoldInput(engine::Slot slot) = 0;
    // … and they wait no more.
    virtual void ReleaseInput(engine::Slot slot) = 0;
    // Whether the user of `session`, which the connection is about to get, may have one more. It is
    // counted until the connection ends.
    virtual bool AdmitUser(engine::Slot slot, Session& session) = 0;
    // One more than at the last call on any shard.
    virtual std::uint64_t NextSessionNumber() = 0;
    // The connect command succeeded: pings begin.
    virtual void OnConnected(engine::Slot slot) = 0;
    // The connection's deadlines have changed: NextDueNs().
    virtual void OnDeadlines(engine::Slot slot) = 0;
    // Wall-clock time since 1970, for tokens.
    virtual std::int64_t UnixMs() = 0;
    std::int64_t UnixSeconds() { return UnixMs() / 1000; }
    virtual std::uint64_t NowNs() = 0;
    // A home has answered one of the questions that SubscribeByServer() asked; whoever it was for
    // may be gone.
    virtual void OnSubscribedByServer(const Request& answer) = 0;
    // Of this process, as clients name it to /emulation.
    virtual const std::string& NodeUid() const = 0;
    // Of the versions that this process gives to tracked keys.
    virtual std::string_view TrackEpoch() const = 0;
  };

  Commands(const engine::Config& config, ConnectionTable& connections, ChannelTable& channels,
           FilterTable& filters, const KeyedAddresses& addresses, FanOut& fan_out,
           JoinLeave& join_leave, Exchange& exchange, ShardMetrics& metrics, Proxies& proxies,
           const TokenAuthority& tokens, Host& host, std::uint64_t seed);

  // One text frame of a WebSocket connection. REQUIRES: kJsonPaddingBytes readable behind it.
  void OnFrame(engine::Slot slot, std::string_view frame);

  // An answer of a home shard to a session's question. The asker may be gone.
  void OnAnswer(std::unique_ptr<Request> answer);

  // What a backend answered, to a command or to the server itself, or null: none came. The asker
  // may be gone.
  void OnProxyAnswer(const Proxies::Question& question, const protocol::ProxyAnswer* answer);

  // Runs the command of a connection that waits again, and what was sent behind it. The connection
  // may be gone: then nothing waits. See Wait().
  void RunAgain(engine::Slot slot, std::uint32_t generation);

  // Whether a command of the connection waits for somebody else's answer.
  bool waits(engine::Slot slot) const { return parked_.Holds(slot); }

  // How far SubscribeByServer() has come when it returns.
  enum class ByServer : std::uint8_t {
    kAsked,    // The home answers.
    kDone,     // There is nothing to wait for.
    kFailed,   // It cannot be.
    kTooBusy,  // The way to the home is full.
  };

  // What the server does to a connection unasked (commands_server.cc). Each tells the client.
  // Ends its subscription to `channel` with 2000, one that is being made as soon as it is.
  void UnsubscribeByServer(engine::Slot slot, std::string_view channel);
  // Subscribes it to `channel`, which has a namespace: the client is told by a push when the home
  // has answered, and then Host::OnSubscribedByServer() is called with `place`. One that is
  // subscribed already stays so.
  ByServer SubscribeByServer(engine::Slot slot, std::string_view channel,
                             const UserRequest& subscribe, std::uint32_t place);
  // Ends the subscriptions that were made with a token that is not believed any more.
  void DropRevokedSubscriptions(engine::Slot slot);
  // Whether the token that the session connected with has been revoked since.
  bool HoldsRevokedToken(const Session& session);
  // Sets when its credentials end, or ends the connection where that has passed.
  void RefreshByServer(engine::Slot slot, const UserRequest& refresh);

  // Ends all subscriptions of a connection that closes. `may_return`: it was lost rather than
  // ended, so channels with a grace keep its place. What waits is forgotten.
  void LeaveAll(engine::Slot slot, bool may_return);
  // Looks after commands that wait for keys, and forgets old revocations. Some times a second.
  void RetryTokens();

  // Who is kept in maps of who is present is told to their homes again. Some times a second.
  void RefreshPresent();
  // Subscriptions whose clients are kept there.
  std::size_t present_count() const { return map_presence_.size(); }

  // When something that the connection was granted ends, monotonic; 0 = never.
  std::uint64_t NextDueNs(engine::Slot slot);
  // Ends what has. False when that was the connection.
  bool OnDue(engine::Slot slot);

  // Whom this shard does not believe any more.
  Revocations& revocations() { return revocations_; }

  // A slot that maps of this shard mirror has another value; they take it with FeedMirrors().
  void OnSlotChanged(ChannelIndex slot);
  // Brings mirrors up to date. Once a turn, before the flush.
  void FeedMirrors();
  bool feeds_mirrors() const { return !changed_slots_.empty(); }
  // An answer of a home to a question of a mirror, and what it tells of unasked.
  void OnMirrorAnswer(const Request& answer);
  void OnNewSlot(ChannelIndex map, std::uint32_t generation, std::string_view slot);

  // A map is not what its subscribers know of it: they subscribe again.
  void OnReset(ChannelIndex channel, std::uint32_t generation);

  // A slot has a value, which clients with an older one have waited for. REQUIRES: a primary.
  void AdmitWaiting(ChannelIndex slot);

  // A blocked connection lost publications of a stream: it has left the group already.
  void OnGap(engine::Slot slot, ChannelIndex channel);

  // Tells the client how far it is behind: its level, and how many values newer ones replaced.
  void TellPressure(engine::Slot slot);

  // Values that newer ones replaced in the pulls of the connection's present subscriptions.
  std::uint64_t ConflatedOf(engine::Slot slot) const;

 private:
  using Command = protocol::Command;
  // A command that waits for the keys that its token names.
  struct KeysWaiter {
    engine::Slot slot;
    std::uint32_t generation;
    const TokenChecker* checker;
    std::size_t realm;    // Whose keys they are, …
    std::uint64_t tries;  // … and of their source, when it began.
    std::uint64_t until_ns;
  };

  enum class TokenVerdict : std::uint8_t {
    kGood,
    kInvalid,   // The caller says so.
    kAnswered,  // The client has been told, or closed, or the command waits.
  };

  // How a subscription ends, for those who are told.
  enum class Departure : std::uint8_t {
    kLeft,     // The client or a backend wants it so.
    kLost,     // It may be back soon.
    kRefused,  // It never was there.
  };
  void RunFrame(engine::Slot slot, std::string_view frame);
  // The running command cannot be decided yet: it is run again, from its start, by RunAgain(), and
  // what the connection sends meanwhile waits behind it (shards/parked.h).
  void Wait() { command_waits_ = true; }

  // False when the connection was ended and the rest of the frame must not be run.
  bool Run(engine::Slot slot, const Command& command);
  bool RunConnected(engine::Slot slot, const Command& command);
  // Connecting (commands_connect.cc).
  void NameSession(engine::Slot slot, Session& session, protocol::ConnectResult& result);
  void Connect(engine::Slot slot, const Command& command);
  protocol::JwtResult CheckToken(engine::Slot slot, TokenChecker& checker, std::string_view token,
                                 protocol::JwtClaims& claims);
  void ConnectAnonymously(engine::Slot slot);
  void ConnectByHeader(engine::Slot slot);
  void CheckConnectToken(engine::Slot slot, std::string_view token);
  bool TakeConnectClaims(engine::Slot slot, const protocol::JwtClaims& claims);
  bool AddTokenSubscription(engine::Slot slot, const protocol::TokenSubscription& sub);
  bool AddAskedSubscriptions(engine::Slot slot);
  ServerSubscription* AddServerSubscription(engine::Slot slot, std::string_view channel,
                                            const engine::Namespace& ns);
  void ContinueConnect(engine::Slot slot);
  void AskServerSide(engine::Slot slot, ServerSubscription& sub, std::uint32_t id);
  void AdmitServerSide(engine::Slot slot, std::uint32_t subscription, Channel& channel,
                       Request& answer);
  bool ConnectIsAnswered(engine::Slot slot) const;
  std::optional<protocol::DisconnectCode> RevokedMeanwhile(const Session& session);
  void FinishConnect(engine::Slot slot);
  void FailConnect(engine::Slot slot, protocol::ErrorCode error);
  // Whether a user's newest connection ends its others (commands_server.cc).
  bool AllowsOneConnection(engine::Slot slot);
  bool SomeShardIsCongested() const;
  void EndOlderConnections(engine::Slot slot);
  static SubscriptionDetails DetailsBy(const engine::Namespace& ns);
  static void Override(const protocol::SubscriptionOverride& by, SubscriptionDetails& details);

  // What was granted, and until when (commands_refresh.cc).
  void Refresh(engine::Slot slot, const Command& command);
  void SubRefresh(engine::Slot slot, const Command& command);
  bool ChannelsChanged(engine::Slot slot, const protocol::JwtClaims& claims);
  TokenVerdict CheckSubscriptionToken(engine::Slot slot, std::uint32_t id, std::string_view token,
                                      std::string_view channel, protocol::JwtClaims& claims);
  bool EndSubscription(engine::Slot slot, ChannelIndex channel, protocol::UnsubscribeCode code);
  // What has expired ends: the subscription, or the connection where the server made it. False when
  // its home has not answered yet.
  bool ExpireSubscription(engine::Slot slot, const SubscriptionDetails& details);
  // Of a subscription, made where it has none.
  SubscriptionDetails& DetailsFor(engine::Slot slot, ChannelIndex channel);
  std::uint64_t MonotonicAfter(std::int64_t seconds);
  std::uint32_t SecondsUntil(std::uint64_t deadline_ns);
  bool IsRevoked(const protocol::JwtClaims& claims) {
    return revocations_.IsRevoked(claims, host_.UnixSeconds());
  }
  bool IsBlocked(std::string_view user) {
    return revocations_.IsBlocked(user, host_.UnixSeconds());
  }

  void Subscribe(engine::Slot slot, const Command& command);
  TokenVerdict MaySubscribe(engine::Slot slot, const Command& command, const engine::Namespace& ns,
                            SubscriptionDetails& details);
  std::unique_ptr<Request> BeginSubscribe(engine::Slot slot, const Command& command,
                                          const engine::Namespace& ns, const View& view,
                                          const Terms& terms, bool wants_terms,
                                          const SubscriptionDetails* details);
  bool MaySubscribeSoon(engine::Slot slot);
  bool MayRunSoon(engine::Slot slot, const Command& command);
  bool RefuseTooSoon(engine::Slot slot, const Command& command);
  void AddSubscription(engine::Slot slot, const Subscription& subscription);
  void Unsubscribe(engine::Slot slot, const Command& command);
  void Publish(engine::Slot slot, const Command& command);
  protocol::ClientInfo InfoOf(engine::Slot slot, std::string_view channel);
  void History(engine::Slot slot, const Command& command);
  bool OwesTooMuch(engine::Slot slot);
  bool Pong(engine::Slot slot);

  // Writing into maps (commands_map_publish.cc).
  static constexpr std::int32_t kMapPublish = 1;  // PublishRequest::type.
  void PublishKey(engine::Slot slot, const Command& command, const engine::Namespace& ns);
  const protocol::ProxyAnswer* DecideKey(engine::Slot slot, const Command& command,
                                         const engine::Namespace& ns);
  void AskToPublishKey(engine::Slot slot, const Command& command, const engine::Namespace& ns,
                       std::string_view key, const protocol::ProxyAnswer* decision);
  void AskToRemoveKey(engine::Slot slot, const Command& command, std::string_view key,
                      const protocol::ProxyAnswer* decision);

  // Keys that stand and fall with subscriptions (commands_map_presence.cc).
  void Appear(engine::Slot slot, ChannelIndex channel);
  void AppearInAll(engine::Slot slot);
  void Disappear(engine::Slot slot, ChannelIndex channel);
  void TellPresent(engine::Slot slot, ChannelIndex channel);
  void KeepKeyUnasked(const std::string& channel, const std::string& key,
                      const protocol::ClientInfo* info);
  void RemoveKeyUnasked(const std::string& channel, const std::string& key);
  std::unique_ptr<Request> NewUnasked(Request::Kind kind, const std::string& channel,
                                      const std::string& key);

  // Members of channels (commands_presence.cc).
  void Presence(engine::Slot slot, const Command& command);
  void OnPresence(const Request& answer);
  void AskForPlace(engine::Slot slot, const Command& command, const engine::Namespace& ns,
                   Request& request);
  // `answered`: the home has, so it counts the client as a subscriber.
  void Part(engine::Slot slot, ChannelIndex view, Departure departure, bool answered);
  void GiveBackPlace(const Request& answer);

  // Keys that clients track (commands_track.cc).
  using TrackedKeys = absl::flat_hash_map<ChannelIndex, std::uint32_t>;
  struct WantedKey {
    std::string_view key;
    std::uint64_t version;  // What the client has of it.
    std::size_t batch;      // Whose signature counts.
  };
  // Each key once, in the order in which they came first.
  struct WantedKeys {
    std::vector<WantedKey> list;
    absl::flat_hash_map<std::string_view, std::size_t> places;

    void Add(const WantedKey& wanted) {
      const auto [known, is_new] = places.try_emplace(wanted.key, list.size());
      if (is_new) {
        list.push_back(wanted);
      } else {
        list[known->second] = wanted;
      }
    }
  };
  void BeginTracking(engine::Slot slot, const Command& command, const engine::Namespace& ns,
                     ChannelIndex channel);
  void EndTracking(engine::Slot slot, ChannelIndex channel);
  void SubRefreshKeys(engine::Slot slot, const Command& command);
  void Track(engine::Slot slot, const Command& command, Tracking& tracking, const Terms& terms);
  void Untrack(engine::Slot slot, const Command& command, Tracking& tracking);
  TrackedKeys KeysOf(engine::Slot slot, const Tracking& tracking);
  bool IsKeyOf(engine::Slot slot, const Subscription& subscription, const Tracking& tracking);
  std::size_t CountTracked(const Tracking& tracking, const TrackedKeys& known,
                           const WantedKeys& wanted,
                           const absl::flat_hash_set<std::string_view>& untracked);
  std::string_view KeyOf(const Tracking& tracking, ChannelIndex view);
  std::optional<protocol::ErrorCode> CheckSignatures(engine::Slot slot, const Tracking& tracking,
                                                     std::span<const protocol::TrackBatch> batches,
                                                     std::vector<std::int64_t>& expires_s);
  ChannelIndex TrackKey(engine::Slot slot, const Command& command, const Tracking& tracking,
                        const Terms& terms, std::string_view key, std::uint64_t version,
                        const TrackedKeys& known);
  void ShowKey(const Tracking& tracking, const Publication& publication, std::string_view key);
  // A key whose client has a version, of a slot without a value yet.
  struct KeyWaiter {
    engine::Slot slot;
    std::uint32_t command_id;  // As in Subscription::seen.
    std::uint64_t version;
  };
  void JoinKey(engine::Slot slot, std::uint32_t subscription, std::uint64_t version);
  bool ForgetWaiting(engine::Slot slot, const Subscription& key);
  void AdmitKey(engine::Slot slot, std::uint32_t subscription, const Channel& channel,
                const Request& answer);
  void ReplyTracked(engine::Slot slot, const Command& command,
                    std::span<const std::int64_t> expires_s);
  void UntrackKeys(engine::Slot slot, Tracking& tracking, std::span<const std::string_view> keys,
                   TrackedKeys& known);
  void RemoveKey(engine::Slot slot, std::uint32_t place, TrackedKeys& known);
  void SetTerms(engine::Slot slot, std::uint32_t subscription, const Terms& terms);
  bool IsKey(const Subscription& subscription);
  std::size_t ChannelCount(engine::Slot slot);
  std::uint64_t ConflatedOfKeys(engine::Slot slot, ChannelIndex channel);
  std::uint64_t NextKeyExpiryNs(engine::Slot slot);
  void ExpireKeys(engine::Slot slot);

  // Maps (commands_map.cc).
  bool ContinueReading(engine::Slot slot, const Command& command, const engine::Namespace& ns);
  void BeginReading(engine::Slot slot, const Command& command, const engine::Namespace& ns,
                    MapReading reading);
  void AskPage(engine::Slot slot, const Command& command, const engine::Namespace& ns,
               MapReading& reading);
  void AdmitToMap(engine::Slot slot, std::uint32_t subscription, Channel& channel, Request& answer);
  bool ReplyMap(engine::Slot slot, std::uint32_t subscription, const Channel& channel,
                Request& answer);
  bool ShowState(engine::Slot slot, const View& view, std::span<const PublicationRef> state);
  bool ShowChanges(engine::Slot slot, const View& view, std::span<const PublicationRef> changes);
  bool ShowPublication(engine::Slot slot, const View& view, const Publication& publication);
  bool IsOver(const MapReading& reading);
  void FailReading(engine::Slot slot, const Command& command, protocol::ErrorCode error);
  void ForgetReading(engine::Slot slot, std::string_view channel);
  void ForgetReadings(engine::Slot slot);
  void DropReadingsThatAreOver(engine::Slot slot);

  // Maps over feeds (commands_mirror.cc).
  using Mirrors = absl::flat_hash_map<ChannelIndex, std::unique_ptr<Mirror>>;
  bool MirrorIsReady(engine::Slot slot, std::string_view channel, const engine::Namespace& ns);
  Mirrors::iterator BeginMirror(ChannelIndex index, const engine::Namespace& ns);
  Mirrors::iterator FindMirror(ChannelIndex map, std::uint32_t generation);
  std::unique_ptr<Request> MirrorQuestion(ChannelIndex map);
  void MirrorSlot(ChannelIndex map, std::string_view name);
  void OnMirroredSlot(const Request& answer);
  void ShowSlot(ChannelIndex map, ChannelIndex slot);
  void CountAnswer(Mirrors::iterator found);
  void TakeSlot(ChannelIndex map, ChannelIndex index);
  bool ReplyMirrorPage(engine::Slot slot, const Command& command, const engine::Namespace& ns,
                       MapReading& reading, const MapRequest& asked);
  const Mirror::Page* PageOf(engine::Slot slot, Mirror& mirror, ChannelIndex map, const View& view,
                             std::string_view cursor, std::size_t limit);
  bool CollectPage(ChannelIndex map, const Mirror& mirror, std::string_view cursor,
                   std::size_t limit);
  std::optional<std::string_view> ReadMirror(engine::Slot slot, const View& view, Request& answer);
  void ReleaseMirror(ChannelIndex map);
  // The mirror stays while a backend decides about a connection's command; at most one each.
  void HoldMirror(engine::Slot slot, std::string_view channel);
  // Its command runs again, or the connection is gone.
  void LetMirrorGo(engine::Slot slot);
  void EndMirror(ChannelIndex map);

  // Views (commands_view.cc).
  static bool AllowsFossil(const engine::Namespace& ns);
  View WholeView(engine::Slot slot) const;
  bool ChooseView(engine::Slot slot, const Command& command, const engine::Namespace& ns,
                  View& view);
  ChannelIndex FindOrAddView(ChannelIndex primary, const View& view);
  void GoLive(ChannelIndex primary, std::uint64_t sequence, PublicationRef newest);
  void ShowNewest(const Channel& channel, ChannelIndex index);
  void SetPayload(std::string_view data, bool is_json, PublicationDraft& draft);
  bool ShowPublications(engine::Slot slot, const View& view,
                        std::span<const PublicationRef> publications);

  // Our own options (commands_options.cc).
  Terms Grant(const engine::Namespace& ns, const protocol::SubscriptionOptions& options) const;
  void SubscribeAgain(engine::Slot slot, const Command& command, std::uint32_t subscription,
                      const Terms& terms);
  std::string_view WriteTerms(engine::Slot slot, std::uint32_t subscription);
  void Rpc(engine::Slot slot, const Command& command);
  void ChangeOptions(engine::Slot slot, const Command& command);
  void ReplyStats(engine::Slot slot, const Command& command);

  // Renewal by a backend (commands_renewal.cc).
  void AskToRefresh(engine::Slot slot);
  void AskToSubRefresh(engine::Slot slot, SubscriptionDetails& details);
  void OnRenewal(const Proxies::Question& question, const protocol::ProxyAnswer* answer);
  // Null: none came.
  void TakeRefreshAnswer(engine::Slot slot, const protocol::ProxyAnswer* answer);
  void TakeSubRefreshAnswer(engine::Slot slot, SubscriptionDetails& details,
                            const protocol::ProxyAnswer* answer);

  // Backends (commands_proxy.cc, commands_connect_proxy.cc).
  // What the named proxy decided on the running command. Null: it has been asked just now and the
  // command waits, or the client has been told why not, by an error or by closing.
  const protocol::ProxyAnswer* Decide(engine::Slot slot, const Command& command,
                                      protocol::ProxyKind kind, std::string_view proxy_name,
                                      protocol::ProxyRequest request);
  // `request` as it is for the connection's transport.
  Proxies::Begun AskProxy(std::string_view proxy_name, Proxies::Question question,
                          protocol::ProxyRequest request);
  const protocol::ProxyAnswer* TakeDecision(engine::Slot slot, const Command& command);
  void ReplyErrorOf(engine::Slot slot, std::uint32_t id, const protocol::ProxyAnswer& answer);
  void ConnectByProxy(engine::Slot slot, const Command& command);
  // False when the connect was refused.
  bool TakeConnectAnswer(engine::Slot slot, const protocol::ProxyAnswer& answer);
  bool AddProxySubscription(engine::Slot slot, const protocol::ProxySubscription& sub);
  void RpcByProxy(engine::Slot slot, const Command& command);
  // Whether it is a backend that says who may subscribe.
  bool AsksBackend(const engine::Namespace& ns, const protocol::SubscribeRequest& subscribe) const;
  const protocol::ProxyAnswer* DecideSubscribe(engine::Slot slot, const Command& command,
                                               const engine::Namespace& ns,
                                               SubscriptionDetails& details);
  static void ApplyDecision(const protocol::ProxyAnswer& decision, const engine::Namespace& ns,
                            Request& request);
  const protocol::ProxyAnswer* DecidePublish(engine::Slot slot, const Command& command,
                                             const engine::Namespace& ns);
  static void ApplyDecision(const protocol::ProxyAnswer& decision, PublicationDraft& draft,
                            Request& request);
  bool CanTake(engine::Slot slot, const protocol::ProxyBytes& bytes) const;

  void OnSubscribed(Request& answer);
  void Admit(engine::Slot slot, std::uint32_t subscription, Channel& channel, Request& answer);
  static protocol::SubscribeResult PositionOf(const Request& answer);
  void ShowGranted(engine::Slot slot, std::uint32_t subscription, const Channel& channel,
                   const Request& answer, protocol::SubscribeResult& result);
  bool ReplySubscribed(engine::Slot slot, std::uint32_t subscription, const Channel& channel,
                       const Request& answer);
  bool PushSubscribed(engine::Slot slot, const Channel& channel, const Request& answer);
  void FinishLeaving(engine::Slot slot, std::uint32_t subscription, Departure departure);
  void TellUnsubscribed(engine::Slot slot, ChannelIndex channel, protocol::UnsubscribeCode code);
  void PushUnsubscribed(engine::Slot slot, std::string_view channel,
                        protocol::UnsubscribeCode code);
  void OnPublished(const Request& answer);
  void OnHistory(const Request& answer);

  void ReplyError(engine::Slot slot, std::uint32_t id, protocol::ErrorCode error);
  void ReplyError(engine::Slot slot, std::uint32_t id, protocol::ErrorCode error,
                  std::string_view message);
  void Remove(engine::Slot slot, std::uint32_t subscription, Departure departure,
              bool answered = true);
  void RemoveAll(engine::Slot slot, Departure departure);
  void DropIfUnused(ChannelIndex index);
  std::unique_ptr<Request> NewRequest(engine::Slot slot, const Command& command, Request::Kind kind,
                                      std::string_view channel);
  void Ask(std::unique_ptr<Request> request);
  // Whether who asked can still be told: not gone, and no close frame sent.
  bool Listens(const Request& answer);
  // Index of the connection's subscription to the primary `channel` (any view) that it has not
  // left, or its number of subscriptions.
  std::uint32_t FindSubscription(engine::Slot slot, ChannelIndex channel);
  // The same of the subscription, left or not, that waits for this answer.
  std::uint32_t FindAsking(engine::Slot slot, const Request& answer);
  bool IsSubscribed(engine::Slot slot, std::string_view channel);
  bool IsToBeSubscribed(engine::Slot slot, std::string_view channel);
  std::string NewClientId();

  const engine::Config& config_;
  ConnectionTable& connections_;
  ChannelTable& channels_;
  FilterTable& filters_;
  FanOut& fan_out_;
  JoinLeave& join_leave_;
  Exchange& exchange_;
  ShardMetrics& metrics_;
  Proxies& proxies_;
  Host& host_;
  protocol::CommandParser parser_;
  const ChannelAccess access_;
  TokenChecker connection_tokens_;
  TokenChecker subscription_tokens_;
  Revocations revocations_;
  std::vector<KeysWaiter> waiting_for_keys_;
  std::mt19937_64 random_;
  protocol::SubscriptionOptionsParser options_;
  MapPresence map_presence_;
  Parked parked_;
  bool command_waits_ = false;  // Set by the running command.
  bool again_ = false;          // The running command has waited.
  // What it has waited for, where that was a backend.
  struct Decision {
    const protocol::ProxyAnswer* answer;  // Null: none came.
    std::string_view client;              // Of a connect: the id that the backend was told.
  };
  const Decision* decision_ = nullptr;
  std::string info_;  // Scratch.

  protocol::TagFilterParser filter_parser_;
  const KeyedAddresses& addresses_;
  LineMaker line_maker_;
  protocol::TrackRequestParser track_parser_;
  protocol::TrackSignatureVerifier track_verifier_;
  absl::flat_hash_map<ChannelIndex, std::vector<KeyWaiter>> waiting_keys_;  // By their view.
  Mirrors mirrors_;                                                         // By their maps.
  absl::flat_hash_map<engine::Slot, ChannelIndex> held_mirrors_;            // See HoldMirror().
  std::vector<ChannelIndex> changed_slots_;  // Whose mirrors have not taken their values yet.
  std::vector<PublicationRef> page_;         // Scratch.
  Mirror::Page filtered_page_;               // Scratch.
  std::vector<protocol::PublicationView> state_views_;  // See ShowState().
  std::string slot_name_;                               // Scratch.
  std::vector<protocol::PublicationView> views_;        // See ShowPublications().
  std::string one_line_;                                // See SetPayload().
  std::string terms_;
};

}  // namespace tickcast::shards
