#include "ops/to_device.h"

#include <algorithm>

#include <ATen/ops/empty.h>

#include "core/error.h"

namespace seqvit::ops {
namespace {

template <typename T>
Tensor copied(std::span<const T> values, at::IntArrayRef shape, const at::TensorOptions& options) {
  const bool pinned = !options.device().is_cpu();
  const Tensor host =
      at::empty(shape, at::TensorOptions(c10::CppTypeToScalarType<T>::value).pinned_memory(pinned));
  check(host.numel() == std::ssize(values), "a tensor of as many elements as there are values");
  // Not by copy_: that would start a pool of threads for the thread that reads ahead.
  std::ranges::copy(values, host.mutable_data_ptr<T>());
  return host.to(options.device(), /*non_blocking=*/true).to(options.dtype());
}

}  // namespace

Tensor to_device(std::span<const float> values, at::IntArrayRef shape, const at::TensorOptions& options) {
  return copied(values, shape, options);
}
Tensor to_device(std::span<const double> values, at::IntArrayRef shape, const at::TensorOptions& options) {
  return copied(values, shape, options);
}
Tensor to_device(std::span<const int64_t> values, at::IntArrayRef shape, const at::TensorOptions& options) {
  return copied(values, shape, options);
}

}  // namespace seqvit::ops
