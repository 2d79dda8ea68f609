#include "engine/config_suggest.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "engine/config_apply.h"

namespace tickcast::engine {
namespace {

// Longer words are no typing errors, and the distance costs the product of the lengths.
constexpr std::size_t kMaxWordBytes = 128;

// Levenshtein's distance: insertions, deletions and replacements from one word to the other.
std::size_t Distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j + 1] + 1, row[j] + 1});
    }
  }
  return row.back();
}

std::string DidYouMean(std::string_view word) {
  return word.empty() ? std::string() : " (did you mean `" + std::string(word) + "`?)";
}

std::string_view Nearest(std::string_view word, std::span<const std::string_view> known) {
  std::string_view nearest;
  if (word.size() > kMaxWordBytes) return nearest;
  std::size_t least = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const std::string_view candidate : known) {
    // Cheap, and most candidates end here: so many characters are certainly wrong.
    if (candidate.size() >= word.size() + least || word.size() >= candidate.size() + least)
      continue;
    const std::size_t distance = Distance(word, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace

std::string Suggest(std::string_view word, std::span<const std::string_view> known) {
  return DidYouMean(Nearest(word, known));
}

std::string SuggestConfigKey(std::string_view name) {
  Config scratch;
  std::vector<std::string> names;
  VisitConfigKeys(scratch, [&names](const std::string& known, const ConfigFacts&, ConfigTarget) {
    names.push_back(known);
  });
  // Sections count too: `[clinet]` is told once, not for each of its keys.
  for (std::size_t i = 0, keys = names.size(); i < keys; ++i) {
    for (std::size_t dot = names[i].rfind('.'); dot != std::string::npos && dot > 0;
         dot = names[i].rfind('.', dot - 1)) {
      names.push_back(names[i].substr(0, dot));
    }
  }
  const std::vector<std::string_view> known(names.begin(), names.end());

  const std::string_view nearest = Nearest(name, known);
  if (!nearest.empty()) return DidYouMean(nearest);
  // The right word in the wrong section: `ping_interval` for `client.ping_interval`.
  const std::string last = "." + std::string(name.substr(name.rfind('.') + 1));
  for (const std::string_view candidate : known) {
    if (candidate.size() > last.size() && candidate.ends_with(last)) return DidYouMean(candidate);
  }
  return {};
}

}  // namespace tickcast::engine
