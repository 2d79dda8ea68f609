#include "protocol/centrifuge/protobuf_reader.h"

#include <simdjson.h>

namespace tickcast::protocol {

bool TakeVarint(std::string_view& bytes, std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    // The tenth byte has room for the 64th bit only.
    if (i == 9 && byte > 1) return false;
    value |= std::uint64_t{byte & 0x7Fu} << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

bool TakeLengthDelimited(std::string_view& bytes, std::string_view& content) {
  std::uint64_t size_bytes = 0;
  if (!TakeVarint(bytes, size_bytes) || size_bytes > bytes.size()) return false;
  content = bytes.substr(0, size_bytes);
  bytes.remove_prefix(size_bytes);
  return true;
}

bool ProtobufReader::Next() {
  if (bad_ || rest_.empty()) return false;
  std::uint64_t tag = 0;
  if (!TakeVarint(rest_, tag)) return Bad();
  constexpr std::uint64_t kMaxNumber = (1u << 29) - 1;
  if (tag >> 3 == 0 || tag >> 3 > kMaxNumber) return Bad();
  number_ = static_cast<std::uint32_t>(tag >> 3);
  wire_type_ = tag & 7;
  return TakeContent() || Bad();
}

bool ProtobufReader::TakeContent() {
  switch (wire_type_) {
    case kVarint:
      return TakeVarint(rest_, varint_);
    case kLengthDelimited:
      return TakeLengthDelimited(rest_, bytes_);
    case kFixed64:
    case kFixed32: {
      const std::size_t size_bytes = wire_type_ == kFixed64 ? 8 : 4;
      if (rest_.size() < size_bytes) return false;
      rest_.remove_prefix(size_bytes);
      return true;
    }
    default:
      return false;
  }
}

bool ProtobufReader::ReadBytes(std::string_view& out) {
  if (wire_type_ != kLengthDelimited) return Bad();
  out = bytes_;
  return true;
}

bool ProtobufReader::Read(std::string_view& text) {
  if (!ReadBytes(text)) return false;
  return simdjson::validate_utf8(text.data(), text.size()) || Bad();
}

bool ProtobufReader::Read(std::uint64_t& out) {
  if (wire_type_ != kVarint) return Bad();
  out = varint_;
  return true;
}

bool ProtobufReader::Read(std::int64_t& out) {
  std::uint64_t bits = 0;
  if (!Read(bits)) return false;
  out = static_cast<std::int64_t>(bits);
  return true;
}

bool ProtobufReader::Read(std::uint32_t& out) {
  std::uint64_t wide = 0;
  if (!Read(wide)) return false;
  if (wide > std::numeric_limits<std::uint32_t>::max()) return Bad();
  out = static_cast<std::uint32_t>(wide);
  return true;
}

bool ProtobufReader::Read(std::int32_t& out) {
  std::int64_t wide = 0;
  if (!Read(wide)) return false;
  if (wide < std::numeric_limits<std::int32_t>::min() ||
      wide > std::numeric_limits<std::int32_t>::max()) {
    return Bad();
  }
  out = static_cast<std::int32_t>(wide);
  return true;
}

bool ProtobufReader::Read(bool& out) {
  std::uint64_t wide = 0;
  if (!Read(wide)) return false;
  out = wide != 0;
  return true;
}

}  // namespace tickcast::protocol
