// View: what one group of a channel's subscribers gets to see of it, and in which bytes.
//
// Subscribers with equal views get identical bytes, so each view of a channel on a shard is a
// Channel of its own, with a group, a newest publication and a catch-up ring; the fan-out knows no
// difference between them. The view that nearly all have, JSON whole and unfiltered over a
// WebSocket, is the channel itself. Threading: a value.
#pragma once

#include <cstdint>

#include "shards/publication.h"

namespace tickcast::shards {

struct View {
  protocol::Form form;
  bool compact = false;  // The channel's number stands for its name in pushes.
  bool delta = false;    // What a subscriber has already is what its next payload is told against.
  bool framed = false;   // The transport wraps each line anew: a shared frame does not fit it.
  std::uint16_t filter = 0;  // Of the shard's FilterTable; 0: none.
  // Of KeyedAddresses: the channel is seen as a key of a keyed channel. 0: as itself.
  std::uint16_t address = 0;

  bool operator==(const View&) const = default;

  // Every publication's own line and frame are what it shows.
  bool plain() const {
    return form.encoding == protocol::Encoding::kJson && !form.bare && !compact && !delta &&
           address == 0;
  }
  // The form of a line with a whole payload.
  LineForm line_form() const {
    const bool json = form.encoding == protocol::Encoding::kJson;
    return {.form = form, .compact = compact, .escaped = delta && json, .address = address};
  }
};

}  // namespace tickcast::shards
