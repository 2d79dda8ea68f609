#include "protocol/exchange/frame_walk.h"

#include <algorithm>

namespace tickcast::protocol {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Tokens come with the white space behind them.
std::string_view TrimEnd(std::string_view token) {
  while (!token.empty() && IsSpace(token.back())) token.remove_suffix(1);
  return token;
}

const char* SkipDigits(const char* at, const char* end) {
  return std::find_if_not(at, end, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool IsJsonNumber(std::string_view token) {
  const char* at = token.data();
  const char* const end = at + token.size();
  if (at != end && *at == '-') ++at;
  const char* const whole = at;
  at = SkipDigits(at, end);
  if (at == whole || (*whole == '0' && at - whole > 1)) return false;
  if (at != end && *at == '.') {
    const char* const fraction = ++at;
    at = SkipDigits(at, end);
    if (at == fraction) return false;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '-' || *at == '+')) ++at;
    const char* const exponent = at;
    at = SkipDigits(at, end);
    if (at == exponent) return false;
  }
  return at == end;
}

std::optional<std::string_view> FrameWalk::KeyOf(simdjson::ondemand::field& field) const {
  if (has_escapes_) {
    std::string_view key;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS) return std::nullopt;
    return key;
  }
  const char* const begin = field.key().raw();
  const char* end = begin;
  // Stage 1 has seen the closing quote; keys are a few bytes long.
  while (*end != '"') ++end;
  return std::string_view(begin, static_cast<std::size_t>(end - begin));
}

bool FrameWalk::ReadString(Value& value, std::string_view token, Scalar& out) const {
  out.kind = Scalar::Kind::kString;
  token = TrimEnd(token);
  if (token.size() < 2 || token.back() != '"') return false;
  out.text = token.substr(1, token.size() - 2);
  if (has_escapes_) return value.get_string().get(out.text) == simdjson::SUCCESS;
  // The string is consumed, not left for the iterator to skip: skipping takes a string before a
  // colon for a key, and {"a":"b":1} would pass.
  simdjson::ondemand::raw_json_string consumed;
  return value.get_raw_json_string().get(consumed) == simdjson::SUCCESS;
}

bool FrameWalk::Read(Value& value, Scalar& out) {
  // The first character goes first: behind the frame's last token a token has no length.
  const char first = FirstCharacter(value);
  if (first == '"') return ReadString(value, value.raw_json_token(), out);
  if (first == '-' || (first >= '0' && first <= '9')) {
    out.kind = Scalar::Kind::kNumber;
    out.text = TrimEnd(value.raw_json_token());
    return IsJsonNumber(out.text);
  }
  if (first != 't' && first != 'f' && first != 'n') return false;
  out.kind = first == 't'   ? Scalar::Kind::kTrue
             : first == 'f' ? Scalar::Kind::kFalse
                            : Scalar::Kind::kNull;
  out.text = TrimEnd(value.raw_json_token());
  return out.text == (first == 't' ? "true" : first == 'f' ? "false" : "null");
}

bool FrameWalk::Skip(Value& value, int depth) {
  const char first = FirstCharacter(value);
  if (first != '{' && first != '[') {
    Scalar ignored;
    return Read(value, ignored);
  }
  if (depth == 0) return false;
  if (first == '{') {
    Object object;
    return value.get_object().get(object) == simdjson::SUCCESS &&
           ForEachMember(object, [this, depth](std::string_view, Value& member) {
             return Skip(member, depth - 1);
           });
  }
  Array array;
  return value.get_array().get(array) == simdjson::SUCCESS &&
         ForEachElement(array, [this, depth](Value& element) { return Skip(element, depth - 1); });
}

bool FrameWalk::ReadAny(Value& value, Scalar& out) {
  const char first = FirstCharacter(value);
  if (first != '{' && first != '[') return Read(value, out);
  out = {{}, Scalar::Kind::kCompound};
  return Skip(value);
}

}  // namespace tickcast::protocol
