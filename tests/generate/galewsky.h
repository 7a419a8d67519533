/// The unstable jet of Galewsky, Scott and Polvani (2004) with its bump, and its run.
#pragma once

#include <ATen/core/Tensor.h>

#include "generate/shallow_water.h"

namespace seqvit::generate::testing {

struct Galewsky {
  SphericalTransform transform;
  ShallowWater model;
  at::Tensor state;  ///< [M, N, 3]

  /// `bump` in m: 120 in the paper, 0 for the jet alone.
  Galewsky(int64_t truncation, double bump);
  /// With the paper's viscosity of 1e5 m2/s.
  void advance(double days);
};

}  // namespace seqvit::generate::testing
