#include "tools/tickcast/subcommand_options.h"

#include <algorithm>

namespace tickcast::tools {
namespace {

constexpr SubcommandOption kHelpOption = {'h', "help", false};

const SubcommandOption* Find(const std::string& word, std::span<const SubcommandOption> known) {
  const auto is = [&word](const SubcommandOption& option) {
    return word == "--" + std::string(option.name) || word == std::string("-") + option.letter;
  };
  if (is(kHelpOption)) return &kHelpOption;
  const auto found = std::find_if(known.begin(), known.end(), is);
  return found == known.end() ? nullptr : &*found;
}

}  // namespace

std::string ReadSubcommandOptions(std::span<const std::string> arguments,
                                  std::span<const SubcommandOption> known,
                                  SubcommandOptions& options) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument.size() < 2 || argument[0] != '-') {
      options.operands.push_back(argument);
      continue;
    }
    const std::size_t equals = argument.find('=');
    const std::string word = argument.substr(0, equals);
    const SubcommandOption* option = Find(word, known);
    if (option == nullptr) return "unknown option '" + word + "'";
    std::string value = "true";
    if (equals != std::string::npos) {
      if (!option->takes_value) return word + " takes no value";
      value = argument.substr(equals + 1);
    } else if (option->takes_value) {
      if (i + 1 == arguments.size()) return word + " needs a value";
      value = arguments[++i];
    }
    if (!options.values.emplace(option->name, value).second) return word + " is given twice";
  }
  return {};
}

}  // namespace tickcast::tools
