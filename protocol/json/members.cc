#include "protocol/json/members.h"

#include "protocol/json/object_reader.h"

namespace tickcast::protocol {
namespace {

template <typename Member>
bool Walk(std::string_view json, Member&& member) {
  std::string text(json);
  text.append(kJsonPaddingBytes, ' ');
  std::string line(text.size(), '\0');
  JsonObjectReader reader(json.size());
  return reader.Read(std::string_view(text).substr(0, json.size()), line.data(), member) != 0;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> StringMembers(std::string_view json) {
  std::vector<std::pair<std::string, std::string>> members;
  const bool is_object = Walk(json, [&members](std::string_view name, JsonValue& value) {
    if (!value.is_string()) return true;
    std::string_view text;
    if (!value.Read(text)) return false;
    members.emplace_back(name, text);
    return true;
  });
  if (!is_object) members.clear();
  return members;
}

std::vector<std::string> MemberNames(std::string_view json) {
  std::vector<std::string> names;
  const bool is_object = Walk(json, [&names](std::string_view name, JsonValue&) {
    names.emplace_back(name);
    return true;
  });
  if (!is_object) names.clear();
  return names;
}

}  // namespace tickcast::protocol
