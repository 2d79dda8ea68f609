#include "protocol/delta/fossil.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

namespace tickcast::protocol {
namespace {

constexpr std::string_view kDigits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
static_assert(kDigits.size() == 64);

constexpr std::uint8_t kNoDigit = 0xff;
constexpr std::array<std::uint8_t, 256> kDigitValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t digit = 0; digit < kDigits.size(); ++digit) {
    values[static_cast<unsigned char>(kDigits[digit])] = static_cast<std::uint8_t>(digit);
  }
  return values;
}();

std::uint32_t DigitCount(std::size_t number) {
  return number == 0 ? 1 : (static_cast<std::uint32_t>(std::bit_width(number)) + 5) / 6;
}

void AppendDigits(std::size_t number, std::string& out) {
  for (std::uint32_t digit = DigitCount(number); digit-- > 0;) {
    out += kDigits[(number >> (6 * digit)) & 63];
  }
}

std::uint32_t ReadFour(const char* bytes) {
  std::uint32_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// The sum of the text read as big-endian words, the last one filled up with zeros.
std::uint32_t Checksum(std::string_view text) {
  std::uint32_t sum = 0;
  for (; text.size() >= 4; text.remove_prefix(4)) sum += __builtin_bswap32(ReadFour(text.data()));
  int shift = 24;
  for (const char byte : text) {
    sum += static_cast<std::uint32_t>(static_cast<unsigned char>(byte)) << shift;
    shift -= 8;
  }
  return sum;
}

// Length of what two texts begin with in common, up to `most`.
std::size_t CommonBytes(const char* one, const char* other, std::size_t most) {
  std::size_t same = 0;
  for (; same + 8 <= most; same += 8) {
    std::uint64_t a, b;
    std::memcpy(&a, one + same, 8);
    std::memcpy(&b, other + same, 8);
    if (a != b) return same + static_cast<std::size_t>(std::countr_zero(a ^ b)) / 8;
  }
  while (same < most && one[same] == other[same]) ++same;
  return same;
}
static_assert(std::endian::native == std::endian::little, "countr_zero finds the first byte");

std::size_t CommonBytesAtEnd(std::string_view one, std::string_view other, std::size_t most) {
  std::size_t same = 0;
  while (same < most && one[one.size() - 1 - same] == other[other.size() - 1 - same]) ++same;
  return same;
}

// Copies of fewer bytes than this cannot pay: the command alone takes four.
constexpr std::size_t kLeastCopyBytes = 5;
// Of the places in the base that a stretch could come from, so many are tried, first ones first.
constexpr int kMostTries = 16;
// Behind the beginning of a copy at least this long no better one is looked for: what it covers is
// taken from it. Keeps a text of one repeated byte from costing a quadratic time.
constexpr std::size_t kLongCopyBytes = 32;

}  // namespace

// One delta on its way. The target is cut in three: a beginning and an end that the base has as
// well, which are copied, and the middle, for which Plan() finds the cheapest commands from its end
// to its beginning.
class DeltaWriter {
 public:
  DeltaWriter(std::string_view base, std::string_view target, std::string& out,
              DeltaScratch& scratch)
      : base_(base), target_(target), out_(out), scratch_(scratch) {}

  void Write() {
    FindEnds();
    AppendDigits(target_.size(), out_);
    out_ += '\n';
    if (begin_ > 0) Copy(begin_, 0);
    if (begin_ < end_) {
      FindCopies();
      Plan();
      WriteMiddle();
    }
    if (end_ < target_.size()) Copy(target_.size() - end_, base_.size() - (target_.size() - end_));
    AppendDigits(Checksum(target_), out_);
    out_ += ';';
  }

 private:
  using Step = DeltaScratch::Step;

  // A place where the target may be cut: not within a character.
  bool CanCut(std::size_t at) const {
    return at >= target_.size() || (static_cast<unsigned char>(target_[at]) & 0xc0) != 0x80;
  }

  void FindEnds() {
    const std::size_t most = std::min(base_.size(), target_.size());
    begin_ = CommonBytes(base_.data(), target_.data(), most);
    while (begin_ > 0 && !CanCut(begin_)) --begin_;
    if (begin_ < kLeastCopyBytes && begin_ < target_.size()) begin_ = 0;
    std::size_t tail = CommonBytesAtEnd(base_, target_, most - begin_);
    while (tail > 0 && !CanCut(target_.size() - tail)) --tail;
    if (tail < kLeastCopyBytes && tail < target_.size()) tail = 0;
    end_ = target_.size() - tail;
  }

  std::size_t HashOf(const char* bytes) const {
    return (ReadFour(bytes) * 0x9E3779B1u) >> hash_shift_;
  }

  void IndexBase() {
    const std::size_t size = std::bit_ceil(std::clamp<std::size_t>(base_.size(), 64, 1 << 14));
    hash_shift_ = 32 - std::countr_zero(size);
    scratch_.first_.assign(size, 0);
    if (scratch_.next_.size() < base_.size()) scratch_.next_.resize(base_.size());
    if (base_.size() < 4) return;
    // From the end, so that of equal stretches the first is found first: its offset has the fewest
    // digits, and in a run of one byte it is the longest.
    for (std::size_t at = base_.size() - 3; at-- > 0;) {
      std::uint32_t& first = scratch_.first_[HashOf(base_.data() + at)];
      scratch_.next_[at] = first;
      first = static_cast<std::uint32_t>(at + 1);
    }
  }

  // Finds for every place of the middle the longest copy that may begin there.
  void FindCopies() {
    IndexBase();
    if (scratch_.steps_.size() < end_ - begin_ + 1) scratch_.steps_.resize(end_ - begin_ + 1);
    std::size_t long_end = 0;  // Up to here a long copy covers the target …
    std::size_t shift = 0;     // … from this much behind the same place in the base, modulo 2^64.
    for (std::size_t at = begin_; at < end_; ++at) {
      Step& step = scratch_.steps_[at - begin_];
      step.copy_bytes = 0;
      if (!CanCut(at)) continue;
      if (at < long_end) {
        SetCopy(step, at, at + shift, long_end - at);
        continue;
      }
      FindCopy(step, at, at + shift);
      if (step.copy_bytes == 0) continue;
      shift = step.copy_offset - at;
      if (step.copy_bytes >= kLongCopyBytes) long_end = at + step.copy_bytes;
    }
  }

  // `aligned` is where in the base it would go on after the last copy, which is the likeliest place
  // where a text has many stretches that look the same.
  void FindCopy(Step& step, std::size_t at, std::size_t aligned) const {
    if (at + kLeastCopyBytes > end_) return;
    TryCopy(step, at, aligned);
    if (step.copy_bytes >= kLongCopyBytes) return;
    std::uint32_t place = scratch_.first_[HashOf(target_.data() + at)];
    for (int tries = kMostTries; place != 0 && tries > 0; --tries) {
      TryCopy(step, at, place - 1);
      place = scratch_.next_[place - 1];
    }
  }

  void TryCopy(Step& step, std::size_t at, std::size_t offset) const {
    if (offset >= base_.size()) return;
    const std::size_t most = std::min(base_.size() - offset, end_ - at);
    const std::size_t same = CommonBytes(base_.data() + offset, target_.data() + at, most);
    if (same > step.copy_bytes) SetCopy(step, at, offset, same);
  }

  void SetCopy(Step& step, std::size_t at, std::size_t offset, std::size_t size_bytes) const {
    while (size_bytes > 0 && !CanCut(at + size_bytes)) --size_bytes;
    if (size_bytes < kLeastCopyBytes) return;
    step.copy_bytes = static_cast<std::uint32_t>(size_bytes);
    step.copy_offset = static_cast<std::uint32_t>(offset);
  }

  // The header of an insertion is counted with two bytes, which is what it has up to 63 bytes.
  void Plan() {
    std::vector<Step>& steps = scratch_.steps_;
    const std::size_t count = end_ - begin_;
    steps[count].cost_bytes = 0;
    for (std::size_t at = count; at-- > 0;) {
      Step& step = steps[at];
      const bool last = at + 1 == count;
      step.literal_ends =
          last || (CanCut(begin_ + at + 1) && steps[at + 1].cost_bytes <= steps[at + 1].in_literal);
      step.in_literal =
          1 + (step.literal_ends ? steps[at + 1].cost_bytes : steps[at + 1].in_literal);
      step.cost_bytes = 2 + step.in_literal;
      if (step.copy_bytes == 0) continue;
      const std::uint32_t copied = DigitCount(step.copy_bytes) + DigitCount(step.copy_offset) + 2 +
                                   steps[at + step.copy_bytes].cost_bytes;
      if (copied < step.cost_bytes) {
        step.cost_bytes = copied;
      } else {
        step.copy_bytes = 0;
      }
    }
  }

  void WriteMiddle() {
    const std::vector<Step>& steps = scratch_.steps_;
    const std::size_t count = end_ - begin_;
    for (std::size_t at = 0; at < count;) {
      if (steps[at].copy_bytes > 0) {
        Copy(steps[at].copy_bytes, steps[at].copy_offset);
        at += steps[at].copy_bytes;
        continue;
      }
      const std::size_t from = at;
      while (!steps[at].literal_ends) ++at;
      ++at;
      AppendDigits(at - from, out_);
      out_ += ':';
      out_ += target_.substr(begin_ + from, at - from);
    }
  }

  void Copy(std::size_t size_bytes, std::size_t offset) {
    AppendDigits(size_bytes, out_);
    out_ += '@';
    AppendDigits(offset, out_);
    out_ += ',';
  }

  const std::string_view base_;
  const std::string_view target_;
  std::string& out_;
  DeltaScratch& scratch_;
  std::size_t begin_ = 0;  // Of the middle, in the target.
  std::size_t end_ = 0;
  int hash_shift_ = 0;
};

void AppendDelta(std::string_view base, std::string_view target, std::string& out,
                 DeltaScratch& scratch) {
  DeltaWriter(base, target, out, scratch).Write();
}

namespace {

// Takes the commands of a delta from its front.
class DeltaReader {
 public:
  explicit DeltaReader(std::string_view delta) : left_(delta) {}

  // A number of at least one digit and at most 32 bits.
  bool ReadNumber(std::size_t& number) {
    std::uint64_t value = 0;
    std::size_t digits = 0;
    for (; digits < left_.size(); ++digits) {
      const std::uint8_t digit = kDigitValues[static_cast<unsigned char>(left_[digits])];
      if (digit == kNoDigit) break;
      value = value << 6 | digit;
      if (value > std::numeric_limits<std::uint32_t>::max()) return false;
    }
    left_.remove_prefix(digits);
    number = static_cast<std::size_t>(value);
    return digits > 0;
  }

  // The next byte, or 0, which no command is, at the end.
  char ReadByte() {
    if (left_.empty()) return 0;
    const char byte = left_.front();
    left_.remove_prefix(1);
    return byte;
  }

  bool ReadBytes(std::size_t size_bytes, std::string_view& bytes) {
    if (size_bytes > left_.size()) return false;
    bytes = left_.substr(0, size_bytes);
    left_.remove_prefix(size_bytes);
    return true;
  }

  bool at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
};

bool Apply(std::string_view base, std::string_view delta, std::string& out) {
  const std::size_t before = out.size();
  DeltaReader reader(delta);
  std::size_t target_size = 0;
  if (!reader.ReadNumber(target_size) || target_size > kMaxDeltaTargetBytes) return false;
  if (reader.ReadByte() != '\n') return false;
  for (;;) {
    std::size_t number = 0;
    if (!reader.ReadNumber(number)) return false;
    std::string_view bytes;
    switch (reader.ReadByte()) {
      case '@': {
        std::size_t offset = 0;
        if (!reader.ReadNumber(offset) || reader.ReadByte() != ',') return false;
        if (offset > base.size() || number > base.size() - offset) return false;
        bytes = base.substr(offset, number);
        break;
      }
      case ':':
        if (!reader.ReadBytes(number, bytes)) return false;
        break;
      case ';': {
        const std::string_view target = std::string_view(out).substr(before);
        return reader.at_end() && target.size() == target_size && number == Checksum(target);
      }
      default:
        return false;
    }
    if (bytes.size() > target_size - (out.size() - before)) return false;
    out += bytes;
  }
}

}  // namespace

bool ApplyDelta(std::string_view base, std::string_view delta, std::string& out) {
  const std::size_t before = out.size();
  if (Apply(base, delta, out)) return true;
  out.resize(before);
  return false;
}

}  // namespace tickcast::protocol
