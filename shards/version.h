// The program's version, as clients and --version see it.
#pragma once

#include <string_view>

namespace tickcast::shards {

inline constexpr std::string_view kVersion = "tickcast 0.1.0";

}  // namespace tickcast::shards
