#include "protocol/json/payload.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include <simdjson.h>

namespace tickcast::protocol {
namespace {

static_assert(kJsonPaddingBytes >= simdjson::SIMDJSON_PADDING);

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::size_t SkipDigits(std::string_view text, std::size_t at) {
  while (at < text.size() && IsDigit(text[at])) ++at;
  return at;
}

// Whether all of `token` is a number. Source: RFC 8259 section 6.
bool IsNumber(std::string_view token) {
  std::size_t at = token.starts_with('-') ? 1 : 0;
  const std::size_t integer = at;
  at = SkipDigits(token, at);
  if (at == integer || (token[integer] == '0' && at > integer + 1)) return false;
  if (at < token.size() && token[at] == '.') {
    const std::size_t fraction = at + 1;
    at = SkipDigits(token, fraction);
    if (at == fraction) return false;
  }
  if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
    ++at;
    if (at < token.size() && (token[at] == '+' || token[at] == '-')) ++at;
    const std::size_t exponent = at;
    at = SkipDigits(token, exponent);
    if (at == exponent) return false;
  }
  return at == token.size();
}

// The bytes from text[at] on that could belong to one number. Taken as a whole, so that in 1.2.3
// the first half is not mistaken for a number with something behind it.
std::size_t NumberRun(std::string_view text, std::size_t at) {
  const std::size_t end = text.find_first_not_of("0123456789+-.eE", at);
  return std::min(end, text.size()) - at;
}

// The bytes of the string that starts with the quote at text[at], both quotes included.
std::size_t StringRun(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1 - at;
    }
  }
  return text.size() - at;
}

// Copies `text` with every well-formed number replaced by 0: what simdjson would refuse for its
// size only passes afterwards, and anything malformed stays as it was.
void ReplaceNumbers(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t at = 0; at < text.size();) {
    std::size_t run = 1;
    std::string_view piece;
    if (text[at] == '"') {
      run = StringRun(text, at);
    } else if (text[at] == '-' || IsDigit(text[at])) {
      run = NumberRun(text, at);
      if (IsNumber(text.substr(at, run))) piece = "0";
    }
    out += piece.empty() ? text.substr(at, run) : piece;
    at += run;
  }
}

}  // namespace

struct JsonValidator::Impl {
  simdjson::dom::parser parser;
  std::string numberless;  // ReplaceNumbers' output, padded.
  std::vector<char> line;  // Minify's output, padded.

  simdjson::error_code Parse(std::string_view text) {
    // Powers of two, so that a peer whose texts grow by a byte each does not cost an allocation
    // each.
    if (text.size() > parser.capacity() &&
        parser.allocate(std::bit_ceil(text.size()), kMaxJsonDepth) != simdjson::SUCCESS) {
      return simdjson::MEMALLOC;
    }
    return parser.parse(text.data(), text.size(), /*realloc_if_needed=*/false).error();
  }
};

JsonValidator::JsonValidator(std::size_t expected_bytes) : impl_(std::make_unique<Impl>()) {
  // A failure shows again in Parse(), as a text that is not valid.
  [[maybe_unused]] const simdjson::error_code error =
      impl_->parser.allocate(std::max<std::size_t>(expected_bytes, 256), kMaxJsonDepth);
  impl_->line.resize(expected_bytes + kJsonPaddingBytes);
}

JsonValidator::JsonValidator(JsonValidator&&) noexcept = default;
JsonValidator& JsonValidator::operator=(JsonValidator&&) noexcept = default;
JsonValidator::~JsonValidator() = default;

bool JsonValidator::IsValid(std::string_view text) {
  if (text.empty()) return false;
  const simdjson::error_code error = impl_->Parse(text);
  if (error == simdjson::SUCCESS) return true;
  if (error != simdjson::NUMBER_ERROR) return false;

  // simdjson wants every number to fit a 64-bit integer or a double. We hand them on as text, so
  // an amount of wei or 1e400 is nothing to refuse. Rare, hence the second pass.
  ReplaceNumbers(text, impl_->numberless);
  const std::size_t size_bytes = impl_->numberless.size();
  impl_->numberless.append(kJsonPaddingBytes, ' ');
  return impl_->Parse(std::string_view(impl_->numberless).substr(0, size_bytes)) ==
         simdjson::SUCCESS;
}

std::optional<std::string_view> JsonValidator::Minify(std::string_view text) {
  if (!IsValid(text)) return std::nullopt;
  std::vector<char>& line = impl_->line;
  if (line.size() < text.size() + kJsonPaddingBytes) {
    line.resize(std::bit_ceil(text.size()) + kJsonPaddingBytes);
  }
  return std::string_view(line.data(), MinifyValidJson(text, line.data()));
}

std::size_t MinifyValidJson(std::string_view valid_text, char* out) {
  std::size_t size_bytes = 0;
  // Fails only for an unclosed string, which a valid text does not have.
  if (simdjson::minify(valid_text.data(), valid_text.size(), out, size_bytes) !=
      simdjson::SUCCESS) {
    return 0;
  }
  return size_bytes;
}

void AppendQuoted(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t copied = 0;  // Bytes of `text` that are in `out`; clean runs go over in one piece.
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, copied, at - copied);
    copied = at + 1;
    out += '\\';
    switch (c) {
      case '"':
      case '\\':
        out += static_cast<char>(c);
        break;
      case '\b':
        out += 'b';
        break;
      case '\f':
        out += 'f';
        break;
      case '\n':
        out += 'n';
        break;
      case '\r':
        out += 'r';
        break;
      case '\t':
        out += 't';
        break;
      default:
        out += "u00";
        out += kHex[c >> 4];
        out += kHex[c & 0xf];
    }
  }
  out.append(text, copied, text.size() - copied);
  out += '"';
}

}  // namespace tickcast::protocol
