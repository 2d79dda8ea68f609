#include "protocol/centrifuge/tag_filter.h"

#include <algorithm>

#include "protocol/centrifuge/tag_number.h"

namespace tickcast::protocol {

bool TagFilter::NodeMatches(std::uint32_t index, const TagSet& tags) const {
  const Node& node = nodes_[index];
  switch (node.op) {
    case Operator::kAnd:
      for (std::uint32_t child = index + 1; child < node.end; child = nodes_[child].end) {
        if (!NodeMatches(child, tags)) return false;
      }
      return true;
    case Operator::kOr:
      for (std::uint32_t child = index + 1; child < node.end; child = nodes_[child].end) {
        if (NodeMatches(child, tags)) return true;
      }
      return false;
    case Operator::kNot:
      return !NodeMatches(index + 1, tags);
    case Operator::kEqual:
    case Operator::kNotEqual:
    case Operator::kIn:
    case Operator::kNotIn:
    case Operator::kExists:
    case Operator::kNotExists:
    case Operator::kStartsWith:
    case Operator::kEndsWith:
    case Operator::kContains:
    case Operator::kGreater:
    case Operator::kGreaterOrEqual:
    case Operator::kLess:
    case Operator::kLessOrEqual:
      break;
  }
  return LeafMatches(node, tags.Find(text(node.tag)));
}

bool TagFilter::LeafMatches(const Node& node, const std::string_view* tag) const {
  bool comparable = false;
  switch (node.op) {
    case Operator::kEqual:
      return tag != nullptr && *tag == value(node);
    case Operator::kNotEqual:
      return tag == nullptr || *tag != value(node);
    case Operator::kIn:
      return HasValue(node, tag != nullptr ? *tag : std::string_view());
    case Operator::kNotIn:
      return !HasValue(node, tag != nullptr ? *tag : std::string_view());
    case Operator::kExists:
      return tag != nullptr;
    case Operator::kNotExists:
      return tag == nullptr;
    case Operator::kStartsWith:
      return tag != nullptr && tag->starts_with(value(node));
    case Operator::kEndsWith:
      return tag != nullptr && tag->ends_with(value(node));
    case Operator::kContains:
      return tag != nullptr && tag->find(value(node)) != tag->npos;
    case Operator::kGreater:
      return Compare(node, tag, comparable) > 0 && comparable;
    case Operator::kGreaterOrEqual:
      return Compare(node, tag, comparable) >= 0 && comparable;
    case Operator::kLess:
      return Compare(node, tag, comparable) < 0 && comparable;
    case Operator::kLessOrEqual:
      return Compare(node, tag, comparable) <= 0 && comparable;
    case Operator::kAnd:
    case Operator::kOr:
    case Operator::kNot:
      break;
  }
  return false;
}

bool TagFilter::HasValue(const Node& node, std::string_view tag) const {
  const auto first = values_.begin() + node.first_value;
  const auto last = first + node.value_count;
  const auto found = std::lower_bound(
      first, last, tag,
      [this](Text piece, std::string_view wanted) { return text(piece) < wanted; });
  return found != last && text(*found) == tag;
}

int TagFilter::Compare(const Node& node, const std::string_view* tag, bool& comparable) const {
  TagNumber number;
  TagNumber constant;
  comparable = tag != nullptr && node.value_count > 0 && ReadTagNumber(*tag, number) &&
               ReadTagNumber(value(node), constant);
  return comparable ? CompareTagNumbers(number, constant) : 0;
}

}  // namespace tickcast::protocol
