// What fuzzers ask of the code they call: a promise that does not hold ends the program, which is
// how libFuzzer and the replay of a corpus hear of it. Threading: each fuzzer is one thread.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/json/payload.h"

namespace tickcast::fuzz {

inline void Require(bool holds) {
  if (!holds) std::abort();
}

// `json` is one line of valid JSON that nothing can be minified from.
inline void RequireLine(std::string_view json) {
  static protocol::JsonValidator validator;
  const std::string padded = std::string(json) + std::string(protocol::kJsonPaddingBytes, ' ');
  Require(validator.Minify(std::string_view(padded).substr(0, json.size())) == json);
}

}  // namespace tickcast::fuzz
