#include "comm/elements.h"

#include <cstring>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "core/error.h"

namespace seqvit::comm {
namespace {

constexpr int64_t few_elements = 2048;

char* at_index(const Tensor& x, int64_t index) {
  return static_cast<char*>(x.data_ptr()) + index * static_cast<int64_t>(x.element_size());
}

template <typename T>
void add(const Tensor& from, int64_t from_index, const Tensor& to, int64_t to_index, int64_t count) {
  const T* source = reinterpret_cast<const T*>(at_index(from, from_index));
  T* target = reinterpret_cast<T*>(at_index(to, to_index));
  for (int64_t i = 0; i < count; ++i)
    target[i] += source[i];
}

}  // namespace

Tensor flat_empty(const Tensor& like, int64_t count) {
  return at::empty({count}, like.options());
}

void copy_elements(const Tensor& from, int64_t from_index, const Tensor& to, int64_t to_index,
                   int64_t count) {
  if (count == 0) return;
  if (from.is_cpu() && to.is_cpu()) {
    std::memcpy(at_index(to, to_index), at_index(from, from_index), count * to.element_size());
    return;
  }
  const at::NoGradGuard no_grad;
  to.narrow(0, to_index, count).copy_(from.narrow(0, from_index, count));
}

void add_elements(const Tensor& from, int64_t from_index, const Tensor& to, int64_t to_index, int64_t count) {
  if (count == 0) return;
  // An ATen operator costs a microsecond, but is compiled for this machine's vector units.
  if (count > few_elements || !from.is_cpu() || !to.is_cpu()) {
    const at::NoGradGuard no_grad;
    to.narrow(0, to_index, count).add_(from.narrow(0, from_index, count));
    return;
  }
  switch (to.scalar_type()) {
    case at::kFloat:
      return add<float>(from, from_index, to, to_index, count);
    case at::kDouble:
      return add<double>(from, from_index, to, to_index, count);
    case at::kLong:
      return add<int64_t>(from, from_index, to, to_index, count);
    default:
      check(false, "only float, double and int64 are summed; cast first");
  }
}

bool can_be_summed(at::ScalarType dtype) {
  return dtype == at::kFloat || dtype == at::kDouble || dtype == at::kLong;
}

}  // namespace seqvit::comm
