// Messages within a command that are kept as JSON (command_protobuf.h): read field by field, and
// written as whoever reads JSON commands knows them.
// Threading: pure functions. Source: definitions/client.proto of github.com/centrifugal/protocol.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/centrifuge/protobuf_reader.h"

namespace tickcast::protocol {

// Calls `field(reader)` for each field; it returns false where the field has a wrong type.
template <typename ReadField>
bool EachField(std::string_view message, ReadField&& read_field) {
  ProtobufReader reader(message);
  while (reader.Next()) {
    if (!read_field(reader)) return false;
  }
  return !reader.bad();
}

// `[…]` of those fields of `message` that have `number`, if any, appended to the text open().
template <typename Open, typename AppendItem>
bool AppendRepeated(std::string_view message, std::uint32_t number, Open&& open,
                    AppendItem&& append_item) {
  std::string* out = nullptr;
  const bool good = EachField(message, [&](ProtobufReader& field) {
    if (field.number() != number) return true;
    if (out == nullptr) {
      out = &open();
      *out += '[';
    } else {
      *out += ',';
    }
    return append_item(field, *out);
  });
  if (out != nullptr) *out += ']';
  return good;
}

// An entry of a map with texts as keys. False, as below, where a field has a wrong type.
bool ReadMapEntry(std::string_view message, std::string_view& key, std::string_view& value,
                  bool value_is_text);

// Each appends one value: a text, a FilterNode in so many others, a KeyedItem, a TrackBatch.
bool AppendText(ProtobufReader& field, std::string& out);
bool AppendFilter(std::string_view message, int depth, std::string& out);
bool AppendKeyedItem(ProtobufReader& item, std::string& out);
bool AppendTrackBatch(ProtobufReader& batch, std::string& out);

}  // namespace tickcast::protocol
