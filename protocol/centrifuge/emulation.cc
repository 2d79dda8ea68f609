#include "protocol/centrifuge/emulation.h"

#include <vector>

#include "protocol/centrifuge/protobuf_reader.h"
#include "protocol/json/object_reader.h"

namespace tickcast::protocol {
namespace {

bool ReadProtobuf(std::string_view body, EmulationRequest& request) {
  ProtobufReader field(body);
  while (field.Next()) {
    const bool good = field.number() == 1   ? field.Read(request.node)
                      : field.number() == 2 ? field.Read(request.session)
                      : field.number() == 3 ? field.ReadBytes(request.data)
                                            : true;
    if (!good) return false;
  }
  return !field.bad();
}

}  // namespace

struct EmulationParser::Impl {
  explicit Impl(std::size_t expected_bytes) : reader(expected_bytes) {}

  JsonObjectReader reader;
  std::vector<char> line;
};

EmulationParser::EmulationParser(std::size_t expected_bytes)
    : impl_(std::make_unique<Impl>(expected_bytes)) {}
EmulationParser::EmulationParser(EmulationParser&&) noexcept = default;
EmulationParser& EmulationParser::operator=(EmulationParser&&) noexcept = default;
EmulationParser::~EmulationParser() = default;

bool EmulationParser::Parse(Encoding encoding, std::string_view body, EmulationRequest& request) {
  request = {};
  if (encoding == Encoding::kProtobuf) return ReadProtobuf(body, request);
  if (impl_->line.size() < body.size() + kJsonPaddingBytes) {
    impl_->line.resize(body.size() + kJsonPaddingBytes);
  }
  return impl_->reader.Read(body, impl_->line.data(), [&](std::string_view name, JsonValue& value) {
    if (name == "session") return value.Read(request.session);
    if (name == "node") return value.Read(request.node);
    if (name == "data") return !value.is_string() || value.Read(request.data);
    return true;
  }) != 0;
}

}  // namespace tickcast::protocol
