#include "shards/payload_value.h"

#include <limits>
#include <memory>

#include <simdjson.h>

#include "absl/strings/numbers.h"
#include "protocol/abseil.h"

namespace tickcast::shards {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

float ToFloat(simdjson::ondemand::value value) {
  std::string_view text;
  // Not get_double(): simdjson 3.0.1 reads some long fractions wrongly (protocol/json).
  const bool quoted = value.type().value_unsafe() == simdjson::ondemand::json_type::string;
  if (!quoted) {
    text = value.raw_json_token();
  } else if (value.get_string().get(text) != simdjson::SUCCESS) {
    return kNone;
  }
  float number = 0;
  return absl::SimpleAtof(protocol::Abseil(text), &number) ? number : kNone;
}

}  // namespace

struct PayloadValue::Parser {
  simdjson::ondemand::parser simdjson;
};

PayloadValue::PayloadValue() : parser_(std::make_unique<Parser>()) {}
PayloadValue::~PayloadValue() = default;

float PayloadValue::Read(std::string_view data, std::span<const std::string> fields) {
  padded_.reserve(data.size() + simdjson::SIMDJSON_PADDING);
  padded_.assign(data);
  simdjson::ondemand::document document;
  simdjson::ondemand::object object;
  const simdjson::padded_string_view json(padded_.data(), padded_.size(), padded_.capacity());
  if (parser_->simdjson.iterate(json).get(document) != simdjson::SUCCESS) return kNone;
  if (document.get_object().get(object) != simdjson::SUCCESS) return kNone;
  for (const std::string& field : fields) {
    simdjson::ondemand::value value;
    if (object.find_field_unordered(field).get(value) == simdjson::SUCCESS) return ToFloat(value);
  }
  return kNone;
}

}  // namespace tickcast::shards
