// Tag filters: what is taken is what a plain reader and a plain walk over the tree say, also where
// the filter came as Protobuf.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/centrifuge/command_protobuf.h"
#include "protocol/centrifuge/tag_filter.h"
#include "tests/fuzz/require.h"
#include "tests/protocol/centrifuge/plain_filter.h"

namespace {

using tickcast::fuzz::Require;
using tickcast::protocol::PlainFilter;
using tickcast::protocol::PlainTags;
using tickcast::protocol::TagFilter;
using tickcast::protocol::TagFilterParser;
using tickcast::protocol::TagSet;

// The plain reader's DOM takes no number that is too large for its types. Where there may be one
// (in a member that no filter has, as it has no numbers), the two are not compared.
bool MayHaveLargeNumber(std::string_view text) {
  std::size_t digits = 0;
  for (const char byte : text) {
    digits = byte >= '0' && byte <= '9' ? digits + 1 : 0;
    if (digits > 15) return true;
  }
  return false;
}

// The filter of a subscribe that came as Protobuf.
bool ParseProtobuf(TagFilterParser& parser, const PlainFilter& plain, TagFilter& filter) {
  tickcast::protocol::Command command;
  tickcast::protocol::NestedTexts texts;
  const std::string message = plain.ProtobufSubscribe();
  return tickcast::protocol::ReadProtobufCommand(message, command, texts) &&
         parser.ParseJson(command.subscribe.tf, filter).empty();
}

// A filter and its tags as JSON.
void Compare(TagFilterParser& parser, const std::string& tf, const std::string& tags_text) {
  TagFilter filter;
  const bool taken = parser.ParseJson(tf, filter).empty();
  const std::optional<PlainFilter> plain = PlainFilter::FromJson(tf);
  if (!plain) return Require(!taken || MayHaveLargeNumber(tf));
  TagFilter from_protobuf;
  const bool protobuf_taken = ParseProtobuf(parser, *plain, from_protobuf);
  // More of a text than fits may still be little once it is unescaped.
  if (tf.size() <= tickcast::protocol::kMaxFilterBytes) {
    Require(taken == plain->IsValid());
    Require(protobuf_taken == taken && from_protobuf.key() == filter.key());
  }
  TagSet tags;
  const bool tags_taken = tags.Read(tags_text);
  const std::optional<PlainTags> plain_tags = PlainFilter::TagsFromJson(tags_text);
  if (!taken || !tags_taken || !plain_tags) return;
  Require(filter.Matches(tags) == plain->Matches(*plain_tags));
  Require(from_protobuf.Matches(tags) == filter.Matches(tags));
  // However they are spelled.
  const std::string line = tickcast::protocol::PlainTagsJson(*plain_tags);
  TagSet again;
  Require(again.Read(line));
  Require(filter.Matches(again) == filter.Matches(tags));
}

}  // namespace

// The input is a filter and tags, parted by the first newline.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static TagFilterParser parser;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\n');
  std::string first(input.substr(0, end));
  std::string second(end == input.npos ? std::string_view() : input.substr(end + 1));
  first.shrink_to_fit();
  second.shrink_to_fit();
  Compare(parser, first, second);
  return 0;
}
