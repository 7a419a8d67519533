/// The two passes on vectors, of an element type, as instances.h takes them.
#pragma once

#include "ops/flash/backward.h"
#include "ops/flash/forward.h"

namespace seqvit::ops::flash {
namespace {

template <class T>
struct VectorPasses {
  static constexpr int64_t kWidthStep = T::kPerWord == 1 ? 16 : 32;
  template <int64_t kWidth>
  using ForwardPass = Forward<T, kWidth>;
  template <int64_t kWidth>
  using BackwardPass = Backward<T, kWidth>;
};

}  // namespace
}  // namespace seqvit::ops::flash
