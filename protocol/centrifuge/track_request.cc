#include "protocol/centrifuge/track_request.h"

#include <string>
#include <vector>

#include "protocol/json/object_reader.h"
#include "protocol/json/object_writer.h"

namespace tickcast::protocol {
namespace {

// A screen of thirty keys with their signature; a longer request makes the buffers grow once.
constexpr std::size_t kExpectedBytes = 2048;

bool ReadItem(JsonValue& value, TrackItem& item) {
  return value.ReadObject([&](std::string_view name, JsonValue& member) {
    if (name == "key") return member.Read(item.key);
    if (name == "version") return member.Read(item.version);
    return true;
  });
}

}  // namespace

struct TrackRequestParser::Impl {
  JsonObjectReader reader{kExpectedBytes};
  std::string text;  // {"track":…,"untrack":…}, as the reader wants one object, and its padding.
  std::string line;  // The reader's own, where it unescapes. The views point into it.
  std::vector<TrackItem> items;
  std::vector<TrackBatch> batches;
  std::vector<std::size_t> batch_sizes;  // Items of each: `items` moves while it grows.
  std::vector<std::string_view> untrack;

  void Clear() {
    items.clear();
    batches.clear();
    batch_sizes.clear();
    untrack.clear();
  }

  bool ReadItems(JsonValue& value) {
    return value.is_null() || value.ReadArray([this](JsonValue& element) {
      return ReadItem(element, items.emplace_back());
    });
  }

  bool ReadBatch(JsonValue& value) {
    TrackBatch& batch = batches.emplace_back();
    const std::size_t first = items.size();
    const bool good = value.ReadObject([&](std::string_view name, JsonValue& member) {
      if (name == "signature") return member.Read(batch.signature);
      if (name != "items") return true;
      items.resize(first);  // Named twice, the last one counts.
      return ReadItems(member);
    });
    batch_sizes.push_back(items.size() - first);
    return good;
  }

  bool ReadMember(std::string_view name, JsonValue& value) {
    if (name == "track") {
      return value.ReadArray([this](JsonValue& element) { return ReadBatch(element); });
    }
    return name == "untrack" && value.ReadArray([this](JsonValue& element) {
      return element.Read(untrack.emplace_back());
    });
  }

  // The batches get their spans when `items` has come to rest.
  void BindItems() {
    const TrackItem* next = items.data();
    for (std::size_t i = 0; i < batches.size(); ++i) {
      batches[i].items = {next, batch_sizes[i]};
      next += batch_sizes[i];
    }
  }
};

TrackRequestParser::TrackRequestParser() : impl_(std::make_unique<Impl>()) {}
TrackRequestParser::TrackRequestParser(TrackRequestParser&&) noexcept = default;
TrackRequestParser& TrackRequestParser::operator=(TrackRequestParser&&) noexcept = default;
TrackRequestParser::~TrackRequestParser() = default;

bool TrackRequestParser::Parse(std::string_view track, std::string_view untrack) {
  Impl& state = *impl_;
  state.Clear();
  state.text.clear();
  ObjectWriter object(state.text);
  object.JsonUnlessEmpty("track", track);
  object.JsonUnlessEmpty("untrack", untrack);
  object.Close();
  const std::size_t size_bytes = state.text.size();
  state.text.append(kJsonPaddingBytes, ' ');
  if (state.line.size() < state.text.size()) state.line.resize(state.text.size());
  const auto member = [&state](std::string_view name, JsonValue& value) {
    return state.ReadMember(name, value);
  };
  if (state.reader.Read({state.text.data(), size_bytes}, state.line.data(), member) == 0) {
    state.Clear();
    return false;
  }
  state.BindItems();
  return true;
}

std::span<const TrackBatch> TrackRequestParser::batches() const { return impl_->batches; }
std::span<const TrackItem> TrackRequestParser::items() const { return impl_->items; }
std::span<const std::string_view> TrackRequestParser::untrack() const { return impl_->untrack; }

}  // namespace tickcast::protocol
