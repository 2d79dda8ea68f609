// The command line of tickcast.
// Threading: plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tickcast::tools {

struct CommandLine {
  enum class Action {
    kServe,
    kCheckConfig,
    kShowReference,            // The tables of docs/configuration.md.
    kShowCentrifugoReference,  // The tables of docs/from-centrifugo.md.
    kShowVersion,
    kShowHelp,
  };

  Action action = Action::kServe;
  std::string config_file;           // Empty: none.
  std::vector<std::string> sets;     // Each `key=value`.
  std::vector<std::string> replays;  // Each a capture.
};

// What --help prints.
extern const std::string_view kHelp;

// Reads the arguments behind the program's name. Empty, or what is wrong with them. `--name=value`
// and `--name value` are the same.
std::string ReadCommandLine(const std::vector<std::string>& arguments, CommandLine& line);

}  // namespace tickcast::tools
