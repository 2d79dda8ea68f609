// Glob: a pattern for names: of channels, as a `channels` call of the server API asks for them, and
// of origins, as client.allowed_origins lists them.
//
// The original compiles both with github.com/gobwas/glob, without separators: `*` and `**` any
// characters, `?` one, `[abc]` one of them, `[a-c]` one in between, `[!…]` one that is not,
// `{a,b*}` one of several patterns, `\` takes the next character as it is. Here it becomes a
// program for a set of positions in the pattern, so that a name costs its length times that of the
// pattern, whatever they are, and no pattern can make a shard stand still. Threading: one thread,
// as Matches() uses scratch of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tickcast::protocol {

class Glob {
 public:
  static constexpr std::size_t kMaxBytes = 1024;

  // Nothing when `pattern` is no pattern, no UTF-8, or longer than kMaxBytes.
  static std::optional<Glob> Compile(std::string_view pattern);

  // Whether the whole of `name` matches. What is no UTF-8 is one character that is like no other.
  bool Matches(std::string_view name);

 private:
  enum class Step : std::uint8_t {
    kCharacter,  // `first` itself.
    kAny,
    kRange,     // From `first` to `second`.
    kNotRange,  // Any other.
    kOneOf,     // The characters of sets_[first], …
    kNotOneOf,  // … and any other than them.
    kStar,      // Stays here over any character, or goes on.
    kSplit,     // Goes on at `first` and at `second`.
    kJump,      // Goes on at `first`.
    kEnd,
  };
  struct Instruction {
    Step step;
    std::uint32_t first = 0;
    std::uint32_t second = 0;
  };
  class Compiler;

  Glob() = default;
  void Enter(std::vector<std::uint32_t>& positions, std::uint32_t position);
  bool Takes(const Instruction& instruction, char32_t character) const;

  std::vector<Instruction> program_;
  std::vector<std::u32string> sets_;
  // Scratch of Matches(): positions before and after a character, and which are in the list.
  std::vector<std::uint32_t> now_, next_, stack_;
  std::vector<std::uint32_t> entered_;
  std::uint32_t round_ = 0;
};

}  // namespace tickcast::protocol
