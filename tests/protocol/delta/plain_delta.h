// PlainDelta: Fossil deltas read and written the plain way, for tests to compare with.
//
// The reader is as lenient as those of the SDKs (digits may be missing, a copy's comma at the very
// end too, what follows the checksum is not looked at), so what ours takes this must take and make
// the same of. The writer knows two stretches only, the common beginning and the common end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace tickcast::protocol {

class PlainDelta {
 public:
  static std::uint32_t Checksum(std::string text) {
    while (text.size() % 4 != 0) text += '\0';
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
      sum += std::uint32_t{static_cast<unsigned char>(text[at])} << (8 * (3 - at % 4));
    }
    return sum;
  }

  static std::string Number(std::size_t number) {
    const std::string digit(1, kDigits[number % 64]);
    return number < 64 ? digit : Number(number / 64) + digit;
  }

  static std::string Write(const std::string& base, const std::string& target) {
    std::size_t begin = 0, end = 0;
    while (begin < base.size() && begin < target.size() && base[begin] == target[begin]) ++begin;
    while (begin + end < base.size() && begin + end < target.size() &&
           base[base.size() - 1 - end] == target[target.size() - 1 - end]) {
      ++end;
    }
    const std::string middle = target.substr(begin, target.size() - begin - end);
    return Number(target.size()) + "\n" + Number(begin) + "@0," + Number(middle.size()) + ":" +
           middle + Number(end) + "@" + Number(base.size() - end) + "," + Number(Checksum(target)) +
           ";";
  }

  static std::optional<std::string> Apply(const std::string& base, const std::string& delta) {
    std::size_t at = 0;
    const std::uint64_t size = TakeNumber(delta, at);
    if (at >= delta.size() || delta[at++] != '\n') return {};
    std::string out;
    while (at < delta.size()) {
      const std::uint64_t count = TakeNumber(delta, at);
      const char command = at < delta.size() ? delta[at++] : '\0';
      if (command == ';') {
        if (out.size() != size || count != Checksum(out)) return {};
        return out;
      }
      if (command == ':') {
        if (count > delta.size() - at) return {};
        out += delta.substr(at, count);
        at += count;
      } else if (command == '@') {
        const std::uint64_t offset = TakeNumber(delta, at);
        if (at < delta.size() && delta[at++] != ',') return {};
        if (offset + count > base.size()) return {};
        out += base.substr(offset, count);
      } else {
        return {};
      }
      if (out.size() > size) return {};
    }
    return {};
  }

 private:
  static constexpr char kDigits[] =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";

  static std::uint64_t TakeNumber(const std::string& delta, std::size_t& at) {
    std::uint64_t number = 0;
    const std::string digits = kDigits;
    for (; at < delta.size() && digits.find(delta[at]) != std::string::npos; ++at) {
      number = (number * 64 + digits.find(delta[at])) & 0xffffffff;
    }
    return number;
  }
};

}  // namespace tickcast::protocol
