#include "core/workers.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <sched.h>
#include <thread>
#include <vector>

namespace seqvit {
namespace {

thread_local bool is_worker = false;

/// Of this process, at its start: libtorch sets the affinity of its own threads only.
int allowed_threads() {
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    int threads = 0;
    const char* end = text + std::strlen(text);
    if (std::from_chars(text, end, threads).ec == std::errc{} && threads > 0) return threads;
  }
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

}  // namespace

int worker_threads() {
  static const int threads = allowed_threads();
  return is_worker ? 1 : threads;
}

void for_each_index(int64_t count, const std::function<void(int64_t)>& body) {
  const auto threads = static_cast<int>(std::min<int64_t>(worker_threads(), count));
  if (threads <= 1) {
    for (int64_t i = 0; i < count; ++i)
      body(i);
    return;
  }
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    is_worker = true;
    try {
      for (int64_t i = next++; i < count; i = next++)
        body(i);
    } catch (...) {
      next = count;
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (int i = 1; i < threads; ++i)
      others.emplace_back(work);
    work();
    is_worker = false;
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace seqvit
