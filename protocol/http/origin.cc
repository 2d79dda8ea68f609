#include "protocol/http/origin.h"

namespace tickcast::protocol {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool OriginMatches(std::string_view pattern, std::string_view origin) {
  std::size_t at = 0;
  std::size_t from = 0;
  // Where the last `*` stands, and what it has taken so far: on a mismatch it takes one more.
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;
  while (from < origin.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      taken = from;
    } else if (at < pattern.size() &&
               (pattern[at] == '?' || Lower(pattern[at]) == Lower(origin[from]))) {
      ++at;
      ++from;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      from = ++taken;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

}  // namespace tickcast::protocol
