#include "engine/config_text.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <simdjson.h>

#include <utility>

namespace tickcast::engine {
namespace {

using Kind = ConfigValue::Kind;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

ConfigValue FromJson(const simdjson::dom::element& element, const ConfigPlace& place, int depth) {
  ConfigValue value;
  value.place = place;
  if (depth > kMaxConfigDepth) return value;

  switch (element.type()) {
    case simdjson::dom::element_type::ARRAY:
      value.kind = Kind::kList;
      for (const simdjson::dom::element item : simdjson::dom::array(element)) {
        value.items.push_back(FromJson(item, place, depth + 1));
      }
      break;
    case simdjson::dom::element_type::OBJECT:
      value.kind = Kind::kTable;
      for (const simdjson::dom::key_value_pair member : simdjson::dom::object(element)) {
        value.items.push_back(FromJson(member.value, place, depth + 1));
        value.items.back().key = member.key;
      }
      break;
    case simdjson::dom::element_type::INT64:
      value.kind = Kind::kInteger;
      value.integer = std::int64_t(element);
      break;
    case simdjson::dom::element_type::DOUBLE:
      value.kind = Kind::kNumber;
      value.number = double(element);
      break;
    case simdjson::dom::element_type::STRING:
      value.kind = Kind::kString;
      value.text = std::string_view(element);
      break;
    case simdjson::dom::element_type::BOOL:
      value.kind = Kind::kBool;
      value.boolean = bool(element);
      break;
    case simdjson::dom::element_type::UINT64:  // Only what is beyond int64.
    case simdjson::dom::element_type::NULL_VALUE:
      break;
  }
  return value;
}

bool ReadJson(std::string_view text, const ConfigPlace& place, ConfigValue& value,
              std::string& error) {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  const simdjson::padded_string padded(text.data(), text.size());
  const simdjson::error_code code = parser.parse(padded).get(element);
  if (code != simdjson::SUCCESS) {
    error = absl::StrCat("is no JSON: ", simdjson::error_message(code));
    return false;
  }
  value = FromJson(element, place, 0);
  return true;
}

enum class Shape { kBool, kInteger, kNumber, kString, kWords, kIntegers, kJson };

struct ShapeOf {
  Shape operator()(const bool*) const { return Shape::kBool; }
  Shape operator()(const std::uint16_t*) const { return Shape::kInteger; }
  Shape operator()(const std::uint32_t*) const { return Shape::kInteger; }
  Shape operator()(const std::uint64_t*) const { return Shape::kInteger; }
  Shape operator()(const std::int64_t*) const { return Shape::kInteger; }
  Shape operator()(const double*) const { return Shape::kNumber; }
  Shape operator()(ConfigDuration) const { return Shape::kString; }
  Shape operator()(const std::string*) const { return Shape::kString; }
  template <ConfigWord Word>
  Shape operator()(const Word*) const {
    return Shape::kString;
  }
  Shape operator()(const std::vector<std::string>*) const { return Shape::kWords; }
  Shape operator()(const std::vector<std::uint32_t>*) const { return Shape::kIntegers; }
  template <class Owner>
  Shape operator()(const ConfigSection<Owner>&) const {
    return Shape::kJson;
  }
  template <class Item>
  Shape operator()(const ConfigList<Item>&) const {
    return Shape::kJson;
  }
};

// Text that is not of the shape stays a string, which no such key takes.
ConfigValue Scalar(std::string_view text, Shape shape, const ConfigPlace& place) {
  ConfigValue value;
  value.place = place;
  value.kind = Kind::kString;
  value.text = text;
  if (shape == Shape::kBool && (text == "true" || text == "false")) {
    value.kind = Kind::kBool;
    value.boolean = text == "true";
  } else if (shape == Shape::kInteger && absl::SimpleAtoi(View(text), &value.integer)) {
    value.kind = Kind::kInteger;
  } else if (shape == Shape::kNumber && absl::SimpleAtod(View(text), &value.number)) {
    value.kind = Kind::kNumber;
  }
  return value;
}

}  // namespace

bool ReadConfigText(std::string_view text, const ConfigTarget& target, const ConfigPlace& place,
                    ConfigValue& value, std::string& error) {
  const Shape shape = std::visit(ShapeOf(), target);
  const bool list = shape == Shape::kWords || shape == Shape::kIntegers;
  if (shape == Shape::kJson || (list && text.substr(0, 1) == "[")) {
    return ReadJson(text, place, value, error);
  }
  if (!list) {
    value = Scalar(text, shape, place);
    return true;
  }
  value = ConfigValue();
  value.kind = Kind::kList;
  value.place = place;
  for (const absl::string_view item :
       absl::StrSplit(View(text), absl::ByAnyChar(" ,"), absl::SkipEmpty())) {
    value.items.push_back(Scalar({item.data(), item.size()},
                                 shape == Shape::kWords ? Shape::kString : Shape::kInteger, place));
  }
  return true;
}

}  // namespace tickcast::engine
