// Tag filters: which publications of a channel a subscriber wants, by their tags.
//
// A subscribe's `tf` is a tree: leaves compare one tag with constants, the nodes above are and, or
// and not. It is compiled once into a flat program and a key; subscribers whose filters mean the
// same have the same key, so that a filter is evaluated once for all of them. What a leaf means is
// the original's to say, also where it surprises: a tag that is not there is not equal to anything
// (neq holds), for `in` and `nin` it is the empty text, and numbers are exact decimals of at most
// 19 places, other texts being no number, which no comparison holds for. Sources: FilterNode of
// client.proto, internal/filter of github.com/centrifugal/centrifuge. Threading: a TagFilter may be
// read by all; a TagFilterParser belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/centrifuge/tag_set.h"

namespace tickcast::protocol {

// What one filter may cost. The original bounds none of it but by the size of a message.
inline constexpr std::size_t kMaxFilterDepth = 32;     // Levels of the tree.
inline constexpr std::size_t kMaxFilterNodes = 256;    // All nodes together.
inline constexpr std::size_t kMaxFilterValues = 4096;  // All `vals` together.
inline constexpr std::size_t kMaxFilterBytes = 64 * 1024;

class TagFilter {
 public:
  // Matches nothing, with an empty key; a filter comes from a TagFilterParser.
  TagFilter() = default;

  // Whether a publication with these tags is wanted. Allocates nothing.
  bool Matches(const TagSet& tags) const { return !nodes_.empty() && NodeMatches(0, tags); }

  // What the filter says, in a form of its own: filters with equal keys match the same. Members
  // that have no meaning where they stand, the order of `vals` and the spelling of numbers do not
  // show in it.
  const std::string& key() const { return key_; }

 private:
  friend class TagFilterParser;

  enum class Operator : std::uint8_t {
    kAnd,
    kOr,
    kNot,
    kEqual,
    kNotEqual,
    kIn,
    kNotIn,
    kExists,
    kNotExists,
    kStartsWith,
    kEndsWith,
    kContains,
    kGreater,
    kGreaterOrEqual,
    kLess,
    kLessOrEqual,
  };

  // A piece of `key_`, where all texts of the program are.
  struct Text {
    std::uint32_t offset = 0;
    std::uint32_t size_bytes = 0;
  };

  // Nodes stand in the order in which one reads a tree: each before its children.
  struct Node {
    Operator op = Operator::kAnd;
    std::uint32_t end = 0;  // Index behind the last node below this one.
    Text tag;
    std::uint32_t first_value = 0;  // In values_, those of kIn and kNotIn sorted.
    std::uint32_t value_count = 0;  // 0 for an order with what is no number.
  };

  std::string_view text(Text piece) const {
    return std::string_view(key_).substr(piece.offset, piece.size_bytes);
  }
  std::string_view value(const Node& node) const { return text(values_[node.first_value]); }
  bool NodeMatches(std::uint32_t index, const TagSet& tags) const;
  bool LeafMatches(const Node& node, const std::string_view* tag) const;
  bool HasValue(const Node& node, std::string_view tag) const;
  int Compare(const Node& node, const std::string_view* tag, bool& comparable) const;

  std::vector<Node> nodes_;
  std::vector<Text> values_;
  std::string key_;
};

// Compiles filters. Members are as in client.proto; unknown ones are ignored, null is absent.
class TagFilterParser {
 public:
  TagFilterParser();
  TagFilterParser(TagFilterParser&&) noexcept;
  TagFilterParser& operator=(TagFilterParser&&) noexcept;
  ~TagFilterParser();

  // Compiles `tf`, a JSON object as commands have it in both forms, into `filter`. Empty when all
  // is well, else the message of an error 107, a constant, and `filter` is as if default
  // constructed. Refused is what the original refuses (a leaf without comparison, tag or constants,
  // with constants that its comparison does not take; and, or, not without children; not with two;
  // an unknown name), and what goes over the bounds above. `tf` needs no padding behind it; it is
  // copied.
  std::string_view ParseJson(std::string_view tf, TagFilter& filter);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tickcast::protocol
