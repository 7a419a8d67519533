/// Flat tensors from and to vectors, for tests of messages.
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "comm/comm.h"

namespace seqvit::comm {

/// The tensor of f(0), f(1), ... f(count - 1).
template <typename T, typename F>
Tensor make(int64_t count, F f) {
  Tensor x = at::empty({count}, c10::CppTypeToScalarType<T>::value);
  for (int64_t i = 0; i < count; ++i)
    static_cast<T*>(x.data_ptr())[i] = static_cast<T>(f(i));
  return x;
}

template <typename T>
std::vector<T> values(const Tensor& x) {
  const T* begin = x.const_data_ptr<T>();
  return {begin, begin + x.numel()};
}

inline int64_t sum(const Counts& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

/// Different on every rank and place, and exact in bf16 for the few elements that bf16 is tested with.
inline int64_t mark(int rank, int64_t i) {
  return rank * 16 + i % 16;
}

}  // namespace seqvit::comm
