// Reading the members of a JSON object into variables: the inside of every JSON decoder here.
//
// A text is validated whole, minified into a buffer of the caller's, and then walked there once,
// front to back, by simdjson's on-demand parser, which is safe on a text known to be valid and,
// other than the DOM, can say where a value stands in the text. So a payload is a slice of the
// minified line, and so is a string: one with escapes is unescaped in place, as that never makes it
// longer. Nothing is allocated, and views live as long as the caller's buffer. Threading: a
// JsonObjectReader belongs to one thread. For .cc files only: it includes simdjson.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include <simdjson.h>

#include "protocol/json/payload.h"

namespace tickcast::protocol {

// One value of the text. The Read functions take it as what `out` is and return false when it is
// something else or out of range; null leaves `out` alone and is true, as in the Go servers whose
// clients we talk to. A value is read at most once, before the next one.
class JsonValue {
 public:
  // `line` is the start of the minified text that `value` belongs to.
  JsonValue(simdjson::ondemand::value value, char* line) : value_(value), line_(line) {}

  bool is_null() { return Is(simdjson::ondemand::json_type::null); }
  bool is_string() { return Is(simdjson::ondemand::json_type::string); }

  bool Read(std::string_view& out) {
    if (is_null()) return true;
    if (!is_string()) return false;
    const std::string_view token = value_.raw_json_token();  // With its quotes.
    char* const content = line_ + (token.data() + 1 - line_);
    if (std::memchr(content, '\\', token.size() - 2) == nullptr) {
      out = {content, token.size() - 2};
      return true;
    }
    std::string_view unescaped;
    if (value_.get_string().get(unescaped) != simdjson::SUCCESS) return false;
    std::memcpy(content, unescaped.data(), unescaped.size());
    out = {content, unescaped.size()};
    return true;
  }

  bool Read(bool& out) { return is_null() || value_.get_bool().get(out) == simdjson::SUCCESS; }

  // Whole numbers without fraction or exponent only, as in the original.
  bool Read(std::uint64_t& out) {
    return is_null() || value_.get_uint64().get(out) == simdjson::SUCCESS;
  }
  bool Read(std::int64_t& out) {
    return is_null() || value_.get_int64().get(out) == simdjson::SUCCESS;
  }
  template <std::integral Integer>
  requires(sizeof(Integer) == 4) bool Read(Integer& out) {
    if (is_null()) return true;
    std::int64_t wide = 0;
    if (value_.get_int64().get(wide) != simdjson::SUCCESS) return false;
    if (wide < std::numeric_limits<Integer>::min() || wide > std::numeric_limits<Integer>::max()) {
      return false;
    }
    out = static_cast<Integer>(wide);
    return true;
  }
  bool Read(double& out) { return is_null() || value_.get_double().get(out) == simdjson::SUCCESS; }

  // The value's own text, whatever it is; null is the text `null`.
  bool ReadJson(std::string_view& out) {
    simdjson::ondemand::json_type type;
    if (value_.type().get(type) != simdjson::SUCCESS) return false;
    switch (type) {
      case simdjson::ondemand::json_type::object: {
        simdjson::ondemand::object object;
        return value_.get_object().get(object) == simdjson::SUCCESS &&
               object.raw_json().get(out) == simdjson::SUCCESS;
      }
      case simdjson::ondemand::json_type::array: {
        simdjson::ondemand::array array;
        return value_.get_array().get(array) == simdjson::SUCCESS &&
               array.raw_json().get(out) == simdjson::SUCCESS;
      }
      case simdjson::ondemand::json_type::string:
      case simdjson::ondemand::json_type::number:
      case simdjson::ondemand::json_type::boolean:
      case simdjson::ondemand::json_type::null:
        break;
    }
    out = value_.raw_json_token();
    return true;
  }

  // The same, but only for an object or an array, or null, which leaves `out` alone.
  bool ReadObjectJson(std::string_view& out) {
    return is_null() || (Is(simdjson::ondemand::json_type::object) && ReadJson(out));
  }
  bool ReadArrayJson(std::string_view& out) {
    return is_null() || (Is(simdjson::ondemand::json_type::array) && ReadJson(out));
  }

  // The text of an object all of whose values are strings.
  bool ReadStringMapJson(std::string_view& out) {
    if (is_null()) return true;
    const std::string_view::const_pointer begin = value_.raw_json_token().data();
    std::string_view last;  // With its quotes.
    const bool is_map = ReadObject([&](std::string_view, JsonValue& value) {
      if (!value.is_string()) return false;
      last = value.value_.raw_json_token();
      return true;
    });
    if (!is_map) return false;
    // The closing brace stands right behind the last value, as the text is minified.
    const char* const end = (last.empty() ? begin + 1 : last.data() + last.size()) + 1;
    out = {begin, static_cast<std::size_t>(end - begin)};
    return true;
  }

  // Calls `member(name, value)` for each member of an object, stopping when it returns false.
  // Returns false for that and for any other type, null included.
  template <typename Member>
  bool ReadObject(Member&& member) {
    simdjson::ondemand::object object;
    return value_.get_object().get(object) == simdjson::SUCCESS &&
           EachMember(object, line_, member);
  }

  // The same for the elements of an array.
  template <typename Element>
  bool ReadArray(Element&& element) {
    simdjson::ondemand::array array;
    if (value_.get_array().get(array) != simdjson::SUCCESS) return false;
    for (auto item : array) {
      simdjson::ondemand::value value;
      if (std::move(item).get(value) != simdjson::SUCCESS) return false;
      JsonValue wrapped(value, line_);
      if (!element(wrapped)) return false;
    }
    return true;
  }

  template <typename Member>
  static bool EachMember(simdjson::ondemand::object& object, char* line, Member&& member) {
    for (auto item : object) {
      simdjson::ondemand::field field;
      if (std::move(item).get(field) != simdjson::SUCCESS) return false;
      std::string_view name;
      if (field.unescaped_key().get(name) != simdjson::SUCCESS) return false;
      JsonValue value(field.value(), line);
      if (!member(name, value)) return false;
    }
    return true;
  }

 private:
  bool Is(simdjson::ondemand::json_type wanted) {
    simdjson::ondemand::json_type type;
    return value_.type().get(type) == simdjson::SUCCESS && type == wanted;
  }

  simdjson::ondemand::value value_;
  char* line_;
};

class JsonObjectReader {
 public:
  explicit JsonObjectReader(std::size_t expected_bytes) : validator_(expected_bytes) {
    Reserve(expected_bytes);
  }

  // Validates `text`, minifies it into `line` and calls `member(name, value)` for each member of
  // the object it must be. Returns the minified size, or 0 when the text is not valid, no object,
  // or `member` returned false.
  // REQUIRES: kJsonPaddingBytes readable bytes behind `text`, and behind the text.size() writable
  // ones at `line`.
  template <typename Member>
  std::size_t Read(std::string_view text, char* line, Member&& member) {
    if (!validator_.IsValid(text)) return 0;
    const std::size_t size_bytes = MinifyValidJson(text, line);
    if (size_bytes == 0 || line[0] != '{' || !Reserve(size_bytes)) return 0;
    simdjson::ondemand::document document;
    simdjson::ondemand::object object;
    if (parser_.iterate(line, size_bytes, size_bytes + kJsonPaddingBytes).get(document) !=
            simdjson::SUCCESS ||
        document.get_object().get(object) != simdjson::SUCCESS) {
      return 0;
    }
    return JsonValue::EachMember(object, line, member) ? size_bytes : 0;
  }

  JsonValidator& validator() { return validator_; }

 private:
  bool Reserve(std::size_t size_bytes) {
    return size_bytes <= parser_.capacity() ||
           parser_.allocate(std::bit_ceil(size_bytes), kMaxJsonDepth) == simdjson::SUCCESS;
  }

  JsonValidator validator_;
  simdjson::ondemand::parser parser_;
};

}  // namespace tickcast::protocol
