// What is tracked and untracked: whatever stands there, all views lie in what was read, the batches
// share out the items, and what is accepted reads the same when it is written again.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/centrifuge/track_request.h"
#include "protocol/json/object_writer.h"
#include "tests/fuzz/require.h"

namespace {

using tickcast::fuzz::Require;
using tickcast::protocol::AppendQuoted;
using tickcast::protocol::ObjectWriter;
using tickcast::protocol::TrackBatch;
using tickcast::protocol::TrackItem;
using tickcast::protocol::TrackRequestParser;

std::string Written(const TrackRequestParser& parser) {
  std::string out = "[";
  for (const TrackBatch& batch : parser.batches()) {
    if (out.size() > 1) out += ',';
    ObjectWriter object(out);
    object.Quoted("signature", batch.signature);
    std::string& items = object.Member("items");
    items += '[';
    for (const TrackItem& item : batch.items) {
      if (items.back() != '[') items += ',';
      ObjectWriter member(items);
      member.Number("version", item.version);
      member.Quoted("key", item.key);
      member.Close();
    }
    items += ']';
    object.Close();
  }
  return out + "]";
}

std::string Untracked(const TrackRequestParser& parser) {
  std::string out = "[";
  for (const std::string_view key : parser.untrack()) {
    if (out.size() > 1) out += ',';
    AppendQuoted(key, out);
  }
  return out + "]";
}

}  // namespace

// The two lists, a newline between them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static TrackRequestParser parser;
  static TrackRequestParser again;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t newline = input.find('\n');
  const std::string_view track = input.substr(0, newline);
  const std::string_view untrack =
      newline == std::string_view::npos ? std::string_view() : input.substr(newline + 1);

  if (!parser.Parse(track, untrack)) {
    Require(parser.batches().empty() && parser.items().empty() && parser.untrack().empty());
    return 0;
  }
  std::size_t count = 0;
  for (const TrackBatch& batch : parser.batches()) {
    Require(batch.items.data() == parser.items().data() + count);
    count += batch.items.size();
  }
  Require(count == parser.items().size());

  const std::string track_again = Written(parser);
  const std::string untrack_again = Untracked(parser);
  Require(again.Parse(track_again, untrack_again));
  Require(Written(again) == track_again && Untracked(again) == untrack_again);
  return 0;
}
