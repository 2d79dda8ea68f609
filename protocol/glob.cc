#include "protocol/glob.h"

#include <algorithm>

namespace tickcast::protocol {
namespace {

constexpr char32_t kEndOfText = 0;  // As in the original, a zero character ends the pattern.
constexpr char32_t kBad = 0xffff'ffff;

// The character that begins at `at`, which moves behind it; kBad when there is none (RFC 3629;
// surrogates and overlong forms are left to whoever validated the text).
char32_t Next(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  const std::size_t more = lead < 0x80   ? 0
                           : lead < 0xc2 ? 4
                           : lead < 0xe0 ? 1
                           : lead < 0xf0 ? 2
                                         : 3;
  if (more == 4 || lead > 0xf4 || at + more >= text.size()) {
    at = text.size();
    return kBad;
  }
  char32_t character = more == 0 ? lead : lead & (0x3fu >> more);
  for (std::size_t i = 1; i <= more; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) {
      at = text.size();
      return kBad;
    }
    character = character << 6 | (byte(at + i) & 0x3f);
  }
  at += more + 1;
  return character;
}

}  // namespace

class Glob::Compiler {
 public:
  Compiler(std::u32string_view text, Glob& pattern) : text_(text), pattern_(pattern) {}

  bool Run() {
    while (!AtEnd()) {
      if (!Item()) return false;
    }
    // The original takes a `{` that nobody closes as if it were closed at the end.
    while (!open_.empty()) CloseAlternatives();
    Add({Step::kEnd});
    return true;
  }

 private:
  // One `{…}`: where its next alternative is chosen, and the jumps from its alternatives' ends.
  struct Alternatives {
    std::uint32_t split;
    std::vector<std::uint32_t> ends;
  };

  bool AtEnd() const { return at_ >= text_.size() || text_[at_] == kEndOfText; }
  std::uint32_t here() const { return static_cast<std::uint32_t>(pattern_.program_.size()); }
  std::uint32_t Add(Instruction instruction) {
    pattern_.program_.push_back(instruction);
    return here() - 1;
  }

  bool Item() {
    const char32_t character = text_[at_++];
    switch (character) {
      case U'*':
        Add({Step::kStar});
        return true;
      case U'?':
        Add({Step::kAny});
        return true;
      case U'[':
        return Range();
      case U'{':
        open_.push_back({Add({Step::kSplit, here() + 1, 0}), {}});
        return true;
      case U',':
        if (open_.empty()) break;
        NextAlternative();
        return true;
      case U'}':
        if (open_.empty()) break;
        CloseAlternatives();
        return true;
      case U'\\':
        // At the very end it stands for nothing.
        if (!AtEnd()) Add({Step::kCharacter, text_[at_++]});
        return true;
      default:
        break;
    }
    Add({Step::kCharacter, character});
    return true;
  }

  void NextAlternative() {
    Alternatives& alternatives = open_.back();
    alternatives.ends.push_back(Add({Step::kJump}));
    pattern_.program_[alternatives.split].second = here();
    alternatives.split = Add({Step::kSplit, here() + 1, 0});
  }

  void CloseAlternatives() {
    const Alternatives alternatives = std::move(open_.back());
    open_.pop_back();
    // The last alternative has none behind it.
    pattern_.program_[alternatives.split] = {Step::kJump, alternatives.split + 1};
    for (const std::uint32_t end : alternatives.ends) pattern_.program_[end].first = here();
  }

  // Behind a `[`: `a-z]`, or characters up to a `]`; each may have a `!` before it.
  bool Range() {
    if (AtEnd()) return false;
    const bool negated = text_[at_] == U'!';
    if (negated) ++at_;
    if (AtEnd()) return false;
    if (at_ + 1 < text_.size() && text_[at_ + 1] == U'-') {
      if (at_ + 3 >= text_.size() || text_[at_ + 3] != U']') return false;
      const char32_t low = text_[at_];
      const char32_t high = text_[at_ + 2];
      if (high < low || high == kEndOfText) return false;
      at_ += 4;
      Add({negated ? Step::kNotRange : Step::kRange, low, high});
      return true;
    }
    std::u32string characters;
    for (; !AtEnd() && text_[at_] != U']'; ++at_) {
      if (text_[at_] == U'\\' && (++at_, AtEnd())) return false;
      characters += text_[at_];
    }
    if (AtEnd() || characters.empty()) return false;
    ++at_;
    Add({negated ? Step::kNotOneOf : Step::kOneOf,
         static_cast<std::uint32_t>(pattern_.sets_.size())});
    pattern_.sets_.push_back(std::move(characters));
    return true;
  }

  const std::u32string_view text_;
  Glob& pattern_;
  std::size_t at_ = 0;
  std::vector<Alternatives> open_;
};

std::optional<Glob> Glob::Compile(std::string_view pattern) {
  if (pattern.size() > kMaxBytes) return std::nullopt;
  std::u32string characters;
  for (std::size_t at = 0; at < pattern.size();) {
    const char32_t character = Next(pattern, at);
    if (character == kBad) return std::nullopt;
    characters += character;
  }
  Glob compiled;
  if (!Compiler(characters, compiled).Run()) return std::nullopt;
  compiled.entered_.resize(compiled.program_.size());
  return compiled;
}

// Adds `position` and where one gets from it without a character.
void Glob::Enter(std::vector<std::uint32_t>& positions, std::uint32_t position) {
  stack_.push_back(position);
  while (!stack_.empty()) {
    const std::uint32_t at = stack_.back();
    stack_.pop_back();
    if (entered_[at] == round_) continue;
    entered_[at] = round_;
    const Instruction& instruction = program_[at];
    switch (instruction.step) {
      case Step::kSplit:
        stack_.push_back(instruction.second);
        stack_.push_back(instruction.first);
        break;
      case Step::kJump:
        stack_.push_back(instruction.first);
        break;
      case Step::kStar:
        positions.push_back(at);
        stack_.push_back(at + 1);
        break;
      case Step::kCharacter:
      case Step::kAny:
      case Step::kRange:
      case Step::kNotRange:
      case Step::kOneOf:
      case Step::kNotOneOf:
      case Step::kEnd:
        positions.push_back(at);
        break;
    }
  }
}

bool Glob::Takes(const Instruction& instruction, char32_t character) const {
  const auto in_range = [&] {
    return instruction.first <= character && character <= instruction.second;
  };
  const auto in_set = [&] {
    return sets_[instruction.first].find(character) != std::u32string::npos;
  };
  switch (instruction.step) {
    case Step::kCharacter:
      return instruction.first == character;
    case Step::kAny:
    case Step::kStar:
      return true;
    case Step::kRange:
      return in_range();
    case Step::kNotRange:
      return !in_range();
    case Step::kOneOf:
      return in_set();
    case Step::kNotOneOf:
      return !in_set();
    case Step::kSplit:
    case Step::kJump:
    case Step::kEnd:
      return false;
  }
  return false;
}

bool Glob::Matches(std::string_view name) {
  now_.clear();
  ++round_;
  Enter(now_, 0);
  for (std::size_t at = 0; at < name.size() && !now_.empty();) {
    const char32_t character = Next(name, at);
    next_.clear();
    ++round_;
    for (const std::uint32_t position : now_) {
      if (!Takes(program_[position], character)) continue;
      Enter(next_, program_[position].step == Step::kStar ? position : position + 1);
    }
    now_.swap(next_);
  }
  return std::any_of(now_.begin(), now_.end(), [this](std::uint32_t position) {
    return program_[position].step == Step::kEnd;
  });
}

}  // namespace tickcast::protocol
