// What somebody may have meant by a word that is not known.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tickcast::engine {

// " (did you mean `insecure`?)" for the nearest of `known`, or empty when none is near: at most a
// third of its characters wrong.
std::string Suggest(std::string_view word, std::span<const std::string_view> known);

}  // namespace tickcast::engine
