/// Memory for large tensors: one range of addresses, filled from its beginning.
///
/// Why not malloc: between tensors of many sizes its heap grows to half again of what is in use at the peak
/// of a step (16,384 tokens of width 384: 683 MiB for 465), and handing each large block back to the system
/// costs a fifth of a short step in page faults. Here a block goes to the lowest gap that holds it, gaps join
/// again, and pages once touched stay. Cost: a lock and a walk over the gaps, for blocks of 1 MiB and more.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>

namespace seqvit {

class Arena {
 public:
  /// Reserves addresses only; where the system refuses, every allocate() returns null.
  explicit Arena(size_t reserved_bytes);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// A block of at least `bytes` (then its size), aligned to 64 KiB; null where no gap holds it.
  void* allocate(size_t& bytes);
  bool owns(const void* block) const;
  /// Frees a block of this arena; returns its size.
  size_t release(void* block);
  /// From the beginning to the end of the furthest block ever given.
  size_t high_water() const { return high_water_; }

 private:
  char* begin_ = nullptr;
  size_t reserved_ = 0, high_water_ = 0;
  std::mutex mutex_;
  std::map<size_t, size_t> gaps_, blocks_;  // offset -> bytes
};

}  // namespace seqvit
