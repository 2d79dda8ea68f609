// MapRequest: what a question asks of the home of a map channel, and what that answers.
//
// It hangs on a Request, which is about any channel and stays small without it. Positions that
// clients know travel in the Request (`since_offset`, `since_epoch`, and `offset` and `epoch`
// back); a `sequence` is the home's own number, which every mode has. Threading: as Request.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shards/map_write.h"
#include "shards/publication.h"

namespace tickcast::shards {

// What a client that subscribes to a map wants next, with the numbers of the wire. Source:
// client_map.go of github.com/centrifugal/centrifuge.
enum class MapPhase : std::uint8_t {
  kLive = 0,    // What changed since its position, and every change from now on.
  kStream = 1,  // The next of what changed since its position.
  kState = 2,   // The next page of keys.
};

struct MapRequest {
  // kMapPublish, kMapRemove, kMapReadState (only this key; ""): the key.
  std::string key;
  // kMapRemove: what the removal is tagged with instead of the tags that the key had; "".
  std::string tags;
  // kMapPublish.
  KeyMode mode = KeyMode::kReplace;
  bool keep_alive = false;

  // kSubscribe.
  MapPhase phase = MapPhase::kLive;
  // kSubscribe, kMapReadState: the last key of the page before; "": from the first.
  std::string cursor;
  // kSubscribe: keys or changes of a page. In others Request::limit says it.
  std::uint32_t page_size = 100;
  // kSubscribe: `sequence` of the answer to the first page, from which the client catches up; its
  // epoch is then the Request's `since_epoch`.
  bool has_cut = false;
  std::uint64_t cut = 0;
  // kSubscribe with kStream: `goal` of the answer to the first page of the stream; 0: this is it.
  std::uint64_t goal = 0;

  // The answer.
  MapSuppression suppression = MapSuppression::kNone;
  // kSubscribe: the client is subscribed; else the answer is one more page.
  bool live = false;
  // kSubscribe with kState: keys, whose changes up to the cut are known by them. What changed since
  // is in Request::publications, in the order of the changes, once it is live.
  std::vector<PublicationRef> state;
  std::uint32_t keys = 0;  // kMapStats.
};

}  // namespace tickcast::shards
