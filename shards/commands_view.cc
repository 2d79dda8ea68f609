// Commands: which view of a channel a subscriber gets, and publications in replies as that view
// shows them.
#include <algorithm>
#include <utility>

#include "protocol/json/payload.h"
#include "shards/commands.h"

namespace tickcast::shards {

using protocol::DisconnectCode;
using protocol::ErrorCode;

namespace {

// Bit 1 of a subscribe's flag: the channel's number may stand for its name.
constexpr std::int64_t kWantsCompaction = 1;

constexpr std::string_view kFossil = "fossil";

}  // namespace

bool Commands::AllowsFossil(const engine::Namespace& ns) {
  return std::find(ns.allowed_delta_types.begin(), ns.allowed_delta_types.end(), kFossil) !=
         ns.allowed_delta_types.end();
}

// What a subscriber gets that asks for nothing else.
View Commands::WholeView(engine::Slot slot) const {
  const Connection& connection = connections_[slot];
  return {.form = connection.form, .framed = !TakesSharedFrames(connection.transport)};
}

// False when the client was refused, by a reply or by closing. A filter in `view` has been acquired
// then for the caller.
bool Commands::ChooseView(engine::Slot slot, const Command& command, const engine::Namespace& ns,
                          View& view) {
  const protocol::SubscribeRequest& subscribe = command.subscribe;
  if (!subscribe.delta.empty() && subscribe.delta != kFossil) {
    host_.Disconnect(slot, DisconnectCode::kBadRequest);
    return false;
  }
  view = WholeView(slot);
  view.compact = ns.allow_channel_compaction && (subscribe.flag & kWantsCompaction) != 0;
  view.delta = !subscribe.delta.empty() && AllowsFossil(ns);
  if (ns.mirrors_feed()) view.address = addresses_.Of(ns);
  if (subscribe.tf.empty()) return true;
  if (!ns.allow_tags_filter) {
    ReplyError(slot, command.id, ErrorCode::kBadRequest);
    return false;
  }
  protocol::TagFilter filter;
  const std::string_view wrong = filter_parser_.ParseJson(subscribe.tf, filter);
  if (!wrong.empty()) {
    ReplyError(slot, command.id, ErrorCode::kBadRequest, wrong);
    return false;
  }
  view.filter = filters_.Acquire(std::move(filter));
  if (view.filter == FilterTable::kNone) {
    ReplyError(slot, command.id, ErrorCode::kLimitExceeded);
    return false;
  }
  return true;
}

// The Channel of `view`, which takes over the view's filter.
ChannelIndex Commands::FindOrAddView(ChannelIndex primary, const View& view) {
  const std::size_t before = channels_[primary].views.size();
  const ChannelIndex index = channels_.FindOrAddView(primary, view);
  if (channels_[primary].views.size() == before) {
    filters_.Release(view.filter);
  } else if (channels_[primary].live) {
    ShowNewest(channels_[primary], index);
  }
  return index;
}

// The home has answered: the channel is live, with all views that wait for it.
void Commands::GoLive(ChannelIndex primary, std::uint64_t sequence, PublicationRef newest) {
  Channel& channel = channels_[primary];
  channels_.SetNewest(primary, channel, sequence, std::move(newest));
  channels_.SetLive(channel);
  for (const ChannelIndex view : channel.views) {
    ShowNewest(channel, view);
    channels_.SetLive(channels_[view]);
  }
}

// A new view has what the channel has, as far as its filter lets it through.
void Commands::ShowNewest(const Channel& channel, ChannelIndex index) {
  Channel& view = channels_[index];
  const bool shown = view.view.filter == FilterTable::kNone ||
                     (channel.newest &&
                      (filters_.Read(channel.newest->tags()), filters_.Matches(view.view.filter)));
  channels_.SetNewest(index, view, channel.sequence, shown ? channel.newest : PublicationRef());
}

// What a client has published. In Protobuf its bytes are kept as they are, for readers of Protobuf;
// readers of JSON need one line of JSON. The draft's views live until the next call.
void Commands::SetPayload(std::string_view data, bool is_json, PublicationDraft& draft) {
  if (!is_json) {
    draft.raw = data;
  } else if (data.find('\n') == data.npos && data.find('\r') == data.npos) {
    // Not find_first_of, which calls memchr for each character: 5 % of the CPU time at a fan-out
    // of 1.
    draft.data = data;
  } else {
    one_line_.resize(data.size());
    one_line_.resize(protocol::MinifyValidJson(data, one_line_.data()));
    draft.data = one_line_;
    draft.raw = data;
  }
}

// The publications of an answer as the view shows them, valid until the next call. False where one
// of them is nothing that the connection can take: it is closed then.
bool Commands::ShowPublications(engine::Slot slot, const View& view,
                                std::span<const PublicationRef> publications) {
  views_.clear();
  line_maker_.Reset();
  const Publication* base = nullptr;
  for (const PublicationRef& publication : publications) {
    if (view.filter != FilterTable::kNone) {
      filters_.Read(publication->tags());
      if (!filters_.Matches(view.filter)) continue;
    }
    if (view.form.encoding == protocol::Encoding::kJson && !publication->is_json()) {
      host_.Disconnect(slot, DisconnectCode::kInappropriateProtocol);
      return false;
    }
    views_.push_back(line_maker_.ViewOf(view.form, *publication, view.delta, base));
    base = publication.get();
  }
  return true;
}

}  // namespace tickcast::shards
