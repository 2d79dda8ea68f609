// Abseil(): a std::string_view as the type of its own that Debian's abseil has for it.
//
// The package is built for C++14 readers, so absl::string_view is not std::string_view there and
// nothing converts by itself.
#pragma once

#include <string_view>

#include "absl/strings/string_view.h"

namespace tickcast::protocol {

inline absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace tickcast::protocol
