// Commands: map subscriptions: a client reads a map page by page and is let in with the last one.
//
// Each page is a question to subscribe, which the home answers with a page or, where that was all,
// by letting the client in. Between two pages nothing of the client is in the fan-out; its
// MapReading has what the next one needs.
// Source: client_map.go of github.com/centrifugal/centrifuge, whose order of checks this follows.
#include <algorithm>
#include <utility>

#include "engine/invariant.h"
#include "protocol/centrifuge/map_cursor.h"
#include "protocol/centrifuge/push.h"
#include "protocol/centrifuge/reply.h"
#include "shards/commands.h"

namespace tickcast::shards {

using protocol::DisconnectCode;
using protocol::ErrorCode;
using protocol::SubscribeRequest;

namespace {

constexpr auto kLastPhase = static_cast<std::int32_t>(MapPhase::kState);

bool IsFirstPage(const SubscribeRequest& subscribe) {
  return subscribe.cursor.empty() && subscribe.phase == kLastPhase;
}

}  // namespace

// True: the command was about a map that is being read, and has been answered.
bool Commands::ContinueReading(engine::Slot slot, const Command& command,
                               const engine::Namespace& ns) {
  const SubscribeRequest& subscribe = command.subscribe;
  MapReading* const reading = connections_[slot].session->FindReading(subscribe.channel);
  if (reading == nullptr) {
    // What is subscribed already is told so by others.
    if (subscribe.cursor.empty() || IsToBeSubscribed(slot, subscribe.channel)) return false;
    ReplyError(slot, command.id, ErrorCode::kPermissionDenied);
  } else if (IsFirstPage(subscribe)) {
    ReplyError(slot, command.id, ErrorCode::kAlreadySubscribed);
  } else if (IsOver(*reading)) {
    ForgetReading(slot, subscribe.channel);
    host_.Disconnect(slot, DisconnectCode::kSlow);
  } else if (reading->asking != 0) {
    ReplyError(slot, command.id, ErrorCode::kConcurrentPagination);
  } else if (exchange_.congested(exchange_.HomeOf(subscribe.channel))) {
    FailReading(slot, command, ErrorCode::kTooManyRequests);
  } else {
    AskPage(slot, command, ns, *reading);
  }
  return true;
}

// The client may subscribe to the map, and asks for its first page. Takes over what `reading`
// holds.
void Commands::BeginReading(engine::Slot slot, const Command& command, const engine::Namespace& ns,
                            MapReading reading) {
  const SubscribeRequest& subscribe = command.subscribe;
  const bool has_stream = ns.map.has_stream();
  const auto phase = static_cast<MapPhase>(subscribe.phase);
  std::optional<ErrorCode> refused;
  if (subscribe.phase < 0 || subscribe.phase > kLastPhase) {
    refused = ErrorCode::kBadRequest;
  } else if (phase == MapPhase::kStream && !has_stream) {
    refused = ErrorCode::kBadRequest;
  } else if (phase == MapPhase::kStream && !subscribe.recover) {
    refused = ErrorCode::kPermissionDenied;
  }
  if (refused) {
    filters_.Release(reading.view.filter);
    return ReplyError(slot, command.id, *refused);
  }
  // Who begins with what comes has nothing that a delta could be told against.
  if (phase == MapPhase::kLive && !has_stream) reading.view.delta = false;
  reading.channel = subscribe.channel;
  reading.began_ns = host_.NowNs();
  DropReadingsThatAreOver(slot);
  std::vector<MapReading>& readings = connections_[slot].session->MutableExtras().readings;
  readings.push_back(std::move(reading));
  AskPage(slot, command, ns, readings.back());
}

void Commands::AskPage(engine::Slot slot, const Command& command, const engine::Namespace& ns,
                       MapReading& reading) {
  const SubscribeRequest& subscribe = command.subscribe;
  if (subscribe.phase < 0 || subscribe.phase > kLastPhase) {
    return FailReading(slot, command, ErrorCode::kBadRequest);
  }
  auto page = std::make_unique<MapRequest>();
  page->phase = static_cast<MapPhase>(subscribe.phase);
  page->page_size = ns.map.PageSize(static_cast<std::uint32_t>(std::max(subscribe.limit, 0)));
  if (!subscribe.cursor.empty()) {
    const std::optional<std::string_view> key =
        protocol::ReadMapCursor(subscribe.channel, subscribe.cursor);
    if (!key) return FailReading(slot, command, ErrorCode::kPermissionDenied);
    page->cursor = *key;
  }
  page->has_cut = reading.has_cut;
  page->cut = reading.cut;
  page->goal = reading.goal;
  if (ns.mirrors_feed() && ReplyMirrorPage(slot, command, ns, reading, *page)) return;
  reading.asking = command.id;
  View view = reading.view;
  filters_.Share(view.filter);
  std::unique_ptr<Request> request =
      BeginSubscribe(slot, command, ns, view, reading.terms, reading.wants_terms,
                     reading.details ? &*reading.details : nullptr);
  const bool has_stream = ns.map.has_stream();
  request->recoverable = request->wants_position = has_stream;
  if (page->phase == MapPhase::kState) request->recover = false;
  // Where there are no positions the client knows of no epoch.
  if (!has_stream || (page->phase == MapPhase::kState && subscribe.epoch.empty())) {
    request->since_epoch = reading.epoch;
  }
  request->reply_data = reading.reply_data;
  request->map = std::move(page);
  Ask(std::move(request));
}

// The answer is a page, or lets the client in.
void Commands::AdmitToMap(engine::Slot slot, std::uint32_t subscription, Channel& channel,
                          Request& answer) {
  const Subscription& asked = connections_[slot].subscriptions[subscription];
  const bool leaving = asked.member == Subscription::kLeaving;
  MapReading* const reading =
      leaving ? nullptr : connections_[slot].session->FindReading(answer.channel);
  const bool live = !answer.failed && answer.map->live;
  const Departure departure = live ? Departure::kLeft : Departure::kRefused;
  if (answer.failed) {
    ReplyError(slot, answer.command_id, answer.error);
    if (!leaving) ForgetReading(slot, answer.channel);
  } else if (!ReplyMap(slot, subscription, channel, answer)) {
    return;
  }
  if (leaving) return FinishLeaving(slot, subscription, departure);
  if (!live) {
    if (!answer.failed) {
      INVARIANT(reading != nullptr, "who forgets a reading leaves its subscription");
      reading->asking = 0;
      reading->goal = answer.map->goal;
      if (!std::exchange(reading->has_cut, true)) {
        reading->cut = answer.map->cut;
        reading->epoch = answer.epoch;
      }
    }
    return Remove(slot, subscription, departure);
  }
  std::uint64_t seen = channel.sequence;
  // The pages of a mirror are of different moments. What changed since the first one comes behind
  // the answer, in the lines that all others got, and as fast as the client takes them.
  const bool mirrored = channel.ns->mirrors_feed();
  if (mirrored && reading->has_cut && channel.view.filter == FilterTable::kNone) {
    metrics_.owed.Add(seen - reading->cut);
    seen = reading->cut;
  }
  ForgetReading(slot, answer.channel);
  fan_out_.Join(slot, subscription, seen, /*based=*/seen == channel.sequence);
  Appear(slot, answer.local);
  if (answer.push_join_leave) {
    join_leave_.Watch(answer.local, slot, answer.first_event,
                      channel.view.compact ? answer.channel_id : 0);
  }
}

// False when the connection was closed instead.
bool Commands::ReplyMap(engine::Slot slot, std::uint32_t subscription, const Channel& channel,
                        Request& answer) {
  const engine::Namespace& ns = *channel.ns;
  MapRequest& page = *answer.map;
  const bool mirrored = ns.mirrors_feed();
  std::string_view mirror_page;
  if (mirrored) {
    const std::optional<std::string_view> read = ReadMirror(slot, channel.view, answer);
    if (!read) return false;
    mirror_page = *read;
  }
  if (!ShowState(slot, channel.view, page.state)) return false;
  protocol::SubscribeResult result;
  result.type = static_cast<std::int32_t>(ns.subscription_type);
  if (ns.map.has_stream()) {
    result.epoch = answer.epoch;
    result.offset = answer.offset;
  }
  std::string cursor;
  if (page.live) {
    result.recoverable = ns.map.has_stream();
    result.delta = channel.view.delta;
    // Without positions nobody knows what a client has missed.
    result.recovered = ns.map.has_stream() && answer.recovered;
    result.was_recovering = answer.recover;
    ShowGranted(slot, subscription, channel, answer, result);
  } else {
    result.phase = static_cast<std::int32_t>(page.phase);
    if (!page.cursor.empty()) protocol::AppendMapCursor(answer.channel, page.cursor, cursor);
    result.cursor = cursor;
  }
  result.state = state_views_;
  result.written_state = mirror_page;
  if (!ShowChanges(slot, channel.view, answer.publications)) return false;
  result.publications = views_;
  protocol::AppendSubscribeReply(connections_[slot].form, answer.command_id, result,
                                 connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
  return true;
}

// The keys of a page as the view shows them, valid until the next call. False where one of them is
// nothing that the connection can take: it is closed then.
bool Commands::ShowState(engine::Slot slot, const View& view,
                         std::span<const PublicationRef> state) {
  views_.clear();
  line_maker_.Reset();
  for (const PublicationRef& key : state) {
    if (view.filter != FilterTable::kNone) {
      filters_.Read(key->tags());
      if (!filters_.Matches(view.filter)) continue;
    }
    if (!ShowPublication(slot, view, *key)) return false;
  }
  state_views_.swap(views_);
  return true;
}

// What changed between pages, or while the client was away. A key that the filter does not want any
// more the client may have from before: it is told of a removal.
bool Commands::ShowChanges(engine::Slot slot, const View& view,
                           std::span<const PublicationRef> changes) {
  views_.clear();
  for (const PublicationRef& change : changes) {
    if (view.filter != FilterTable::kNone) {
      filters_.Read(change->tags());
      if (!filters_.Matches(view.filter)) {
        views_.push_back(LineMaker::RemovalOf(view.form, *change, view.delta));
        if (view.address != KeyedAddresses::kNone) {
          views_.back().key = addresses_.KeyOf(view.address, change->channel());
        }
        continue;
      }
    }
    if (!ShowPublication(slot, view, *change)) return false;
  }
  return true;
}

// Adds to views_. What is told whole may be told of any key.
bool Commands::ShowPublication(engine::Slot slot, const View& view,
                               const Publication& publication) {
  if (view.form.encoding == protocol::Encoding::kJson && !publication.is_json()) {
    host_.Disconnect(slot, DisconnectCode::kInappropriateProtocol);
    return false;
  }
  protocol::PublicationView& shown =
      views_.emplace_back(line_maker_.ViewOf(view.form, publication, view.delta, /*base=*/nullptr));
  if (view.address != KeyedAddresses::kNone) {
    shown.key = addresses_.KeyOf(view.address, publication.channel());
  }
  return true;
}

bool Commands::IsOver(const MapReading& reading) {
  const std::uint64_t timeout_ns =
      config_.FindNamespace(reading.channel)->map.subscribe_catch_up_timeout_ns;
  return timeout_ns != 0 && host_.NowNs() - reading.began_ns > timeout_ns;
}

void Commands::FailReading(engine::Slot slot, const Command& command, ErrorCode error) {
  ForgetReading(slot, command.subscribe.channel);
  ReplyError(slot, command.id, error);
}

// Nothing where no map of that name is being read.
void Commands::ForgetReading(engine::Slot slot, std::string_view channel) {
  MapReading* const reading = connections_[slot].session->FindReading(channel);
  if (reading == nullptr) return;
  MapReading over = std::move(*reading);
  std::vector<MapReading>& readings = connections_[slot].session->MutableExtras().readings;
  readings.erase(readings.begin() + (reading - readings.data()));
  filters_.Release(over.view.filter);
  if (over.holds != kNoChannel) ReleaseMirror(over.holds);
}

// Of maps that the client does not want to read to the end: nobody answers it about those.
void Commands::DropReadingsThatAreOver(engine::Slot slot) {
  std::vector<std::string> over;
  for (const MapReading& reading : connections_[slot].session->extras().readings) {
    if (reading.asking == 0 && IsOver(reading)) over.push_back(reading.channel);
  }
  for (const std::string& channel : over) ForgetReading(slot, channel);
}

void Commands::ForgetReadings(engine::Slot slot) {
  if (connections_[slot].session == nullptr) return;
  while (!connections_[slot].session->extras().readings.empty()) {
    ForgetReading(slot, std::string(connections_[slot].session->extras().readings.back().channel));
  }
}

}  // namespace tickcast::shards
