#include "protocol/centrifuge/tag_number.h"

#include <algorithm>

namespace tickcast::protocol {
namespace {

bool AreDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

int Sign(int order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

int CompareMagnitudes(const TagNumber& one, const TagNumber& other) {
  if (one.whole.size() != other.whole.size()) {
    return one.whole.size() < other.whole.size() ? -1 : 1;
  }
  const int whole = Sign(one.whole.compare(other.whole));
  // Of fractions without trailing zeros the one that the other begins with is less, as of words.
  return whole != 0 ? whole : Sign(one.fraction.compare(other.fraction));
}

}  // namespace

bool ReadTagNumber(std::string_view text, TagNumber& number) {
  if (text.empty() || text.size() > kMaxTagNumberBytes) return false;
  number.negative = text.front() == '-';
  if (text.front() == '-' || text.front() == '+') text.remove_prefix(1);
  const std::size_t point = text.find('.');
  number.whole = text.substr(0, point);
  number.fraction = {};
  if (!AreDigits(number.whole)) return false;
  if (point != text.npos) {
    number.fraction = text.substr(point + 1);
    if (!AreDigits(number.fraction) || number.fraction.size() > kMaxTagNumberPlaces) return false;
  }
  number.whole.remove_prefix(std::min(number.whole.find_first_not_of('0'), number.whole.size()));
  // npos + 1 is 0: nothing but zeros.
  number.fraction = number.fraction.substr(0, number.fraction.find_last_not_of('0') + 1);
  if (number.whole.empty() && number.fraction.empty()) number.negative = false;
  return true;
}

int CompareTagNumbers(const TagNumber& one, const TagNumber& other) {
  if (one.negative != other.negative) return one.negative ? -1 : 1;
  const int order = CompareMagnitudes(one, other);
  return one.negative ? -order : order;
}

void AppendTagNumber(const TagNumber& number, std::string& out) {
  if (number.negative) out += '-';
  out += number.whole.empty() ? std::string_view("0") : number.whole;
  if (number.fraction.empty()) return;
  out += '.';
  out += number.fraction;
}

}  // namespace tickcast::protocol
