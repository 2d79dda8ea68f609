// One frame of Coinbase (fuzz_property.h says what must hold).
#include <cstddef>
#include <cstdint>

#include "tests/protocol/exchange/fuzz_property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return tickcast::protocol::FuzzDecoder("coinbase", data, size);
}
