#include "ops/depthwise.h"

#include <algorithm>
#include <array>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"

namespace seqvit::ops {
namespace {

using grid::kTaps;
using grid::Window;

/// Blocks that the units of a call are cut into: enough for many threads, few enough to keep the sums of
/// each.
constexpr int64_t kBlocks = 64;

template <typename T>
using Rows = std::array<T*, kTaps>;

// A token's channels. Inlined into functions that are compiled for what the processor has.

template <typename T>
[[gnu::always_inline]] inline void read_row(const Rows<const T>& near, const T* w, const T* bias, const T* x,
                                            T* __restrict y, int64_t width) {
  for (int64_t d = 0; d < width; ++d) {
    T sum = x[d] + bias[d];
    for (int tap = 0; tap < kTaps; ++tap)
      sum += w[tap * width + d] * near[tap][d];
    y[d] = sum;
  }
}

/// One neighbour after another: at an edge two of them may have read by the same tap.
template <typename T>
[[gnu::always_inline]] inline void return_row(const Rows<const T>& near, const std::array<int, kTaps>& taps,
                                              const T* w, const T* x, T* __restrict dx, T* __restrict dw,
                                              int64_t width) {
  for (int tap = 0; tap < kTaps; ++tap) {
    const T *grad = near[tap], *of_tap = w + taps[tap] * width;
    T* __restrict sum = dw + taps[tap] * width;
    for (int64_t d = 0; d < width; ++d) {
      dx[d] += of_tap[d] * grad[d];
      sum[d] += x[d] * grad[d];
    }
  }
}

template <typename T>
void read_row_anywhere(const Rows<const T>& near, const T* w, const T* bias, const T* x, T* y,
                       int64_t width) {
  read_row(near, w, bias, x, y, width);
}
template <typename T>
void return_row_anywhere(const Rows<const T>& near, const std::array<int, kTaps>& taps, const T* w,
                         const T* x, T* dx, T* dw, int64_t width) {
  return_row(near, taps, w, x, dx, dw, width);
}

#if defined(__x86_64__)
template <typename T>
[[gnu::target("avx2,fma")]] void read_row_avx2(const Rows<const T>& near, const T* w, const T* bias,
                                               const T* x, T* y, int64_t width) {
  read_row(near, w, bias, x, y, width);
}
template <typename T>
[[gnu::target("avx2,fma")]] void return_row_avx2(const Rows<const T>& near,
                                                 const std::array<int, kTaps>& taps, const T* w, const T* x,
                                                 T* dx, T* dw, int64_t width) {
  return_row(near, taps, w, x, dx, dw, width);
}
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

template <typename T>
auto read_row_here() {
#if defined(__x86_64__)
  if (has_avx2()) return &read_row_avx2<T>;
#endif
  return &read_row_anywhere<T>;
}
template <typename T>
auto return_row_here() {
#if defined(__x86_64__)
  if (has_avx2()) return &return_row_avx2<T>;
#endif
  return &return_row_anywhere<T>;
}

/// Where tokens of one sample lie.
template <typename T>
class Tokens {
 public:
  Tokens(const DepthwiseInput& from, int64_t sample, const grid::Neighbourhood& near)
      : mine_(from.mine.const_data_ptr<T>() + sample * from.mine.stride(0)),
        halo_(from.halo.defined() ? from.halo.const_data_ptr<T>() + sample * from.halo.stride(0) : nullptr),
        size_(near.size()),
        unit_(from.mine.size(1) / near.size() * from.mine.size(2)) {}

  /// Token `member` of each unit of a window.
  Rows<const T> rows(const Window& window, int64_t member, int64_t width) const {
    Rows<const T> rows;
    for (int tap = 0; tap < kTaps; ++tap) {
      const int64_t unit = window.unit[tap];
      rows[tap] = (unit < size_ ? mine_ + unit * unit_ : halo_ + (unit - size_) * unit_) + member * width;
    }
    return rows;
  }

 private:
  const T *mine_, *halo_;
  int64_t size_, unit_;
};

/// Calls f(sample, units, block) for blocks of units of all samples, in parallel.
template <typename F>
void for_each_block(int64_t samples, Range units, const F& f) {
  const int64_t blocks = std::min(kBlocks, units.size());
  at::parallel_for(0, samples * blocks, 1, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; ++block) {
      const Range part = share(units.size(), block % blocks, blocks);
      f(block / blocks, Range{units.begin + part.begin, units.begin + part.end}, block);
    }
  });
}

void check_layout(const DepthwiseInput& x, const grid::Neighbourhood& near, Range units) {
  check(x.mine.is_contiguous() && (!x.halo.defined() || x.halo.is_contiguous()),
        "depthwise reads tokens without gaps");
  check(near.size() > 0 && x.mine.size(1) % near.size() == 0,
        "tokens are those of the neighbourhood's units");
  check(x.halo.defined() || (near.interior().begin <= units.begin && units.end <= near.interior().end),
        "the units' neighbours are here");
}

template <typename T>
void forward(const DepthwiseInput& x, const DepthwiseWeights& w, const grid::Neighbourhood& near, Range units,
             const Tensor& y_BLD) {
  const int64_t per_unit = x.mine.size(1) / near.size(), width = x.mine.size(2);
  const T *weight = w.weight_KD.const_data_ptr<T>(), *bias = w.bias_D.const_data_ptr<T>();
  T* y = y_BLD.mutable_data_ptr<T>();
  const auto read = read_row_here<T>();
  for_each_block(x.mine.size(0), units, [&](int64_t sample, Range part, int64_t /*block*/) {
    const Tokens<T> tokens(x, sample, near);
    near.for_each(part, [&](int64_t unit, const Window& window) {
      for (int64_t member = 0; member < per_unit; ++member) {
        const auto rows = tokens.rows(window, member, width);
        read(rows, weight, bias, rows[grid::kMiddleTap],
             y + ((sample * near.size() + unit) * per_unit + member) * width, width);
      }
    });
  });
}

template <typename T>
void backward(const DepthwiseInput& grad, const Tensor& x_BLD, const DepthwiseWeights& w,
              const grid::Neighbourhood& near, Range units, const Tensor& grad_x_BLD,
              const DepthwiseWeights& sums) {
  const int64_t samples = x_BLD.size(0), per_unit = x_BLD.size(1) / near.size(), width = x_BLD.size(2);
  const T *weight = w.weight_KD.const_data_ptr<T>(), *x = x_BLD.const_data_ptr<T>();
  T* grad_x = grad_x_BLD.mutable_data_ptr<T>();
  // Taps, then the bias.
  const Tensor parts =
      at::zeros({samples * std::min(kBlocks, units.size()), kTaps + 1, width}, x_BLD.options());
  T* all_sums = parts.mutable_data_ptr<T>();
  const auto give_back = return_row_here<T>();
  for_each_block(samples, units, [&](int64_t sample, Range part, int64_t block) {
    const Tokens<T> tokens(grad, sample, near);
    T *dw = all_sums + block * (kTaps + 1) * width, *dbias = dw + kTaps * width;
    near.for_each(part, [&](int64_t unit, const Window& window) {
      for (int64_t member = 0; member < per_unit; ++member) {
        const int64_t at = ((sample * near.size() + unit) * per_unit + member) * width;
        const auto rows = tokens.rows(window, member, width);
        const T* own = rows[grid::kMiddleTap];
        std::copy_n(own, width, grad_x + at);
        for (int64_t d = 0; d < width; ++d)
          dbias[d] += own[d];
        give_back(rows, window.reads_me, weight, x + at, grad_x + at, dw, width);
      }
    });
  });
  const Tensor sum = parts.sum(0);
  sums.weight_KD.add_(sum.narrow(0, 0, kTaps));
  sums.bias_D.add_(sum[kTaps]);
}

}  // namespace

void depthwise_forward(const DepthwiseInput& x, const DepthwiseWeights& w, const grid::Neighbourhood& near,
                       Range units, const Tensor& y_BLD) {
  if (units.size() == 0 || y_BLD.numel() == 0) return;
  check_layout(x, near, units);
  AT_DISPATCH_FLOATING_TYPES(x.mine.scalar_type(), "depthwise",
                             [&] { forward<scalar_t>(x, w, near, units, y_BLD); });
}

void depthwise_backward(const DepthwiseInput& grad, const Tensor& x_BLD, const DepthwiseWeights& w,
                        const grid::Neighbourhood& near, Range units, const Tensor& grad_x_BLD,
                        const DepthwiseWeights& sums) {
  if (units.size() == 0 || x_BLD.numel() == 0) return;
  check_layout(grad, near, units);
  check(x_BLD.is_contiguous() && grad_x_BLD.is_contiguous(), "depthwise reads tokens without gaps");
  AT_DISPATCH_FLOATING_TYPES(x_BLD.scalar_type(), "depthwise backward",
                             [&] { backward<scalar_t>(grad, x_BLD, w, near, units, grad_x_BLD, sums); });
}

}  // namespace seqvit::ops
