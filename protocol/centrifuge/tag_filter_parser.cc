#include <algorithm>
#include <cstring>
#include <utility>

#include "protocol/centrifuge/tag_filter.h"
#include "protocol/centrifuge/tag_number.h"
#include "protocol/json/object_reader.h"
#include "protocol/json/object_writer.h"

namespace tickcast::protocol {
namespace {

constexpr std::string_view kMalformed = "bad request: tf must be a filter";
constexpr std::string_view kTooDeep = "bad request: tf has more than 32 levels";
constexpr std::string_view kTooManyNodes = "bad request: tf has more than 256 nodes";
constexpr std::string_view kTooManyValues = "bad request: tf has more than 4096 vals";
constexpr std::string_view kTooLarge = "bad request: tf has more than 65536 bytes";
static_assert(kMaxFilterDepth == 32 && kMaxFilterNodes == 256 && kMaxFilterValues == 4096 &&
                  kMaxFilterBytes == 65536,
              "the messages name the bounds");
constexpr std::string_view kBadOp = R"(bad request: tf: op must be "", "and", "or" or "not")";
constexpr std::string_view kNoChildren = "bad request: tf: and, or need nodes";
constexpr std::string_view kNotOne = "bad request: tf: not needs exactly one of nodes";
constexpr std::string_view kNoComparison = "bad request: tf: a leaf needs cmp";
constexpr std::string_view kBadComparison = "bad request: tf: unknown cmp";
constexpr std::string_view kNoKey = "bad request: tf: a leaf needs key";
constexpr std::string_view kNeedsVal = "bad request: tf: this cmp needs val";
constexpr std::string_view kNeedsVals = "bad request: tf: this cmp needs vals";
constexpr std::string_view kNoVal = "bad request: tf: this cmp takes no val";
constexpr std::string_view kNoVals = "bad request: tf: this cmp takes no vals";

constexpr std::size_t kExpectedBytes = 512;

// A node as it was written. Views point into the text that is being read.
struct WrittenNode {
  std::string_view op;
  std::string_view key;
  std::string_view cmp;
  std::string_view val;
  std::size_t first_value = 0;
  std::size_t value_count = 0;
  std::size_t child_count = 0;
  std::size_t end = 0;  // Index behind the last node below this one.
};

// A filter as it was written: nodes in the order of reading, each before its children.
struct WrittenFilter {
  std::vector<WrittenNode> nodes;
  std::vector<std::string_view> values;

  // Why the filter cannot be taken, or empty.
  std::string_view wrong;

  bool Fail(std::string_view reason) {
    if (wrong.empty()) wrong = reason;
    return false;
  }

  // Adds a node on level `depth` (the root's is 1) and gives its index.
  bool AddNode(std::size_t depth, std::size_t& index) {
    if (depth > kMaxFilterDepth) return Fail(kTooDeep);
    if (nodes.size() == kMaxFilterNodes) return Fail(kTooManyNodes);
    index = nodes.size();
    nodes.emplace_back();
    return true;
  }

  bool AddValue(std::string_view value) {
    if (values.size() == kMaxFilterValues) return Fail(kTooManyValues);
    values.push_back(value);
    return true;
  }

  void Clear() {
    nodes.clear();
    values.clear();
    wrong = {};
  }
};

// Reads a filter from JSON. Of a member that is there twice the last one counts.
class JsonFilterReader {
 public:
  explicit JsonFilterReader(WrittenFilter& filter) : filter_(filter) {}

  // One member of the node at `index`, which is on level `depth`.
  bool ReadMember(std::size_t index, std::size_t depth, std::string_view name, JsonValue& value) {
    WrittenNode& node = filter_.nodes[index];
    if (name == "op") return value.Read(node.op);
    if (name == "key") return value.Read(node.key);
    if (name == "cmp") return value.Read(node.cmp);
    if (name == "val") return value.Read(node.val);
    if (name == "vals") return value.is_null() || ReadValues(node, value);
    if (name == "nodes") return value.is_null() || ReadChildren(index, depth, value);
    return true;
  }

 private:
  bool ReadValues(WrittenNode& node, JsonValue& value) {
    node.first_value = filter_.values.size();
    const bool read = value.ReadArray([this](JsonValue& element) {
      std::string_view text;
      return element.Read(text) && filter_.AddValue(text);
    });
    node.value_count = filter_.values.size() - node.first_value;
    return read;
  }

  bool ReadChildren(std::size_t index, std::size_t depth, JsonValue& value) {
    filter_.nodes.resize(index + 1);
    std::size_t count = 0;
    const bool read = value.ReadArray([&](JsonValue& element) {
      ++count;
      std::size_t child = 0;
      if (!filter_.AddNode(depth + 1, child)) return false;
      const bool is_node = element.ReadObject([&](std::string_view name, JsonValue& member) {
        return ReadMember(child, depth + 1, name, member);
      });
      filter_.nodes[child].end = filter_.nodes.size();
      return is_node;
    });
    filter_.nodes[index].child_count = count;
    return read;
  }

  WrittenFilter& filter_;
};

}  // namespace

struct TagFilterParser::Impl {
  using Operator = TagFilter::Operator;

  JsonObjectReader reader{kExpectedBytes};
  std::vector<char> text;  // A copy of the filter, for the padding that the reader needs behind it.
  std::vector<char> line;  // The reader's own, where it minifies and unescapes.
  WrittenFilter written;

  std::string_view Finish(bool read, TagFilter& filter) {
    filter = TagFilter();
    if (!read) return written.wrong.empty() ? kMalformed : written.wrong;
    if (!AddNode(0, filter)) filter = TagFilter();
    return written.wrong;
  }

  // Checks the node at `index` and adds it to the program, with all below it.
  bool AddNode(std::size_t index, TagFilter& filter) {
    const WrittenNode& node = written.nodes[index];
    if (node.op.empty()) return AddLeaf(node, filter);
    const bool is_not = node.op == "not";
    if (!is_not && node.op != "and" && node.op != "or") return written.Fail(kBadOp);
    if (is_not && node.child_count != 1) return written.Fail(kNotOne);
    if (node.child_count == 0) return written.Fail(kNoChildren);
    const std::size_t place = filter.nodes_.size();
    TagFilter::Node& added = filter.nodes_.emplace_back();
    added.op = is_not ? Operator::kNot : node.op == "and" ? Operator::kAnd : Operator::kOr;
    AppendOperator(added.op, node.child_count, filter.key_);
    std::size_t child = index + 1;
    for (std::size_t count = 0; count < node.child_count; ++count) {
      if (!AddNode(child, filter)) return false;
      child = written.nodes[child].end;
    }
    filter.nodes_[place].end = static_cast<std::uint32_t>(filter.nodes_.size());
    return true;
  }

  bool AddLeaf(const WrittenNode& node, TagFilter& filter) {
    Operator op = Operator::kEqual;
    if (!ReadComparison(node.cmp, op) || !HasItsConstants(op, node)) return false;
    if (node.key.empty() && op != Operator::kExists && op != Operator::kNotExists) {
      return written.Fail(kNoKey);
    }
    TagFilter::Node& added = filter.nodes_.emplace_back();
    added.op = op;
    added.end = static_cast<std::uint32_t>(filter.nodes_.size());
    AddConstants(node, added, filter);
    return true;
  }

  bool ReadComparison(std::string_view name, Operator& op) {
    constexpr std::pair<std::string_view, Operator> kComparisons[] = {
        {"eq", Operator::kEqual},
        {"neq", Operator::kNotEqual},
        {"in", Operator::kIn},
        {"nin", Operator::kNotIn},
        {"ex", Operator::kExists},
        {"nex", Operator::kNotExists},
        {"sw", Operator::kStartsWith},
        {"ew", Operator::kEndsWith},
        {"ct", Operator::kContains},
        {"gt", Operator::kGreater},
        {"gte", Operator::kGreaterOrEqual},
        {"lt", Operator::kLess},
        {"lte", Operator::kLessOrEqual},
    };
    for (const auto& [known, comparison] : kComparisons) {
      if (name != known) continue;
      op = comparison;
      return true;
    }
    return written.Fail(name.empty() ? kNoComparison : kBadComparison);
  }

  static bool TakesMany(Operator op) { return op == Operator::kIn || op == Operator::kNotIn; }
  static bool TakesNone(Operator op) {
    return op == Operator::kExists || op == Operator::kNotExists;
  }
  static bool IsOrder(Operator op) { return op >= Operator::kGreater; }

  bool HasItsConstants(Operator op, const WrittenNode& node) {
    const bool takes_one = !TakesMany(op) && !TakesNone(op);
    if (takes_one && node.val.empty()) return written.Fail(kNeedsVal);
    if (TakesMany(op) && node.value_count == 0) return written.Fail(kNeedsVals);
    if (!takes_one && !node.val.empty()) return written.Fail(kNoVal);
    if (!TakesMany(op) && node.value_count > 0) return written.Fail(kNoVals);
    return true;
  }

  void AddConstants(const WrittenNode& node, TagFilter::Node& added, TagFilter& filter) {
    constants.clear();
    if (TakesMany(added.op)) {
      const auto first = written.values.begin() + static_cast<std::ptrdiff_t>(node.first_value);
      constants.assign(first, first + static_cast<std::ptrdiff_t>(node.value_count));
      std::sort(constants.begin(), constants.end());
      constants.erase(std::unique(constants.begin(), constants.end()), constants.end());
    } else if (IsOrder(added.op)) {
      number_text.clear();
      TagNumber number;
      if (ReadTagNumber(node.val, number)) {
        AppendTagNumber(number, number_text);
        constants.push_back(number_text);
      }
    } else if (!TakesNone(added.op)) {
      constants.push_back(node.val);
    }
    AppendOperator(added.op, constants.size(), filter.key_);
    added.tag = AppendText(node.key, filter.key_);
    added.first_value = static_cast<std::uint32_t>(filter.values_.size());
    added.value_count = static_cast<std::uint32_t>(constants.size());
    for (const std::string_view constant : constants) {
      filter.values_.push_back(AppendText(constant, filter.key_));
    }
  }

  // The key is the program written down, each node as "<operator>.<count>;" with the number of its
  // children or constants, each text as "<size>:<bytes>": no two programs can give the same.
  static void AppendOperator(Operator op, std::size_t count, std::string& key) {
    AppendNumber(static_cast<unsigned>(op), key);
    key += '.';
    AppendNumber(count, key);
    key += ';';
  }

  static TagFilter::Text AppendText(std::string_view piece, std::string& key) {
    AppendNumber(piece.size(), key);
    key += ':';
    const TagFilter::Text place{static_cast<std::uint32_t>(key.size()),
                                static_cast<std::uint32_t>(piece.size())};
    key += piece;
    return place;
  }

  std::vector<std::string_view> constants;  // Of the leaf that is being added.
  std::string number_text;
};

TagFilterParser::TagFilterParser() : impl_(std::make_unique<Impl>()) {}
TagFilterParser::TagFilterParser(TagFilterParser&&) noexcept = default;
TagFilterParser& TagFilterParser::operator=(TagFilterParser&&) noexcept = default;
TagFilterParser::~TagFilterParser() = default;

std::string_view TagFilterParser::ParseJson(std::string_view tf, TagFilter& filter) {
  Impl& impl = *impl_;
  filter = TagFilter();
  if (tf.size() > kMaxFilterBytes) return kTooLarge;
  if (impl.text.size() < tf.size() + kJsonPaddingBytes) {
    impl.text.resize(tf.size() + kJsonPaddingBytes);
    impl.line.resize(tf.size() + kJsonPaddingBytes);
  }
  std::memcpy(impl.text.data(), tf.data(), tf.size());
  impl.written.Clear();
  std::size_t root = 0;
  impl.written.AddNode(1, root);
  JsonFilterReader reader(impl.written);
  const std::size_t size_bytes = impl.reader.Read({impl.text.data(), tf.size()}, impl.line.data(),
                                                  [&](std::string_view name, JsonValue& value) {
                                                    return reader.ReadMember(root, 1, name, value);
                                                  });
  return impl.Finish(size_bytes > 0, filter);
}

}  // namespace tickcast::protocol
