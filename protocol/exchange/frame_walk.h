// FrameWalk: a strict walk over one JSON frame with simdjson's on-demand parser.
//
// On-demand checks only what is asked for: a member that nobody reads may be `tru` or `1"x"`, and
// what follows the last brace is not looked at. Here every token is visited, the skipped ones too,
// so that a frame is taken whole or not at all. Decoders note scalars as they come by and judge
// them when the walk is over, because exchanges do not promise the order of members: the type of a
// message may be its last one.
// Threading: owned by one decoder. Included by decoders only: it brings all of simdjson.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "protocol/exchange/decoder.h"

namespace tickcast::protocol {

// A scalar as written: a string's content without quotes and escapes, else the token itself.
// kCompound stands for an object or array that was skipped in a scalar's place, kLevels for one
// whose price levels went into a LevelList.
struct Scalar {
  enum class Kind : std::uint8_t { kString, kNumber, kTrue, kFalse, kNull, kCompound, kLevels };

  std::string_view text;
  Kind kind = Kind::kNull;

  bool is_string() const { return kind == Kind::kString; }
};

// True when `token` is one number by RFC 8259 section 6.
bool IsJsonNumber(std::string_view token);

class FrameWalk {
 public:
  using Object = simdjson::ondemand::object;
  using Array = simdjson::ondemand::array;
  using Value = simdjson::ondemand::value;

  // Nesting a frame may have; the deepest that is taken has 5.
  static constexpr int kMaxDepth = 32;

  // Visits the frame's members: on_member(std::string_view key, Value& value) reads or skips the
  // value and returns false to give up. An array as frame is visited and skipped. True when the
  // whole frame is one valid object or array and on_member() never gave up.
  template <typename OnMember>
  bool Run(PaddedFrame frame, OnMember&& on_member);

  // Visits the members of `object` in the same way.
  template <typename OnMember>
  bool ForEachMember(Object& object, OnMember&& on_member);

  // Visits the elements of `array`: on_element(Value& value) as above.
  template <typename OnElement>
  bool ForEachElement(Array& array, OnElement&& on_element);

  // Visits everything inside `value` and forgets it. False: it is not valid.
  bool Skip(Value& value) { return Skip(value, kMaxDepth); }

  // Reads a scalar. False: `value` is no valid scalar. The text lives as a market event's views do.
  bool Read(Value& value, Scalar& out);

  // Reads a scalar, or skips an object or array and notes kCompound. False: it is not valid.
  bool ReadAny(Value& value, Scalar& out);

  // '{', '[', '"' or the first character of another scalar.
  static char FirstCharacter(Value& value) { return *value.raw_json_token().data(); }

 private:
  // The key's content; nothing when its escapes are wrong.
  std::optional<std::string_view> KeyOf(simdjson::ondemand::field& field) const;
  bool ReadString(Value& value, std::string_view token, Scalar& out) const;
  bool Skip(Value& value, int depth);

  simdjson::ondemand::parser parser_;
  bool has_escapes_ = false;  // Of the frame: almost none has any, and then no string is searched.
};

template <typename OnMember>
bool FrameWalk::ForEachMember(Object& object, OnMember&& on_member) {
  for (auto entry : object) {
    simdjson::ondemand::field field;
    if (std::move(entry).get(field) != simdjson::SUCCESS) return false;
    const std::optional<std::string_view> key = KeyOf(field);
    if (!key) return false;
    if (!on_member(*key, field.value())) return false;
  }
  return true;
}

template <typename OnElement>
bool FrameWalk::ForEachElement(Array& array, OnElement&& on_element) {
  for (auto entry : array) {
    Value element;
    if (std::move(entry).get(element) != simdjson::SUCCESS) return false;
    if (!on_element(element)) return false;
  }
  return true;
}

template <typename OnMember>
bool FrameWalk::Run(PaddedFrame frame, OnMember&& on_member) {
  static_assert(kJsonPaddingBytes >= simdjson::SIMDJSON_PADDING);
  const std::string_view text = frame.text();
  if (text.empty()) return false;
  has_escapes_ = std::memchr(text.data(), '\\', text.size()) != nullptr;
  simdjson::ondemand::document document;
  if (parser_.iterate(text.data(), text.size(), text.size() + kJsonPaddingBytes).get(document) !=
      simdjson::SUCCESS) {
    return false;
  }
  Object object;
  Array array;
  if (document.get_object().get(object) == simdjson::SUCCESS) {
    if (!ForEachMember(object, on_member)) return false;
  } else if (document.get_array().get(array) == simdjson::SUCCESS) {
    if (!ForEachElement(array, [this](Value& value) { return Skip(value); })) return false;
  } else {
    return false;
  }
  // Whatever follows the last brace is a token more, and makes this answer with its place.
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

}  // namespace tickcast::protocol
