#include "shards/line_maker.h"

namespace tickcast::shards {

using protocol::Encoding;
using protocol::PublicationView;

namespace {

// The line of a publication in JSON begins and ends with the reply around the push.
constexpr std::string_view kReplyBegin = R"({"push":)";
constexpr std::string_view kReplyEnd = "}";

// What readers of deltas in JSON get where there is no payload, as with a removal: they parse the
// text whatever it is about, and "" is not JSON (centrifuge-js 5.7 fails for good over it).
constexpr std::string_view kNoPayload = "null";

}  // namespace

std::string_view LineMaker::BareLine(const View& view, const Publication& publication) {
  const bool inside = view.form == protocol::Form{Encoding::kJson, true} && !view.compact &&
                      view.address == KeyedAddresses::kNone;
  if (!inside || view.delta || !publication.is_json()) return {};
  std::string_view push = publication.line();
  push.remove_prefix(kReplyBegin.size());
  push.remove_suffix(kReplyEnd.size());
  return push;
}

const EncodedLine* LineMaker::Find(const View& view, const Publication& publication,
                                   const Publication* base) {
  const Encoding encoding = view.form.encoding;
  if (encoding == Encoding::kJson &&
      (!publication.is_json() || !BareLine(view, publication).empty())) {
    return nullptr;
  }
  LineForm form = view.line_form();
  // Who may not get a delta, or has nothing to tell it against, gets the whole.
  const bool allowed = publication.delta() || view.address != KeyedAddresses::kNone;
  if (view.delta && allowed && base != nullptr) {
    form.base = base->sequence();
    if (const EncodedLine* known = publication.Find(form)) return known;
    const std::string_view patch = Patch(encoding, publication, *base);
    // The whole under the base's name too, so that nobody tries again.
    return patch.empty() ? Make(form, publication, PayloadOf(publication, encoding), false)
                         : Make(form, publication, patch, true);
  }
  if (const EncodedLine* known = publication.Find(form)) return known;
  return Make(form, publication, PayloadOf(publication, encoding), false);
}

const EncodedLine* LineMaker::Make(const LineForm& form, const Publication& publication,
                                   std::string_view payload, bool is_patch) {
  PublicationView push{.data = form.escaped && payload.empty() ? kNoPayload : payload,
                       .info = publication.info(),
                       .offset = publication.offset(),
                       .tags = publication.tags(),
                       .delta = is_patch,
                       .key = publication.key(),
                       .removed = publication.removed(),
                       .data_as_text = form.escaped};
  line_.clear();
  if (form.address != KeyedAddresses::kNone) {
    const KeyedAddresses::Name name = addresses_.NameOf(form.address, publication.channel());
    push.key = name.key;
    // Of a mirror every change comes, and nobody compares.
    if (!name.is_map) push.version = publication.version();
    protocol::AppendPublicationPush(form.form, {.channel = name.channel}, push, line_);
    return publication.Add(EncodedLine::New(form, line_));
  }
  protocol::AppendPublicationPush(
      form.form,
      {.channel = publication.channel(), .id = form.compact ? publication.channel_id() : 0}, push,
      line_);
  return publication.Add(EncodedLine::New(form, line_));
}

std::string_view LineMaker::Patch(Encoding encoding, const Publication& publication,
                                  const Publication& base) {
  const std::string_view from = PayloadOf(base, encoding);
  const std::string_view to = PayloadOf(publication, encoding);
  patch_.clear();
  // A base that is not JSON was never shown to readers of JSON.
  if (from.empty()) return {};
  protocol::AppendDelta(from, to, patch_, scratch_);
  return patch_.size() < to.size() ? std::string_view(patch_) : std::string_view();
}

PublicationView LineMaker::RemovalOf(protocol::Form form, const Publication& publication,
                                     bool delta) {
  return {.data = delta && form.encoding == Encoding::kJson ? kNoPayload : std::string_view(),
          .offset = publication.offset(),
          .key = publication.key(),
          .removed = true,
          .data_as_text = delta};
}

PublicationView LineMaker::ViewOf(protocol::Form form, const Publication& publication, bool delta,
                                  const Publication* base) {
  PublicationView view = WholeViewOf(publication, form.encoding);
  view.data_as_text = delta;
  if (delta && form.encoding == Encoding::kJson && view.data.empty()) view.data = kNoPayload;
  if (!delta || base == nullptr || !publication.delta()) return view;
  const std::string_view patch = Patch(form.encoding, publication, *base);
  if (patch.empty()) return view;
  view.data = lent_patches_.emplace_back(patch);
  view.delta = true;
  return view;
}

}  // namespace tickcast::shards
