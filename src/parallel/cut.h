/// Which elements of a weight a rank holds when tensor parallelism divides its rows, columns or heads.
///
/// Along one dim, or along each of several equal blocks of it (queries, keys and values of a fused
/// projection), a rank keeps one range. In the flat, row-major weight that is the same `size` elements of
/// every `stride`: enough to find any element in the whole weight, for initial values, checkpoints of any
/// mesh and comparisons.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

#include "core/partition.h"

namespace seqvit::parallel {

inline int64_t elements_of(std::span<const int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

struct Cut {
  int64_t stride = 1, begin = 0, size = 1;

  /// Nothing is cut away from a weight of so many elements.
  static Cut none(int64_t elements) { return {elements, 0, elements}; }
  /// `part` of each of `blocks` equal blocks along `dim` of a weight of this shape.
  static Cut along(std::span<const int64_t> shape, size_t dim, int64_t blocks, Range part) {
    const int64_t inner = elements_of(shape.subspan(dim + 1));
    return {shape[dim] / blocks * inner, part.begin * inner, part.size() * inner};
  }
  bool is_whole() const { return stride == size; }

  /// Calls f(elements [begin, end) of the rank's part, element of the whole where they begin) for each run of
  /// the part that lies in `whole` and in `mine` (elements of the part).
  template <typename F>
  void for_each_run(Range mine, Range whole, const F& f) const {
    if (size == 0) return;
    for (int64_t k = whole.begin / stride; k * stride < whole.end; ++k) {
      const int64_t to_whole = k * stride + begin - k * size;  // of an element of this run
      const Range run{std::max({k * size, mine.begin, whole.begin - to_whole}),
                      std::min({(k + 1) * size, mine.end, whole.end - to_whole})};
      if (run.size() > 0) f(run, run.begin + to_whole);
    }
  }

  friend bool operator==(const Cut&, const Cut&) = default;
};

}  // namespace seqvit::parallel
