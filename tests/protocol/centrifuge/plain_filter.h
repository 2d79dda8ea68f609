// PlainFilter: what a tag filter means, written down the plain way, for tests to compare with.
//
// A tree of nodes that is walked, tags in a std::map, JSON read by simdjson's DOM, numbers filled
// up with zeros to one length and compared as texts. Shares no code with protocol/centrifuge.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

namespace tickcast::protocol {

using PlainTags = std::map<std::string, std::string>;

// Quotes with the escapes that JSON demands, every other byte as it is.
inline std::string PlainQuoted(std::string_view text) {
  std::string out = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += byte;
    } else if (static_cast<unsigned char>(byte) < 0x20) {
      constexpr char kHex[] = "0123456789abcdef";
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += byte;
    }
  }
  return out + '"';
}

inline std::string PlainTagsJson(const PlainTags& tags) {
  std::string out;
  for (const auto& [name, value] : tags) {
    out += (out.empty() ? "" : ",") + PlainQuoted(name) + ":" + PlainQuoted(value);
  }
  return "{" + out + "}";
}

struct PlainFilter {
  std::string op, key, cmp, val;
  std::vector<std::string> vals;
  std::vector<PlainFilter> nodes;

  // What a filter is that the server must take; nothing else is.
  bool IsValid() const { return Levels() <= 32 && Count() <= 256 && Values() <= 4096 && IsWell(); }

  bool Matches(const PlainTags& tags) const {
    const auto matches = [&tags](const PlainFilter& node) { return node.Matches(tags); };
    if (op == "and") return std::all_of(nodes.begin(), nodes.end(), matches);
    if (op == "or") return std::any_of(nodes.begin(), nodes.end(), matches);
    if (op == "not") return !nodes.front().Matches(tags);
    const auto found = tags.find(key);
    const bool there = found != tags.end();
    const std::string tag = there ? found->second : "";
    if (cmp == "ex") return there;
    if (cmp == "nex") return !there;
    if (cmp == "in") return std::count(vals.begin(), vals.end(), tag) > 0;
    if (cmp == "nin") return std::count(vals.begin(), vals.end(), tag) == 0;
    if (cmp == "eq") return there && tag == val;
    if (cmp == "neq") return !there || tag != val;
    if (!there) return false;
    if (cmp == "sw") return tag.substr(0, val.size()) == val;
    if (cmp == "ew") return tag.size() >= val.size() && tag.substr(tag.size() - val.size()) == val;
    if (cmp == "ct") return tag.find(val) != std::string::npos;
    const auto one = Filled(tag), other = Filled(val);
    if (!one || !other) return false;
    if (cmp == "gt") return *one > *other;
    if (cmp == "gte") return *one >= *other;
    if (cmp == "lt") return *one < *other;
    return *one <= *other;
  }

  std::string Json() const {
    const auto member = [](std::string_view name, const std::string& text) {
      return text.empty() ? "" : "," + PlainQuoted(name) + ":" + PlainQuoted(text);
    };
    std::string out =
        member("op", op) + member("key", key) + member("cmp", cmp) + member("val", val);
    std::string list;
    for (const std::string& value : vals) list += (list.empty() ? "" : ",") + PlainQuoted(value);
    if (!vals.empty()) out += ",\"vals\":[" + list + "]";
    list.clear();
    for (const PlainFilter& node : nodes) list += (list.empty() ? "" : ",") + node.Json();
    if (!nodes.empty()) out += ",\"nodes\":[" + list + "]";
    return "{" + (out.empty() ? out : out.substr(1)) + "}";
  }

  std::string Protobuf() const {
    std::string out = Field(1, op) + Field(2, key) + Field(3, cmp) + Field(4, val);
    for (const std::string& value : vals) out += Bytes(5, value);
    for (const PlainFilter& node : nodes) out += Bytes(6, node.Protobuf());
    return out;
  }

  // A subscribe that asks for it, as a Protobuf command.
  std::string ProtobufSubscribe() const {
    return Varint(1 << 3) + Varint(7) + Bytes(5, Bytes(1, "channel") + Bytes(13, Protobuf()));
  }

  // Nothing where the text is no filter; also a valid one may still not be IsValid().
  static std::optional<PlainFilter> FromJson(std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    if (parser.parse(simdjson::padded_string(text)).get(element) != simdjson::SUCCESS) return {};
    PlainFilter filter;
    if (!filter.Read(element)) return {};
    return filter;
  }

  static std::optional<PlainTags> TagsFromJson(std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.parse(simdjson::padded_string(text)).get_object().get(object) != simdjson::SUCCESS) {
      return {};
    }
    PlainTags tags;
    for (const auto& [name, value] : object) {
      std::string_view tag;
      if (value.get_string().get(tag) != simdjson::SUCCESS) return {};
      tags[std::string(name)] = std::string(tag);
    }
    return tags;
  }

 private:
  std::size_t Levels() const {
    std::size_t most = 0;
    for (const PlainFilter& node : nodes) most = std::max(most, node.Levels());
    return most + 1;
  }
  std::size_t Count() const {
    std::size_t count = 1;
    for (const PlainFilter& node : nodes) count += node.Count();
    return count;
  }
  std::size_t Values() const {
    std::size_t count = vals.size();
    for (const PlainFilter& node : nodes) count += node.Values();
    return count;
  }

  bool IsWell() const {
    const auto well = [](const PlainFilter& node) { return node.IsWell(); };
    if (op == "not") return nodes.size() == 1 && nodes.front().IsWell();
    if (op == "and" || op == "or") {
      return !nodes.empty() && std::all_of(nodes.begin(), nodes.end(), well);
    }
    if (!op.empty()) return false;
    if (cmp == "ex" || cmp == "nex") return val.empty() && vals.empty();
    if (key.empty()) return false;
    if (cmp == "in" || cmp == "nin") return val.empty() && !vals.empty();
    for (const char* const one : {"eq", "neq", "sw", "ew", "ct", "gt", "gte", "lt", "lte"}) {
      if (cmp == one) return !val.empty() && vals.empty();
    }
    return false;
  }

  // A text that sorts as the number does: the sign, 200 digits, 19 digits; the nines' complement
  // of them where the number is negative. Nothing where it is no number.
  static std::optional<std::string> Filled(std::string number) {
    if (number.size() > 200) return {};
    bool negative = false;
    if (!number.empty() && (number[0] == '-' || number[0] == '+')) {
      negative = number[0] == '-';
      number.erase(0, 1);
    }
    std::string fraction;
    if (const auto point = number.find('.'); point != std::string::npos) {
      fraction = number.substr(point + 1);
      number.resize(point);
      if (fraction.empty() || fraction.size() > 19) return {};
    }
    if (number.empty()) return {};
    std::string digits = std::string(200 - number.size(), '0') + number + fraction +
                         std::string(19 - fraction.size(), '0');
    if (digits.find_first_not_of("0123456789") != std::string::npos) return {};
    if (digits.find_first_not_of('0') == std::string::npos) negative = false;
    if (negative) {
      for (char& digit : digits) digit = static_cast<char>('0' + '9' - digit);
    }
    return (negative ? "0" : "1") + digits;
  }

  static bool ReadText(simdjson::dom::element value, std::string& text) {
    if (value.is_null()) return true;
    std::string_view view;
    if (value.get_string().get(view) != simdjson::SUCCESS) return false;
    text = view;
    return true;
  }

  bool Read(simdjson::dom::element element) {
    simdjson::dom::object object;
    if (element.get_object().get(object) != simdjson::SUCCESS) return false;
    for (const auto& [name, value] : object) {
      if (name == "op" && !ReadText(value, op)) return false;
      if (name == "key" && !ReadText(value, key)) return false;
      if (name == "cmp" && !ReadText(value, cmp)) return false;
      if (name == "val" && !ReadText(value, val)) return false;
      if ((name != "vals" && name != "nodes") || value.is_null()) continue;
      simdjson::dom::array array;
      if (value.get_array().get(array) != simdjson::SUCCESS) return false;
      if (name == "vals") vals.assign(array.size(), "");
      if (name == "nodes") nodes.assign(array.size(), {});
      std::size_t index = 0;
      for (const simdjson::dom::element item : array) {
        if (name == "vals" && !ReadText(item, vals[index])) return false;
        if (name == "nodes" && !nodes[index].Read(item)) return false;
        ++index;
      }
    }
    return true;
  }

  static std::string Varint(std::size_t number) {
    std::string out;
    for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
    return out + static_cast<char>(number);
  }
  static std::string Bytes(std::size_t field, const std::string& bytes) {
    return Varint(field << 3 | 2) + Varint(bytes.size()) + bytes;
  }
  static std::string Field(std::size_t field, const std::string& text) {
    return text.empty() ? "" : Bytes(field, text);
  }
};

}  // namespace tickcast::protocol
