// Reading a Protobuf message field by field.
//
// Nothing is copied: what a field holds is a number or a slice of the message. A reader knows no
// schema; whoever takes a field says what type it has to be, and another one makes the message bad.
// Groups, which proto3 does not have, are not read.
// Source: protobuf.dev/programming-guides/encoding. Threading: values on the stack.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>

namespace tickcast::protocol {

// Takes a varint off the front of `bytes`. False where it is cut short or longer than 64 bits.
bool TakeVarint(std::string_view& bytes, std::uint64_t& value);

// Takes a length and as many bytes behind it off the front of `bytes`.
bool TakeLengthDelimited(std::string_view& bytes, std::string_view& content);

class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  // Goes to the next field. False at the end of the message and where it is malformed.
  bool Next();
  // Why Next() was false: malformed, or a field had another type than was read.
  bool bad() const { return bad_; }

  std::uint32_t number() const { return number_; }

  // Each takes the present field as what `out` is and returns false, the message being bad then,
  // where it is something else: text that is no UTF-8, a number out of range. A field that is there
  // twice is simply read twice.
  bool Read(std::string_view& text);
  bool Read(bool& out);
  bool Read(std::uint64_t& out);
  bool Read(std::int64_t& out);
  bool Read(std::uint32_t& out);
  bool Read(std::int32_t& out);
  // Bytes or a message.
  bool ReadBytes(std::string_view& out);

 private:
  // Wire types.
  static constexpr std::uint32_t kVarint = 0;
  static constexpr std::uint32_t kFixed64 = 1;
  static constexpr std::uint32_t kLengthDelimited = 2;
  static constexpr std::uint32_t kFixed32 = 5;

  bool TakeContent();
  bool Bad() {
    bad_ = true;
    return false;
  }

  std::string_view rest_;
  std::string_view bytes_;    // Of a length-delimited field.
  std::uint64_t varint_ = 0;  // Of a varint.
  std::uint32_t number_ = 0;
  std::uint32_t wire_type_ = kVarint;
  bool bad_ = false;
};

}  // namespace tickcast::protocol
