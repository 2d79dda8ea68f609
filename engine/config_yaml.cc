#include "engine/config_yaml.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <stdexcept>

namespace tickcast::engine {
namespace {

using Kind = ConfigValue::Kind;

// Aliases make a short text long: ten lines can say a billion nodes.
constexpr std::size_t kMaxNodes = 100'000;

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

bool ReadInteger(std::string_view text, std::int64_t& integer) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0o")) {
    base = text[1] == 'x' ? 16 : 8;
    text.remove_prefix(2);
  } else if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return false;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), integer, base);
  return error == std::errc() && end == text.data() + text.size();
}

// Letters would let "nan" and "infinity" through.
bool LooksLikeNumber(std::string_view text) {
  const std::size_t first = text.find_first_not_of("+-.");
  return first != std::string_view::npos && text[first] >= '0' && text[first] <= '9';
}

class Reader {
 public:
  explicit Reader(const std::string& name) : name_(name) {}

  void TakeMembers(const YAML::Node& node, int depth, ConfigValue& into) {
    into.kind = Kind::kTable;
    for (const auto& member : node) {
      const std::string key = member.first.IsScalar() ? member.first.Scalar() : std::string();
      if (!member.first.IsScalar()) {
        throw YAML::ParserException(member.first.Mark(), "a key must be a word");
      }
      if (key == "<<" && member.first.Tag() == "?") {
        Merge(member.second, depth, into);
        continue;
      }
      Add(member.first, key, Take(member.second, depth + 1), into);
    }
  }

  ConfigValue Take(const YAML::Node& node, int depth) {
    if (++nodes_ > kMaxNodes) throw YAML::ParserException(node.Mark(), "too many values");
    ConfigValue value;
    value.place = PlaceOf(node);
    if (depth > kMaxConfigDepth) return value;

    switch (node.Type()) {
      case YAML::NodeType::Map:
        TakeMembers(node, depth, value);
        break;
      case YAML::NodeType::Sequence:
        value.kind = Kind::kList;
        for (const YAML::Node& item : node) value.items.push_back(Take(item, depth + 1));
        break;
      case YAML::NodeType::Scalar:
        TakeScalar(node, value);
        break;
      case YAML::NodeType::Null:
      case YAML::NodeType::Undefined:
        break;
    }
    return value;
  }

 private:
  ConfigPlace PlaceOf(const YAML::Node& node) const {
    return {name_, static_cast<std::uint32_t>(node.Mark().line + 1)};
  }

  void Add(const YAML::Node& key_node, const std::string& key, ConfigValue value,
           ConfigValue& into) {
    for (const ConfigValue& earlier : into.items) {
      if (earlier.key != key) continue;
      throw YAML::ParserException(key_node.Mark(), "\"" + key + "\" is there twice");
    }
    // The line of the key, which is where a reader looks for it.
    value.place = PlaceOf(key_node);
    value.key = key;
    into.items.push_back(std::move(value));
  }

  // What stands in `node`, a mapping or a list of them, unless it is set already.
  void Merge(const YAML::Node& node, int depth, ConfigValue& into) {
    if (++nodes_ > kMaxNodes || depth > kMaxConfigDepth) {
      throw YAML::ParserException(node.Mark(), "too many values");
    }
    if (node.IsSequence()) {
      for (const YAML::Node& item : node) Merge(item, depth + 1, into);
      return;
    }
    if (!node.IsMap()) throw YAML::ParserException(node.Mark(), "<< takes a mapping");
    ConfigValue merged;
    TakeMembers(node, depth + 1, merged);
    for (ConfigValue& member : merged.items) {
      bool set = false;
      for (const ConfigValue& earlier : into.items) set = set || earlier.key == member.key;
      if (!set) into.items.push_back(std::move(member));
    }
  }

  // The core schema's types, for what stands there without quotes.
  static void TakeScalar(const YAML::Node& node, ConfigValue& value) {
    const std::string& text = node.Scalar();
    value.kind = Kind::kString;
    value.text = text;
    if (node.Tag() != "?" && node.Tag() != "") return;
    const std::string digits = absl::StrReplaceAll(text, {{"_", ""}});
    if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) {
      value.kind = Kind::kOther;
    } else if (IsOneOf(text, {"true", "True", "TRUE", "false", "False", "FALSE"})) {
      value.kind = Kind::kBool;
      value.boolean = text[0] == 't' || text[0] == 'T';
    } else if (ReadInteger(digits, value.integer)) {
      value.kind = Kind::kInteger;
    } else if (LooksLikeNumber(text) && absl::SimpleAtod(text, &value.number)) {
      value.kind = Kind::kNumber;
    }
  }

  const std::string& name_;
  std::size_t nodes_ = 0;
};

}  // namespace

bool ReadYaml(std::string_view text, const std::string& name, ConfigValue& table,
              std::string& error) {
  try {
    const YAML::Node document = YAML::Load(std::string(text));
    table = ConfigValue();
    table.place = {name, 1};
    table.kind = Kind::kTable;
    if (document.IsNull()) return true;  // Nothing but comments.
    if (!document.IsMap()) throw YAML::ParserException(document.Mark(), "is no YAML mapping");
    Reader(name).TakeMembers(document, 0, table);
    return true;
  } catch (const YAML::Exception& failure) {
    error = absl::StrCat(name, ":", failure.mark.line + 1, ":", failure.mark.column + 1, ": ",
                         failure.msg);
    return false;
  }
}

}  // namespace tickcast::engine
