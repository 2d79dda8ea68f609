// Decimal numbers as tags have them: texts that are compared exactly, without becoming a number.
//
// Source: what github.com/quagmt/udecimal takes, by which the original compares: a sign or none, at
// least one digit, then a point with 1 to 19 digits or none; no exponent, at most 200 characters.
// Threading: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace tickcast::protocol {

inline constexpr std::size_t kMaxTagNumberBytes = 200;
inline constexpr std::size_t kMaxTagNumberPlaces = 19;  // Digits behind the point.

// A number in the pieces that say what it is worth. The views point into the text it was read from.
struct TagNumber {
  bool negative = false;      // Never for 0.
  std::string_view whole;     // Without leading zeros; empty = 0.
  std::string_view fraction;  // Without trailing zeros.
};

// False when `text` is not a number.
bool ReadTagNumber(std::string_view text, TagNumber& number);

// Less than, equal to or greater than 0 as `one` is less than, equal to or greater than `other`.
int CompareTagNumbers(const TagNumber& one, const TagNumber& other);

// Appends the shortest text that is this number; equal numbers give the same.
void AppendTagNumber(const TagNumber& number, std::string& out);

}  // namespace tickcast::protocol
