// Commands: maps over a feed, mirrored on each shard that has subscribers to them (mirror.h).
//
// The mirror begins with a question to every home: which slots are there. From then on the homes
// tell of new ones too, and each slot is subscribed to like a tracked key. Clients' commands wait
// until all of the first ones have their values.
#include <algorithm>
#include <limits>
#include <utility>

#include "engine/invariant.h"
#include "protocol/centrifuge/map_cursor.h"
#include "protocol/centrifuge/reply.h"
#include "shards/commands.h"

namespace tickcast::shards {

namespace {

// Of one state of a mirror, in all forms, for all sizes that clients ask for.
constexpr std::size_t kPagesKept = 64;

}  // namespace

// False: the command waits for it.
bool Commands::MirrorIsReady(engine::Slot slot, std::string_view channel,
                             const engine::Namespace& ns) {
  ChannelIndex index = channels_.Find(channel);
  if (index == kNoChannel) index = channels_.Add(channel, &ns, exchange_.HomeOf(channel));
  auto found = mirrors_.find(index);
  if (found == mirrors_.end()) found = BeginMirror(index, ns);
  Mirror& mirror = *found->second;
  if (mirror.ready) return true;
  mirror.waiting.push_back({slot, connections_.generation(slot)});
  Wait();
  return false;
}

Commands::Mirrors::iterator Commands::BeginMirror(ChannelIndex index, const engine::Namespace& ns) {
  Channel& channel = channels_[index];
  channels_.SetNewest(index, channel, 0, {});
  channels_.SetLive(channel);
  // It stays until everybody has been let in who waits.
  ++channel.asking;
  const auto mirror = mirrors_.emplace(index, std::make_unique<Mirror>(*channel.map)).first;
  mirror->second->prefix = addresses_.SlotPrefix(ns, channel.name);
  mirror->second->pending = exchange_.shards();
  for (ShardId home = 0; home < exchange_.shards(); ++home) {
    exchange_.Send(home, {.kind = Message::Kind::kAsk, .request = MirrorQuestion(index)});
  }
  return mirror;
}

// Which slots there are, or, as a farewell, that nobody here wants to know any more.
std::unique_ptr<Request> Commands::MirrorQuestion(ChannelIndex map) {
  auto request = std::make_unique<Request>();
  request->kind = Request::Kind::kMirror;
  request->asker = Request::Asker::kMirror;
  request->origin = exchange_.self();
  request->channel = mirrors_.find(map)->second->prefix;
  request->local = map;
  request->local_generation = channels_.generation(map);
  return request;
}

// An answer to a mirror's question: which slots a home has, or the value of one.
void Commands::OnMirrorAnswer(const Request& answer) {
  if (answer.kind == Request::Kind::kSubscribe) return OnMirroredSlot(answer);
  const auto found = FindMirror(answer.local, answer.local_generation);
  if (found == mirrors_.end()) return;
  for (const PublicationRef& newest : answer.publications) {
    MirrorSlot(found->first, newest->channel());
  }
  CountAnswer(found);
}

// A slot that was not there when the mirror began.
void Commands::OnNewSlot(ChannelIndex map, std::uint32_t generation, std::string_view slot) {
  if (FindMirror(map, generation) != mirrors_.end()) MirrorSlot(map, slot);
}

Commands::Mirrors::iterator Commands::FindMirror(ChannelIndex map, std::uint32_t generation) {
  return channels_.Find(map, generation) == nullptr ? mirrors_.end() : mirrors_.find(map);
}

void Commands::MirrorSlot(ChannelIndex map, std::string_view name) {
  Mirror& mirror = *mirrors_.find(map)->second;
  ChannelIndex index = channels_.Find(name);
  if (index == kNoChannel) {
    const engine::Namespace& ns = addresses_.SlotNamespace(*channels_[map].ns);
    index = channels_.Add(name, &ns, exchange_.HomeOf(name));
  }
  Channel& slot = channels_[index];
  if (std::find(slot.mirrors.begin(), slot.mirrors.end(), map) != slot.mirrors.end()) return;
  slot.mirrors.push_back(map);
  mirror.slots.push_back(index);
  if (slot.live) return ShowSlot(map, index);
  ++slot.asking;
  if (!mirror.ready) ++mirror.pending;
  auto request = std::make_unique<Request>();
  request->asker = Request::Asker::kMirror;
  request->origin = exchange_.self();
  request->channel = name;
  request->local = request->view = index;
  request->local_generation = channels_.generation(index);
  request->tracked = true;
  // Whose it is comes back with it.
  request->slot = map;
  request->generation = channels_.generation(map);
  Ask(std::move(request));
}

void Commands::OnMirroredSlot(const Request& answer) {
  Channel* const slot = channels_.Find(answer.local, answer.local_generation);
  INVARIANT(slot != nullptr, "a channel stays while a question about it is on its way");
  --slot->asking;
  if (!answer.failed && !slot->live) {
    GoLive(answer.local, answer.sequence,
           answer.publications.empty() ? PublicationRef() : answer.publications.front());
  }
  const auto mirror = FindMirror(answer.slot, answer.generation);
  if (mirror == mirrors_.end()) return DropIfUnused(answer.local);
  ShowSlot(mirror->first, answer.local);
  CountAnswer(mirror);
}

// A slot is live. Where there are subscribers it waits for the turn's other changes: a flush may be
// under way.
void Commands::ShowSlot(ChannelIndex map, ChannelIndex slot) {
  if (mirrors_.find(map)->second->ready) return OnSlotChanged(slot);
  TakeSlot(map, slot);
}

void Commands::CountAnswer(Mirrors::iterator found) {
  Mirror& mirror = *found->second;
  if (mirror.ready || --mirror.pending > 0) return;
  mirror.ready = true;
  const ChannelIndex map = found->first;
  const std::vector<Mirror::Waiter> waiting = std::move(mirror.waiting);
  for (const Mirror::Waiter& waiter : waiting) RunAgain(waiter.slot, waiter.generation);
  --channels_[map].asking;
  DropIfUnused(map);
}

// A slot that is mirrored has another value, or its first.
void Commands::OnSlotChanged(ChannelIndex index) {
  Channel& slot = channels_[index];
  if (slot.mirrors.empty() || std::exchange(slot.mirror_due, true)) return;
  changed_slots_.push_back(index);
}

// Before the flush: of each slot the newest value of this turn.
void Commands::FeedMirrors() {
  for (const ChannelIndex index : changed_slots_) {
    // Another channel may have its place by now.
    if (!std::exchange(channels_[index].mirror_due, false)) continue;
    for (const ChannelIndex map : channels_[index].mirrors) TakeSlot(map, index);
  }
  changed_slots_.clear();
}

void Commands::TakeSlot(ChannelIndex map, ChannelIndex index) {
  const Channel& slot = channels_[index];
  if (!slot.newest) return;
  Channel& channel = channels_[map];
  const KeyLog& keys = channel.map->keys();
  const KeyLog::Index known = keys.Find(slot.name);
  if (known == KeyLog::kNone) {
    fan_out_.ApplyKey(map, channel, slot.newest, {});
    mirrors_.find(map)->second->in_order.insert(keys.Find(slot.name));
  } else if (keys.publication(known).get() != slot.newest.get()) {
    fan_out_.ApplyKey(map, channel, slot.newest, PublicationRef(keys.publication(known)));
  }
}

// Answers with one of several pages, as it is here. False: it is the last one, or none, and the
// home has to let the client in.
bool Commands::ReplyMirrorPage(engine::Slot slot, const Command& command,
                               const engine::Namespace& ns, MapReading& reading,
                               const MapRequest& asked) {
  const ChannelIndex map = channels_.Find(reading.channel);
  const auto found = map == kNoChannel ? mirrors_.end() : mirrors_.find(map);
  INVARIANT(found != mirrors_.end(), "who reads a mirror holds it");
  if (reading.holds == kNoChannel) {
    reading.holds = map;
    ++channels_[map].asking;
  }
  reading.cursor = asked.cursor;
  if (asked.phase != MapPhase::kState) return false;
  if (!std::exchange(reading.has_cut, true)) reading.cut = channels_[map].sequence;
  const Mirror::Page* const page =
      PageOf(slot, *found->second, map, reading.view, asked.cursor, asked.page_size);
  if (page == nullptr) return true;
  if (page->last.empty()) return false;
  std::string cursor;
  protocol::AppendMapCursor(reading.channel, page->last, cursor);
  protocol::SubscribeResult result;
  result.type = static_cast<std::int32_t>(ns.subscription_type);
  result.phase = static_cast<std::int32_t>(MapPhase::kState);
  result.cursor = cursor;
  result.written_state = page->bytes;
  protocol::AppendSubscribeReply(connections_[slot].form, command.id, result,
                                 connections_.NewLine(slot));
  fan_out_.OwesReplies(slot);
  return true;
}

// Up to `limit` keys behind `cursor`, written once for all who ask while nothing changes. Valid
// until the next call. Null: the connection cannot take them, and was closed.
const Mirror::Page* Commands::PageOf(engine::Slot slot, Mirror& mirror, ChannelIndex map,
                                     const View& view, std::string_view cursor, std::size_t limit) {
  if (mirror.pages_sequence != channels_[map].sequence || mirror.pages.size() == kPagesKept) {
    mirror.pages.clear();
    mirror.pages_sequence = channels_[map].sequence;
  }
  const protocol::Encoding encoding = view.form.encoding;
  const bool as_text = view.line_form().escaped;
  const bool shared = view.filter == FilterTable::kNone;
  for (const Mirror::Page& known : mirror.pages) {
    if (shared && known.encoding == encoding && known.as_text == as_text && known.limit == limit &&
        known.cursor == cursor) {
      return &known;
    }
  }
  const bool whole = CollectPage(map, mirror, cursor, limit);
  if (!ShowState(slot, view, page_)) return nullptr;
  Mirror::Page& page = shared ? mirror.pages.emplace_back() : filtered_page_;
  page = {.encoding = encoding,
          .as_text = as_text,
          .limit = limit,
          .cursor = std::string(cursor),
          .bytes = {},
          .last = {}};
  if (!state_views_.empty()) protocol::AppendState(encoding, state_views_, page.bytes);
  if (!whole) page.last = page_.back()->channel().substr(mirror.prefix.size());
  return &page;
}

// Puts up to `limit` keys behind `cursor` into page_. True where none follow.
bool Commands::CollectPage(ChannelIndex map, const Mirror& mirror, std::string_view cursor,
                           std::size_t limit) {
  const KeyLog& keys = channels_[map].map->keys();
  slot_name_ = mirror.prefix;
  slot_name_ += cursor;
  page_.clear();
  auto at = cursor.empty() ? mirror.in_order.begin()
                           : mirror.in_order.upper_bound(std::string_view(slot_name_));
  for (; page_.size() < limit && at != mirror.in_order.end(); ++at) {
    page_.push_back(keys.publication(*at));
  }
  return at == mirror.in_order.end();
}

// The client is let in: the keys of its last page, as they are now. A filter has a count of its
// own, so what has changed of the others since its first page is added to the answer there.
// Nothing where the connection was closed instead.
std::optional<std::string_view> Commands::ReadMirror(engine::Slot slot, const View& view,
                                                     Request& answer) {
  const MapReading* const reading = connections_[slot].session->FindReading(answer.channel);
  // It has left meanwhile, and is told no more than that.
  if (reading == nullptr || reading->asking != answer.command_id) return std::string_view();
  const ChannelIndex map = answer.local;
  Mirror& mirror = *mirrors_.find(map)->second;
  std::string_view bytes;
  if (answer.map->phase == MapPhase::kState) {
    const Mirror::Page* const page =
        PageOf(slot, mirror, map, view, reading->cursor, std::numeric_limits<std::size_t>::max());
    if (page == nullptr) return std::nullopt;
    bytes = page->bytes;
  }
  if (!reading->has_cut || view.filter == FilterTable::kNone) return bytes;
  channels_[map].map->keys().ForEachAfter(reading->cut,
                                          [&](const PublicationRef& newest, std::uint64_t) {
                                            answer.publications.push_back(newest);
                                            return true;
                                          });
  return bytes;
}

void Commands::ReleaseMirror(ChannelIndex map) {
  --channels_[map].asking;
  DropIfUnused(map);
}

void Commands::HoldMirror(engine::Slot slot, std::string_view channel) {
  const ChannelIndex map = channels_.Find(channel);
  if (held_mirrors_.emplace(slot, map).second) ++channels_[map].asking;
}

void Commands::LetMirrorGo(engine::Slot slot) {
  if (held_mirrors_.empty()) return;
  const auto found = held_mirrors_.find(slot);
  if (found == held_mirrors_.end()) return;
  const ChannelIndex map = found->second;
  held_mirrors_.erase(found);
  ReleaseMirror(map);
}

// Its last subscriber is gone.
void Commands::EndMirror(ChannelIndex map) {
  const auto found = mirrors_.find(map);
  if (found == mirrors_.end()) return;
  for (ShardId home = 0; home < exchange_.shards(); ++home) {
    exchange_.Send(home, {.kind = Message::Kind::kLeave, .request = MirrorQuestion(map)});
  }
  const std::vector<ChannelIndex> slots = std::move(found->second->slots);
  mirrors_.erase(found);
  for (const ChannelIndex slot : slots) {
    std::erase(channels_[slot].mirrors, map);
    DropIfUnused(slot);
  }
}

}  // namespace tickcast::shards
