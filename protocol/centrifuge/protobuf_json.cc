#include "protocol/centrifuge/protobuf_json.h"

#include "protocol/json/object_writer.h"
#include "protocol/json/payload.h"

namespace tickcast::protocol {
namespace {

// Levels of a filter. Deeper ones are refused as JSON of that depth would be.
constexpr int kMaxDepth = static_cast<int>(kMaxJsonDepth) / 2;

}  // namespace

bool ReadMapEntry(std::string_view message, std::string_view& key, std::string_view& value,
                  bool value_is_text) {
  return EachField(message, [&](ProtobufReader& field) {
    if (field.number() == 1) return field.Read(key);
    if (field.number() != 2) return true;
    return value_is_text ? field.Read(value) : field.ReadBytes(value);
  });
}

bool AppendText(ProtobufReader& field, std::string& out) {
  std::string_view text;
  if (!field.Read(text)) return false;
  AppendQuoted(text, out);
  return true;
}

bool AppendFilter(std::string_view message, int depth, std::string& out) {
  if (depth > kMaxDepth) return false;
  std::string_view op;
  std::string_view key;
  std::string_view cmp;
  std::string_view val;
  const bool good = EachField(message, [&](ProtobufReader& field) {
    if (field.number() == 1) return field.Read(op);
    if (field.number() == 2) return field.Read(key);
    if (field.number() == 3) return field.Read(cmp);
    if (field.number() == 4) return field.Read(val);
    return true;
  });
  if (!good) return false;
  ObjectWriter object(out);
  object.QuotedUnlessEmpty("op", op);
  object.QuotedUnlessEmpty("key", key);
  object.QuotedUnlessEmpty("cmp", cmp);
  object.QuotedUnlessEmpty("val", val);
  const auto append_node = [depth](ProtobufReader& field, std::string& text) {
    std::string_view node;
    return field.ReadBytes(node) && AppendFilter(node, depth + 1, text);
  };
  const auto vals = [&object]() -> std::string& { return object.Member("vals"); };
  const auto nodes = [&object]() -> std::string& { return object.Member("nodes"); };
  if (!AppendRepeated(message, 5, vals, AppendText) ||
      !AppendRepeated(message, 6, nodes, append_node)) {
    return false;
  }
  object.Close();
  return true;
}

bool AppendKeyedItem(ProtobufReader& item, std::string& out) {
  std::string_view message;
  std::string_view key;
  std::uint64_t version = 0;
  const bool good = item.ReadBytes(message) && EachField(message, [&](ProtobufReader& field) {
                      if (field.number() == 1) return field.Read(key);
                      if (field.number() == 2) return field.Read(version);
                      return true;
                    });
  if (!good) return false;
  ObjectWriter object(out);
  object.QuotedUnlessEmpty("key", key);
  object.NumberUnlessZero("version", version);
  object.Close();
  return true;
}

bool AppendTrackBatch(ProtobufReader& batch, std::string& out) {
  std::string_view message;
  std::string_view signature;
  const bool good = batch.ReadBytes(message) && EachField(message, [&](ProtobufReader& field) {
                      return field.number() != 1 || field.Read(signature);
                    });
  if (!good) return false;
  ObjectWriter object(out);
  object.QuotedUnlessEmpty("signature", signature);
  const auto items = [&object]() -> std::string& { return object.Member("items"); };
  if (!AppendRepeated(message, 2, items, AppendKeyedItem)) return false;
  object.Close();
  return true;
}

}  // namespace tickcast::protocol
