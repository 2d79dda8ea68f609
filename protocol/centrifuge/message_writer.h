// Writing the schema's messages field by field, the same calls for both encodings.
//
// JsonMessage and ProtobufMessage have the same functions, so a message's fields are listed once,
// in the order of their numbers, which is the order of the original in both. A field that is empty,
// 0 or false is left out, as proto3 and Go's `omitempty` do; the few that JSON always shows are
// written by …Always. What is JSON in one form is plain bytes in the other: Payload().
// Source: protobuf.dev/programming-guides/encoding. Threading: values on the stack.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "protocol/centrifuge/form.h"
#include "protocol/centrifuge/tag_set.h"
#include "protocol/json/object_writer.h"

namespace tickcast::protocol {

// A field of a message: its name in JSON, its number in Protobuf.
struct Field {
  std::string_view name;
  std::uint32_t number;
};

// Appends `value` in groups of seven bits, the lowest first.
inline void AppendVarint(std::uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

constexpr std::size_t VarintBytes(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

// What stands before a field of Protobuf that has a length: a text, bytes, a message.
inline void AppendTag(Field field, std::string& out) { AppendVarint((field.number << 3) | 2, out); }

class JsonMessage {
 public:
  explicit JsonMessage(std::string& out) : object_(out) {}

  void True(Field field, bool value) { object_.TrueIf(field.name, value); }
  template <std::integral Integer>
  void Number(Field field, Integer value) {
    object_.NumberUnlessZero(field.name, value);
  }
  template <std::integral Integer>
  void NumberAlways(Field field, Integer value) {
    object_.Number(field.name, value);
  }
  // A number that is often negative (sint64).
  void Signed(Field field, std::int64_t value) { object_.NumberUnlessZero(field.name, value); }
  void Text(Field field, std::string_view value) { object_.QuotedUnlessEmpty(field.name, value); }
  void TextAlways(Field field, std::string_view value) { object_.Quoted(field.name, value); }
  // One-line JSON here, any bytes in Protobuf.
  void Payload(Field field, std::string_view value) { object_.JsonUnlessEmpty(field.name, value); }
  // Bytes that are a text here.
  void PayloadAsText(Field field, std::string_view value) { Text(field, value); }
  // No payload where a reader takes the text for JSON all the same.
  void NoPayloadAsText(Field field) { Text(field, "null"); }

  // `write(message)` writes the fields of the message within, which is there even when it is empty.
  template <typename Write>
  void Message(Field field, Write&& write) {
    WriteMessage(object_.Member(field.name), write);
  }
  // `write(item, message)` for each.
  template <typename Item, typename Write>
  void RepeatedAlways(Field field, std::span<const Item> items, Write&& write) {
    AppendArray(items, object_.Member(field.name), [&](const Item& item, std::string& text) {
      WriteMessage(text, [&](JsonMessage& message) { write(item, message); });
    });
  }
  template <typename Item, typename Write>
  void Repeated(Field field, std::span<const Item> items, Write&& write) {
    if (!items.empty()) RepeatedAlways(field, items, write);
  }
  // A repeated field as somebody has written it before, in this encoding.
  void Written(Field field, std::string_view text) { Payload(field, text); }
  // A map of messages by name; `key(item)` is the name.
  template <typename Item, typename Key, typename Write>
  void MapAlways(Field field, std::span<const Item> items, Key&& key, Write&& write) {
    ObjectWriter map(object_.Member(field.name));
    for (const Item& item : items) {
      WriteMessage(map.MemberNamed(key(item)), [&](JsonMessage& message) { write(item, message); });
    }
    map.Close();
  }
  // A map of texts, given as JSON (TagSet).
  void TextMap(Field field, std::string_view json) { Payload(field, json); }

  // The last call.
  void Close() { object_.Close(); }

 private:
  template <typename Write>
  static void WriteMessage(std::string& out, Write&& write) {
    JsonMessage message(out);
    write(message);
    message.Close();
  }

  ObjectWriter object_;
};

class ProtobufMessage {
 public:
  // Opens a message with its length before it. Nearly all are shorter than 128 bytes or little
  // longer, so one byte is left for the length and the message moved where that is not enough:
  // that copies it once per level, where measuring first would walk all fields twice.
  explicit ProtobufMessage(std::string& out) : out_(out), begin_(out.size() + 1) { out_ += '\0'; }
  ProtobufMessage(const ProtobufMessage&) = delete;
  ProtobufMessage& operator=(const ProtobufMessage&) = delete;

  void True(Field field, bool value) {
    if (!value) return;
    Tag(field, kVarint);
    out_ += '\1';
  }
  template <std::integral Integer>
  void Number(Field field, Integer value) {
    if (value == 0) return;
    Tag(field, kVarint);
    AppendVarint(static_cast<std::uint64_t>(value), out_);  // Negative ones take ten bytes.
  }
  template <std::integral Integer>
  void NumberAlways(Field field, Integer value) {
    Number(field, value);
  }
  void Signed(Field field, std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    Number(field, (bits << 1) ^ (value < 0 ? ~std::uint64_t{0} : 0));  // "ZigZag".
  }
  void Text(Field field, std::string_view value) {
    if (!value.empty()) Bytes(field, value);
  }
  void TextAlways(Field field, std::string_view value) { Text(field, value); }
  void Payload(Field field, std::string_view value) { Text(field, value); }
  void PayloadAsText(Field field, std::string_view value) { Text(field, value); }
  void NoPayloadAsText(Field) {}

  template <typename Write>
  void Message(Field field, Write&& write) {
    Tag(field, kLengthDelimited);
    ProtobufMessage message(out_);
    write(message);
    message.Close();
  }
  template <typename Item, typename Write>
  void Repeated(Field field, std::span<const Item> items, Write&& write) {
    for (const Item& item : items) {
      Message(field, [&](ProtobufMessage& message) { write(item, message); });
    }
  }
  template <typename Item, typename Write>
  void RepeatedAlways(Field field, std::span<const Item> items, Write&& write) {
    Repeated(field, items, write);
  }
  void Written(Field, std::string_view fields) { out_ += fields; }
  template <typename Item, typename Key, typename Write>
  void MapAlways(Field field, std::span<const Item> items, Key&& key, Write&& write) {
    Repeated(field, items, [&](const Item& item, ProtobufMessage& entry) {
      entry.Bytes(kKey, key(item));
      entry.Message(kValue, [&](ProtobufMessage& message) { write(item, message); });
    });
  }
  void TextMap(Field field, std::string_view json) {
    if (json.empty()) return;
    TagSet texts;
    texts.Read(json);
    Repeated(field, texts.tags(), [](const TagSet::Tag& tag, ProtobufMessage& entry) {
      entry.Bytes(kKey, tag.name);
      entry.Bytes(kValue, tag.value);
    });
  }

  void Close() {
    const std::size_t size_bytes = out_.size() - begin_;
    const std::size_t more = VarintBytes(size_bytes) - 1;
    if (more != 0) out_.insert(begin_, more, '\0');
    std::size_t rest = size_bytes;
    for (std::size_t at = begin_ - 1; at < begin_ - 1 + more; ++at, rest >>= 7) {
      out_[at] = static_cast<char>(rest | 0x80);
    }
    out_[begin_ - 1 + more] = static_cast<char>(rest);
  }

 private:
  // Wire types.
  static constexpr std::uint32_t kVarint = 0;
  static constexpr std::uint32_t kLengthDelimited = 2;
  // The two fields of a map's entry.
  static constexpr Field kKey{"key", 1};
  static constexpr Field kValue{"value", 2};

  void Tag(Field field, std::uint32_t wire_type) {
    AppendVarint((field.number << 3) | wire_type, out_);
  }
  void Bytes(Field field, std::string_view value) {
    Tag(field, kLengthDelimited);
    AppendVarint(value.size(), out_);
    out_ += value;
  }

  std::string& out_;
  const std::size_t begin_;  // Of the fields.
};

// Appends one message in `encoding`; `write(message)` writes its fields.
template <typename Write>
void AppendMessage(Encoding encoding, std::string& out, Write&& write) {
  switch (encoding) {
    case Encoding::kJson: {
      JsonMessage message(out);
      write(message);
      return message.Close();
    }
    case Encoding::kProtobuf: {
      ProtobufMessage message(out);
      write(message);
      return message.Close();
    }
  }
}

}  // namespace tickcast::protocol
