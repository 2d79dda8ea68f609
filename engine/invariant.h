// INVARIANT: a promise of our own code, checked in release too. A peer's fault never ends here.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace tickcast::engine {

[[noreturn]] inline void InvariantFailed(const char* condition, const char* reason,
                                         const char* file, int line) {
  std::fprintf(stderr, "%s:%d: invariant failed: %s (%s)\n", file, line, condition, reason);
  std::abort();
}

}  // namespace tickcast::engine

// Constant-time check, on in every build; `reason` says which promise was broken.
#define INVARIANT(condition, reason)                                               \
  do {                                                                             \
    if (!(condition)) [[unlikely]]                                                 \
      ::tickcast::engine::InvariantFailed(#condition, reason, __FILE__, __LINE__); \
  } while (false)

// May scan; compiled out of release builds.
#ifdef NDEBUG
#define DEBUG_INVARIANT(condition, reason) \
  do {                                     \
  } while (false)
#else
#define DEBUG_INVARIANT(condition, reason) INVARIANT(condition, reason)
#endif
