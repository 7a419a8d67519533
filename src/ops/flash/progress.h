/// How blocks of keys follow one another through the queries, so that dQ is summed in one order.
#pragma once

#include <atomic>
#include <cstdint>
#include <immintrin.h>
#include <sched.h>

namespace seqvit::ops::flash {
namespace {

/// Spins briefly, then lets others run: on a shared core the awaited thread may need this one's time.
inline void wait_until_above(const std::atomic<int64_t>& counter, int64_t value) {
  for (int spins = 0; counter.load(std::memory_order_acquire) <= value; ++spins) {
    if (spins < 64)
      _mm_pause();
    else
      ::sched_yield();
  }
}

}  // namespace
}  // namespace seqvit::ops::flash
