// LineMaker: the line of a publication in the bytes of a view, made at most once per process.
//
// The JSON line is a part of the publication; any other is made by the first shard that needs it
// and stays with the publication, a delta too: one for each version that some reader has.
// Threading: owned by one shard.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>

#include "protocol/centrifuge/push.h"
#include "protocol/delta/fossil.h"
#include "shards/keyed_address.h"
#include "shards/publication.h"
#include "shards/view.h"

namespace tickcast::shards {

// The payload as readers of an encoding get it.
inline std::string_view PayloadOf(const Publication& publication, protocol::Encoding encoding) {
  return encoding == protocol::Encoding::kJson ? publication.data() : publication.raw();
}

// The publication as a reply shows it to who takes no deltas. Its views live as long as that.
inline protocol::PublicationView WholeViewOf(const Publication& publication,
                                             protocol::Encoding encoding) {
  return {.data = PayloadOf(publication, encoding),
          .info = publication.info(),
          .offset = publication.offset(),
          .tags = publication.tags(),
          .key = publication.key(),
          .removed = publication.removed()};
}

class LineMaker {
 public:
  // `addresses` outlives it.
  explicit LineMaker(const KeyedAddresses& addresses) : addresses_(addresses) {}

  // The push of `publication` as `view` shows it to a reader who has the payload of `base` (null:
  // nothing that a delta could be told against). Empty where the view is JSON and the publication
  // is not. Lives as long as the publication.
  std::string_view Line(const View& view, const Publication& publication, const Publication* base) {
    if (view.plain()) return publication.line();
    const EncodedLine* line = Find(view, publication, base);
    return line == nullptr ? BareLine(view, publication) : line->line();
  }

  // The same as a whole WebSocket frame. REQUIRES: !view.framed.
  std::span<const std::byte> Frame(const View& view, const Publication& publication,
                                   const Publication* base) {
    if (view.plain()) return publication.frame();
    const EncodedLine* line = Find(view, publication, base);
    return line == nullptr ? std::span<const std::byte>() : line->frame();
  }

  // The publication as a reply in `form` shows it; with `delta`, to a reader who has `base` (may be
  // null) and takes deltas. Its views live as long as the publication and until the next call of
  // Reset().
  protocol::PublicationView ViewOf(protocol::Form form, const Publication& publication, bool delta,
                                   const Publication* base);
  void Reset() { lent_patches_.clear(); }
  // That of the publication's key there is nothing any more.
  static protocol::PublicationView RemovalOf(protocol::Form form, const Publication& publication,
                                             bool delta);

 private:
  // Null where a line needs nobody to make it (BareLine()).
  const EncodedLine* Find(const View& view, const Publication& publication,
                          const Publication* base);
  static std::string_view BareLine(const View& view, const Publication& publication);
  const EncodedLine* Make(const LineForm& form, const Publication& publication,
                          std::string_view payload, bool is_patch);
  // The delta of the publication against `base`, or "" where it is no shorter than the payload.
  std::string_view Patch(protocol::Encoding encoding, const Publication& publication,
                         const Publication& base);

  const KeyedAddresses& addresses_;
  protocol::DeltaScratch scratch_;
  std::string patch_;
  std::string line_;
  std::deque<std::string> lent_patches_;  // By ViewOf() since the last Reset().
};

}  // namespace tickcast::shards
