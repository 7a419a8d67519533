#include "ops/memory.h"

#include <algorithm>
#include <atomic>
#include <malloc.h>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include "core/resident.h"
#include "ops/arena.h"

namespace seqvit::ops {
namespace {

// Of the process, as libtorch's allocator of CPU tensors is.
std::atomic<int64_t> held{0}, peak{0};

constexpr size_t kLarge = size_t{1} << 20;
constexpr size_t kSpare = size_t{32} << 20;  ///< a step at 4,096 tokens of width 384 then hands nothing back

/// For the arena: more than tensors can fill, gaps included, and few enough for the rest of the program where
/// addresses are limited.
size_t addresses() {
#ifdef __SANITIZE_ADDRESS__
  return 0;  // every tensor from malloc, where the sanitizer sees its ends
#else
  return static_cast<size_t>(std::min(4 * memory_bytes(), free_address_bytes() / 2));
#endif
}

Arena& arena() {
  static Arena* arena = new Arena(addresses(), kSpare);  // outlives every tensor
  return *arena;
}

/// Large tensors from the arena, all others from libtorch's own allocation, with the C library's record of a
/// block's size for the count.
class TensorAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* p = bytes >= kLarge ? arena().allocate(bytes) : nullptr;
    if (p == nullptr) {
      p = c10::alloc_cpu(bytes);
      bytes = ::malloc_usable_size(p);
    }
    const int64_t now = held += static_cast<int64_t>(bytes);
    for (int64_t seen = peak; seen < now && !peak.compare_exchange_weak(seen, now);) {
    }
    return {p, p, &release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

 private:
  static void release(void* p) {
    if (arena().owns(p)) {
      held -= static_cast<int64_t>(arena().release(p));
    } else {
      held -= static_cast<int64_t>(::malloc_usable_size(p));
      c10::free_cpu(p);
    }
  }
};

}  // namespace

void install_tensor_allocator() {
  static TensorAllocator allocator;
  c10::SetCPUAllocator(&allocator, /*priority=*/1);
}

int64_t tensor_bytes() {
  return held;
}
int64_t peak_tensor_bytes() {
  return peak;
}
void reset_peak_tensor_bytes() {
  peak = held.load();
}
void return_idle_memory() {
  arena().trim();
  ::malloc_trim(0);
}

}  // namespace seqvit::ops
