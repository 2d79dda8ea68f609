#include "engine/config_value.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

namespace tickcast::engine {

std::string_view ConfigKindName(ConfigValue::Kind kind) {
  switch (kind) {
    case ConfigValue::Kind::kBool:
      return "a boolean";
    case ConfigValue::Kind::kInteger:
      return "an integer";
    case ConfigValue::Kind::kNumber:
      return "a number";
    case ConfigValue::Kind::kString:
      return "a string";
    case ConfigValue::Kind::kList:
      return "a list";
    case ConfigValue::Kind::kTable:
      return "a table";
    case ConfigValue::Kind::kOther:
      break;
  }
  return "a value of a type that no key has";
}

std::string ConfigPlace::Text() const {
  return line == 0 ? source : absl::StrCat(source, ":", line);
}

void ConfigMistakes::Add(const ConfigPlace& place, std::string_view what) {
  if (mistakes_.size() >= kMost) {
    ++left_out_;
    return;
  }
  std::string text = place.Text();
  text.append(": ").append(what);
  mistakes_.push_back({place.line, std::move(text)});
}

std::vector<std::string> ConfigMistakes::Take() {
  // Line 0, which flags and variables have, goes last.
  std::stable_sort(mistakes_.begin(), mistakes_.end(),
                   [](const Mistake& a, const Mistake& b) { return a.line - 1 < b.line - 1; });
  std::vector<std::string> lines;
  for (Mistake& mistake : mistakes_) lines.push_back(std::move(mistake.text));
  if (left_out_ > 0) lines.push_back(absl::StrCat("and ", left_out_, " more"));
  mistakes_.clear();
  left_out_ = 0;
  return lines;
}

}  // namespace tickcast::engine
