// The options of a sub-command: `-u 42`, `--user 42`, `--user=42`.
// Threading: plain values.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tickcast::tools {

struct SubcommandOption {
  char letter;
  std::string_view name;
  bool takes_value;
};

struct SubcommandOptions {
  std::map<std::string, std::string, std::less<>> values;  // By name; "true" for those without one.
  std::vector<std::string> operands;

  bool Has(std::string_view name) const { return values.contains(name); }
  std::string Get(std::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  }
};

// Reads the arguments behind a sub-command's name; `--help` and `-h` are always known, as "help".
// Empty, or what is wrong with them.
std::string ReadSubcommandOptions(std::span<const std::string> arguments,
                                  std::span<const SubcommandOption> known,
                                  SubcommandOptions& options);

}  // namespace tickcast::tools
