/// Memory for large tensors: one range of addresses, filled from its beginning.
///
/// Why not malloc: between tensors of many sizes its heap grows to half again of what is in use at the peak
/// of a step (16,384 tokens of width 384: 683 MiB for 465), and handing each large block back to the system
/// costs a fifth of a short step in page faults. Here a block goes to the lowest gap that holds it, gaps join
/// again, and pages once touched stay, but only while they and the blocks together take no more than the
/// blocks alone have taken, and a little: past that, gaps are handed back from the far end. So gaps cost
/// addresses, not memory (the system may keep the rest of a huge page that is cut: 2 MiB a gap). Cost: a
/// lock and a walk over the gaps, for blocks of 1 MiB and more; page faults for what was handed back.
/// Libraries that register memory with a network card follow madvise, as they must with malloc's own.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>

namespace seqvit::ops {

/// Disjoint spans of offsets; those that touch are one.
class Spans {
 public:
  // begin < end
  void add(size_t begin, size_t end);
  /// Returns how many of the bytes were in a span.
  size_t remove(size_t begin, size_t end);
  bool empty() const { return end_of_.empty(); }
  auto begin() const { return end_of_.begin(); }
  auto end() const { return end_of_.end(); }

 private:
  std::map<size_t, size_t> end_of_;  // begin -> end
};

class Arena {
 public:
  /// Reserves addresses only; where the system refuses, every allocate() returns null. `spare_bytes` of
  /// touched gaps are kept whatever blocks have taken: what a short step would hand back and touch again.
  explicit Arena(size_t reserved_bytes, size_t spare_bytes = 0);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// A block of at least `bytes` (then its size), aligned to 64 KiB; null where no gap holds it.
  void* allocate(size_t& bytes);
  bool owns(const void* block) const;
  /// Frees a block of this arena; returns its size.
  size_t release(void* block);
  /// Hands back all gaps and forgets how much blocks have taken.
  void trim();
  /// Bytes of blocks, and of gaps that were not handed back.
  size_t resident() const;

 private:
  void hand_back(size_t bytes);

  char* begin_ = nullptr;
  size_t reserved_ = 0, spare_ = 0;
  size_t held_ = 0, most_held_ = 0, idle_ = 0;  // bytes of blocks, now and at most; of touched_
  mutable std::mutex mutex_;
  std::map<size_t, size_t> blocks_;  // offset -> bytes
  Spans gaps_, touched_;             // touched_: the parts of gaps_ that blocks have been in
};

}  // namespace seqvit::ops
