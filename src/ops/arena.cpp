#include "ops/arena.h"

#include <algorithm>
#include <iterator>

#include <sys/mman.h>

namespace seqvit::ops {
namespace {

constexpr size_t kUnit = size_t{64} << 10;

}  // namespace

void Spans::add(size_t begin, size_t end) {
  auto next = end_of_.upper_bound(begin);
  if (next != end_of_.begin() && std::prev(next)->second >= begin) {
    --next;
    begin = next->first;
  }
  for (; next != end_of_.end() && next->first <= end; next = end_of_.erase(next))
    end = std::max(end, next->second);
  end_of_.emplace_hint(next, begin, end);
}

size_t Spans::remove(size_t begin, size_t end) {
  size_t removed = 0;
  auto span = end_of_.upper_bound(begin);
  if (span != end_of_.begin() && std::prev(span)->second > begin) --span;
  while (span != end_of_.end() && span->first < end) {
    const auto [from, to] = *span;
    removed += std::min(to, end) - std::max(from, begin);
    span = end_of_.erase(span);
    if (from < begin) end_of_.emplace_hint(span, from, begin);
    if (to > end) end_of_.emplace_hint(span, end, to);
  }
  return removed;
}

Arena::Arena(size_t reserved_bytes, size_t spare_bytes) : spare_(spare_bytes) {
  void* p = ::mmap(nullptr, reserved_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return;
  ::madvise(p, reserved_bytes, MADV_HUGEPAGE);  // a wish: fewer faults and misses of the address cache
  begin_ = static_cast<char*>(p);
  reserved_ = reserved_bytes;
  gaps_.add(0, reserved_bytes);
}

Arena::~Arena() {
  if (begin_ != nullptr) ::munmap(begin_, reserved_);
}

void* Arena::allocate(size_t& bytes) {
  bytes = std::max(kUnit, (bytes + kUnit - 1) / kUnit * kUnit);
  const std::lock_guard lock(mutex_);
  const auto gap =
      std::find_if(gaps_.begin(), gaps_.end(), [&](const auto& g) { return g.second - g.first >= bytes; });
  if (gap == gaps_.end()) return nullptr;
  const size_t offset = gap->first;
  gaps_.remove(offset, offset + bytes);
  idle_ -= touched_.remove(offset, offset + bytes);
  blocks_.emplace(offset, bytes);
  held_ += bytes;
  most_held_ = std::max(most_held_, held_);
  const size_t resident = held_ + idle_, allowed = most_held_ + spare_;
  if (resident > allowed) hand_back(resident - allowed);
  return begin_ + offset;
}

bool Arena::owns(const void* block) const {
  const char* p = static_cast<const char*>(block);
  return begin_ != nullptr && p >= begin_ && p < begin_ + reserved_;
}

size_t Arena::release(void* block) {
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(static_cast<size_t>(static_cast<char*>(block) - begin_));
  const auto [offset, bytes] = *found;
  blocks_.erase(found);
  gaps_.add(offset, offset + bytes);
  touched_.add(offset, offset + bytes);
  held_ -= bytes;
  idle_ += bytes;
  return bytes;
}

size_t Arena::resident() const {
  const std::lock_guard lock(mutex_);
  return held_ + idle_;
}

void Arena::trim() {
  const std::lock_guard lock(mutex_);
  hand_back(idle_);
  most_held_ = held_;
}

// From the far end: blocks go to the lowest gap, so it is used again last.
void Arena::hand_back(size_t bytes) {
  while (bytes > 0 && !touched_.empty()) {
    const auto [begin, end] = *std::prev(touched_.end());
    const size_t from = end - std::min(bytes, end - begin);
    if (::madvise(begin_ + from, end - from, MADV_DONTNEED) != 0) return;  // locked: stays
    touched_.remove(from, end);
    idle_ -= end - from;
    bytes -= end - from;
  }
}

}  // namespace seqvit::ops
