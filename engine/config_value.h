// ConfigValue: what a source said, before it is known which key it belongs to.
//
// File (TOML), environment and flags (text, JSON where a key is a list) are brought to this one
// form, so that the key table is applied, and mistakes are found and told, in one way for all. Each
// value knows where it stands.
// Threading: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tickcast::engine {

// Where a value stands.
struct ConfigPlace {
  std::string source;      // The file's name as it was given, "--set KEY" or a variable's name.
  std::uint32_t line = 0;  // From 1; 0 where the source has no lines.

  std::string Text() const;  // "server.toml:12" or "TICKCAST_LOG_LEVEL".
};

struct ConfigValue {
  enum class Kind : std::uint8_t {
    kBool,
    kInteger,
    kNumber,
    kString,
    kList,
    kTable,
    kOther,  // A date, null, or an integer beyond int64: no key takes it.
  };

  Kind kind = Kind::kOther;
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0;
  std::string text;
  std::vector<ConfigValue> items;  // kList: in their order. kTable: each with its `key`.
  std::string key;                 // Under which it stands in its table.
  ConfigPlace place;
};

// What `kind` is called in a mistake: "a string", "a list" …
std::string_view ConfigKindName(ConfigValue::Kind kind);

// Collects mistakes, each a line "<place>: <what>".
class ConfigMistakes {
 public:
  // Nobody reads more than this many, and a file of another program would give thousands.
  static constexpr std::size_t kMost = 100;

  void Add(const ConfigPlace& place, std::string_view what);
  bool empty() const { return mistakes_.empty(); }

  // In the order of the file's lines, then those of other sources as they were found; one more line
  // says how many were left out. Empties the collection.
  std::vector<std::string> Take();

 private:
  struct Mistake {
    std::uint32_t line;
    std::string text;
  };
  std::vector<Mistake> mistakes_;
  std::size_t left_out_ = 0;
};

// Deeper than any key goes; a value below is kOther.
inline constexpr int kMaxConfigDepth = 16;

}  // namespace tickcast::engine
