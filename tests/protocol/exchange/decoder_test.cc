#include "protocol/exchange/decoder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include "tests/protocol/exchange/decoding.h"

namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

// Every form of new and delete, as simdjson allocates with nothrow arrays. Not inlined: gcc would
// see free() meet memory of an operator new that it takes for the library's.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const memory = std::malloc(size)) return memory;
  std::abort();
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return operator new(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return operator new(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete(memory); }

namespace tickcast::protocol {
namespace {

TEST(ExchangesTest, EachRowMakesADecoder) {
  ASSERT_EQ(Exchanges().size(), 4U);
  for (const Exchange& exchange : Exchanges()) {
    EXPECT_EQ(FindExchange(exchange.name), &exchange);
    const std::unique_ptr<Decoder> decoder = MakeDecoder(exchange.name);
    ASSERT_NE(decoder, nullptr);
    Event event;
    const PaddedText empty_object("{}");
    EXPECT_EQ(decoder->Decode(empty_object.frame(), event), Outcome::kUnknown);
  }
}

TEST(ExchangesTest, UnknownNamesHaveNone) {
  EXPECT_EQ(FindExchange("mtgox"), nullptr);
  EXPECT_EQ(FindExchange(""), nullptr);
  EXPECT_EQ(FindExchange("Kucoin"), nullptr);
  EXPECT_EQ(MakeDecoder("mtgox"), nullptr);
}

TEST(DecoderTest, AWarmDecoderDoesNotAllocate) {
  const PaddedText book(
      R"({"e":"depthUpdate","E":1,"s":"A\u0042","U":1,"u":2,"b":[["1","2"],["3","4"]],"a":[]})");
  const PaddedText ticker(R"({"u":1,"s":"A","b":"1","B":"2","a":"3","A":"4"})");
  const PaddedText malformed(R"({"u":1,"s":"A","b":"1")");
  const std::unique_ptr<Decoder> decoder = MakeDecoder("binance");
  Event event;
  ASSERT_EQ(decoder->Decode(book.frame(), event), Outcome::kBook);
  const std::size_t before = allocations;
  for (int i = 0; i < 100; ++i) {
    decoder->Decode(book.frame(), event);
    decoder->Decode(ticker.frame(), event);
    decoder->Decode(malformed.frame(), event);
  }
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace tickcast::protocol
