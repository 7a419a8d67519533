#include "ops/arena.h"

#include <algorithm>
#include <iterator>

#include <sys/mman.h>

namespace seqvit {
namespace {

constexpr size_t kUnit = size_t{64} << 10;

}  // namespace

Arena::Arena(size_t reserved_bytes) {
  void* p = ::mmap(nullptr, reserved_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return;
  ::madvise(p, reserved_bytes, MADV_HUGEPAGE);  // a wish: fewer faults and misses of the address cache
  begin_ = static_cast<char*>(p);
  reserved_ = reserved_bytes;
  gaps_.emplace(0, reserved_bytes);
}

Arena::~Arena() {
  if (begin_ != nullptr) ::munmap(begin_, reserved_);
}

void* Arena::allocate(size_t& bytes) {
  bytes = std::max(kUnit, (bytes + kUnit - 1) / kUnit * kUnit);
  const std::lock_guard lock(mutex_);
  const auto gap = std::find_if(gaps_.begin(), gaps_.end(), [&](const auto& g) { return g.second >= bytes; });
  if (gap == gaps_.end()) return nullptr;
  const auto [offset, room] = *gap;
  gaps_.erase(gap);
  if (room > bytes) gaps_.emplace(offset + bytes, room - bytes);
  blocks_.emplace(offset, bytes);
  high_water_ = std::max(high_water_, offset + bytes);
  return begin_ + offset;
}

bool Arena::owns(const void* block) const {
  const char* p = static_cast<const char*>(block);
  return begin_ != nullptr && p >= begin_ && p < begin_ + reserved_;
}

size_t Arena::release(void* block) {
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(static_cast<size_t>(static_cast<char*>(block) - begin_));
  const size_t bytes = found->second;
  auto gap = gaps_.insert(blocks_.extract(found)).position;
  const auto next = std::next(gap);
  if (next != gaps_.end() && gap->first + gap->second == next->first) {
    gap->second += next->second;
    gaps_.erase(next);
  }
  if (gap != gaps_.begin()) {
    const auto previous = std::prev(gap);
    if (previous->first + previous->second == gap->first) {
      previous->second += gap->second;
      gaps_.erase(gap);
    }
  }
  return bytes;
}

}  // namespace seqvit
