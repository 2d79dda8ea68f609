#include "shards/node.h"

#include <limits.h>
#include <time.h>
#include <unistd.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace tickcast::shards {

std::string Uuid(std::uint64_t high, std::uint64_t low) {
  high = (high & ~std::uint64_t{0xf000}) | 0x4000;
  low = (low & ~(std::uint64_t{3} << 62)) | (std::uint64_t{2} << 62);
  return absl::StrFormat("%08x-%04x-%04x-%04x-%012x", high >> 32, (high >> 16) & 0xffff,
                         high & 0xffff, low >> 48, low & 0xffff'ffff'ffff);
}

Node ThisNode(const engine::Config& config, std::uint16_t port) {
  std::random_device device;
  const auto random = [&device] { return std::uint64_t{device()} << 32 | device(); };
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  char host[HOST_NAME_MAX + 1] = {};
  gethostname(host, sizeof(host) - 1);
  const std::uint64_t high = random();
  return {.uid = Uuid(high, random()),
          .name = config.node.name.empty() ? absl::StrCat(host, "_", port) : config.node.name,
          .started_ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
                        static_cast<std::uint64_t>(now.tv_nsec)};
}

}  // namespace tickcast::shards
