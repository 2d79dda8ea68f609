#include "engine/config_json.h"

#include <absl/strings/str_cat.h>
#include <simdjson.h>

#include <algorithm>

namespace tickcast::engine {
namespace {

using Kind = ConfigValue::Kind;
namespace ondemand = simdjson::ondemand;

// On-demand parsing, because it knows where it is in the text, which a DOM does not.
class Reader {
 public:
  Reader(std::string_view text, const std::string& name)
      : padded_(text.data(), text.size()), name_(name) {}

  bool Run(ConfigValue& table, std::string& error) {
    ondemand::document document;
    bool iterating = false;  // Else the document has no place to tell: it is empty.
    try {
      document = parser_.iterate(padded_);
      iterating = true;
      if (document.type() != ondemand::json_type::object) {
        error = absl::StrCat(name_, ":1: is no JSON object");
        return false;
      }
      table = ConfigValue();
      table.place = {name_, 1};
      TakeMembers(document.get_object(), 0, table);
      // It has skipped what lies too deep to be a key or behind the object's end; that must be JSON
      // all the same.
      simdjson::dom::parser whole;
      whole.parse(padded_).value();
      return true;
    } catch (const simdjson::simdjson_error& failure) {
      error = absl::StrCat(name_, ":", iterating ? LineOf(document) : 1,
                           ": is no JSON: ", simdjson::error_message(failure.error()));
      return false;
    }
  }

 private:
  std::uint32_t LineAt(const char* at) const {
    const char* begin = padded_.data();
    const char* end = std::clamp(at, begin, begin + padded_.size());
    return 1 + static_cast<std::uint32_t>(std::count(begin, end, '\n'));
  }

  // Where a document was left, as far as simdjson can say: else its last line.
  std::uint32_t LineOf(ondemand::document& document) const {
    const char* at = nullptr;
    if (document.current_location().get(at) != simdjson::SUCCESS) {
      at = padded_.data() + padded_.size();
    }
    return LineAt(at);
  }

  void TakeMembers(ondemand::object object, int depth, ConfigValue& into) {
    into.kind = Kind::kTable;
    for (ondemand::field member : object) {
      const char* at = member.key().raw();
      std::string key(std::string_view(member.unescaped_key()));
      ConfigValue value = Take(member.value(), LineAt(at), depth + 1);
      value.key = std::move(key);
      into.items.push_back(std::move(value));
    }
  }

  ConfigValue Take(ondemand::value from, std::uint32_t line, int depth) {
    ConfigValue value;
    value.place = {name_, line};
    if (depth > kMaxConfigDepth) return value;

    switch (from.type()) {
      case ondemand::json_type::object:
        TakeMembers(from.get_object(), depth, value);
        break;
      case ondemand::json_type::array:
        value.kind = Kind::kList;
        for (ondemand::value item : from.get_array()) {
          const std::uint32_t item_line = LineAt(item.current_location());
          value.items.push_back(Take(item, item_line, depth + 1));
        }
        break;
      case ondemand::json_type::number:
        TakeNumber(from.get_number(), value);
        break;
      case ondemand::json_type::string:
        value.kind = Kind::kString;
        value.text = std::string_view(from.get_string());
        break;
      case ondemand::json_type::boolean:
        value.kind = Kind::kBool;
        value.boolean = from.get_bool();
        break;
      case ondemand::json_type::null:
        if (!from.is_null()) throw simdjson::simdjson_error(simdjson::N_ATOM_ERROR);
        break;
    }
    return value;
  }

  static void TakeNumber(ondemand::number from, ConfigValue& value) {
    if (from.is_int64()) {
      value.kind = Kind::kInteger;
      value.integer = from.get_int64();
    } else if (from.get_number_type() == ondemand::number_type::floating_point_number) {
      value.kind = Kind::kNumber;
      value.number = from.get_double();
    }
  }

  const simdjson::padded_string padded_;
  const std::string& name_;
  ondemand::parser parser_;
};

}  // namespace

bool ReadJsonFile(std::string_view text, const std::string& name, ConfigValue& table,
                  std::string& error) {
  return Reader(text, name).Run(table, error);
}

}  // namespace tickcast::engine
