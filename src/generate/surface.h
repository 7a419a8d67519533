/// The ground of a made-up planet: continents and mountains, drawn from a seed.
///
/// Three round continents, the first in the northern hemisphere, each with two Gaussian mountains near its
/// middle, wide enough for the truncation. The same seed gives the same places at any truncation.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "generate/spherical_transform.h"

namespace seqvit::generate {

struct Surface {
  at::Tensor orography;  ///< height above sea level in m, [M, N]
  at::Tensor land;       ///< 1 over land, 0 over sea, [Y, X] float64
};

Surface make_surface(const SphericalTransform& transform, uint64_t seed);

}  // namespace seqvit::generate
