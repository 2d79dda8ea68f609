#include "protocol/centrifuge/tag_set.h"

#include <algorithm>

namespace tickcast::protocol {
namespace {

// Appends `rune` as UTF-8. Half of a pair of surrogates is no character, and becomes U+FFFD.
void AppendUtf8(std::uint32_t rune, std::string& out) {
  if (rune >= 0xd800 && rune < 0xe000) rune = 0xfffd;
  const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(value); };
  if (rune < 0x80) return byte(rune);
  if (rune < 0x800) {
    byte(0xc0 | rune >> 6);
  } else {
    if (rune < 0x10000) {
      byte(0xe0 | rune >> 12);
    } else {
      byte(0xf0 | rune >> 18);
      byte(0x80 | (rune >> 12 & 0x3f));
    }
    byte(0x80 | (rune >> 6 & 0x3f));
  }
  byte(0x80 | (rune & 0x3f));
}

// The four digits of a \u escape at the front of `text`.
bool TakeHex(std::string_view& text, std::uint32_t& number) {
  if (text.size() < 4) return false;
  number = 0;
  for (const char digit : text.substr(0, 4)) {
    const char lower = static_cast<char>(digit | 0x20);
    if (digit >= '0' && digit <= '9') {
      number = number << 4 | static_cast<std::uint32_t>(digit - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      number = number << 4 | static_cast<std::uint32_t>(lower - 'a' + 10);
    } else {
      return false;
    }
  }
  text.remove_prefix(4);
  return true;
}

bool IsHigh(std::uint32_t unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool IsLow(std::uint32_t unit) { return unit >= 0xdc00 && unit < 0xe000; }

// What stands behind a \u at the front of `text`, with the second half of a pair.
bool TakeUnicode(std::string_view& text, std::string& out) {
  std::uint32_t rune = 0;
  if (!TakeHex(text, rune)) return false;
  if (IsHigh(rune) && text.starts_with("\\u")) {
    std::string_view rest = text.substr(2);
    std::uint32_t low = 0;
    if (!TakeHex(rest, low)) return false;
    if (IsLow(low)) {
      rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
      text = rest;
    }
  }
  AppendUtf8(rune, out);
  return true;
}

// What stands behind a backslash at the front of `text`. Source: RFC 8259 section 7.
bool TakeEscape(std::string_view& text, std::string& out) {
  if (text.empty()) return false;
  const char escape = text.front();
  text.remove_prefix(1);
  switch (escape) {
    case '"':
    case '\\':
    case '/':
      out += escape;
      return true;
    case 'b':
      out += '\b';
      return true;
    case 'f':
      out += '\f';
      return true;
    case 'n':
      out += '\n';
      return true;
    case 'r':
      out += '\r';
      return true;
    case 't':
      out += '\t';
      return true;
    case 'u':
      return TakeUnicode(text, out);
    default:
      return false;
  }
}

bool Take(char wanted, std::string_view& line) {
  if (line.empty() || line.front() != wanted) return false;
  line.remove_prefix(1);
  return true;
}

}  // namespace

bool TagSet::Read(std::string_view line) {
  tags_.clear();
  unescaped_.clear();
  if (line.empty()) return true;
  unescaped_.reserve(line.size());  // Escaped texts are never shorter than what they say.
  if (!ReadMembers(line)) {
    tags_.clear();
    return false;
  }
  Sort();
  return true;
}

bool TagSet::ReadMembers(std::string_view line) {
  if (!Take('{', line)) return false;
  if (line == "}") return true;
  do {
    Tag tag;
    tag.place = static_cast<std::uint32_t>(tags_.size());
    if (!ReadString(line, tag.name) || !Take(':', line) || !ReadString(line, tag.value)) {
      return false;
    }
    tags_.push_back(tag);
  } while (Take(',', line));
  return line == "}";
}

bool TagSet::ReadString(std::string_view& line, std::string_view& text) {
  if (!Take('"', line)) return false;
  const std::size_t plain = line.find_first_of("\"\\");
  if (plain == line.npos) return false;
  text = line.substr(0, plain);
  line.remove_prefix(plain);
  if (Take('"', line)) return true;
  const std::size_t begin = unescaped_.size();
  unescaped_ += text;
  while (!Take('"', line)) {
    if (Take('\\', line)) {
      if (!TakeEscape(line, unescaped_)) return false;
      continue;
    }
    if (line.empty()) return false;
    unescaped_ += line.front();
    line.remove_prefix(1);
  }
  text = std::string_view(unescaped_).substr(begin);
  return true;
}

void TagSet::Sort() {
  // Of equal names the last one first, which is the one that Find() comes to.
  std::sort(tags_.begin(), tags_.end(), [](const Tag& one, const Tag& other) {
    const int order = one.name.compare(other.name);
    return order != 0 ? order < 0 : one.place > other.place;
  });
}

const std::string_view* TagSet::Find(std::string_view name) const {
  const auto found =
      std::lower_bound(tags_.begin(), tags_.end(), name,
                       [](const Tag& tag, std::string_view wanted) { return tag.name < wanted; });
  return found != tags_.end() && found->name == name ? &found->value : nullptr;
}

}  // namespace tickcast::protocol
