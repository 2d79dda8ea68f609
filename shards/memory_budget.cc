#include "shards/memory_budget.h"

#include <algorithm>
#include <iterator>

namespace tickcast::shards {
namespace {

// Where each step begins, in hundredths of the budget, by Shed.
constexpr std::uint64_t kMarks[] = {0, 80, 90, 95, 100};
// So much below its mark a step ends, or one connection's coming and going would turn it on and
// off.
constexpr std::uint64_t kSlack = 5;

}  // namespace

Shed MemoryBudget::Update(std::size_t used_bytes) {
  if (budget_bytes_ == 0) return shed_;
  const std::uint64_t used = std::uint64_t{used_bytes} * 100;
  Shed next = Shed::kNothing;
  for (std::size_t step = 1; step < std::size(kMarks); ++step) {
    const bool taken = static_cast<std::size_t>(shed_) >= step;
    const std::uint64_t mark = taken ? kMarks[step] - kSlack : kMarks[step];
    if (used >= budget_bytes_ * mark) next = static_cast<Shed>(step);
  }
  return shed_ = next;
}

}  // namespace tickcast::shards
