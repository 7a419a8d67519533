/// Contiguous, as equal as possible shares of a range: the one rule by which samples, tokens, heads and flat
/// parameter vectors are divided over ranks. The first `total % parts` shares are one longer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace seqvit {

/// Half-open range of integers.
struct Range {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
  bool contains(int64_t i) const { return begin <= i && i < end; }
  friend bool operator==(const Range&, const Range&) = default;
};

/// The share of part `index` when `total` items are divided into `parts` shares.
inline Range share(int64_t total, int64_t index, int64_t parts) {
  const int64_t base = total / parts, longer = total % parts;
  const int64_t begin = index * base + std::min(index, longer);
  return {begin, begin + base + (index < longer ? 1 : 0)};
}

/// The part whose share holds `item`.
inline int64_t share_of(int64_t total, int64_t item, int64_t parts) {
  const int64_t base = total / parts, in_longer = total % parts * (base + 1);
  return item < in_longer ? item / (base + 1) : total % parts + (item - in_longer) / base;
}

/// Sizes of all shares.
inline std::vector<int64_t> share_sizes(int64_t total, int64_t parts) {
  std::vector<int64_t> sizes(parts);
  for (int64_t i = 0; i < parts; ++i)
    sizes[i] = share(total, i, parts).size();
  return sizes;
}

}  // namespace seqvit
