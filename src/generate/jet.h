/// A zonal jet: wind along latitude circles in one band, zero outside.
///
/// Profile: u = speed exp((1 - 1 / (1 - x^2)) / half_width^2), x = (latitude - centre) / half_width, smooth
/// to all orders at the edges. With its centre at 45 degrees and a half-width of 3 pi / 28 it is the jet of
/// Galewsky, Scott and Polvani (2004), "An initial-value problem for testing numerical models of the global
/// shallow-water equations", Tellus 56A, equation 2.
#pragma once

#include <numbers>
#include <vector>

#include <ATen/core/Tensor.h>

#include "generate/spherical_transform.h"

namespace seqvit::generate {

struct Jet {
  double centre = std::numbers::pi / 4.0;             ///< latitude in radians
  double half_width = 3.0 * std::numbers::pi / 28.0;  ///< in radians
  double speed = 80.0;                                ///< m/s at the centre
};

/// Vorticity [M, N] of the sum of jets. `transform` has the sphere.
at::Tensor jet_vorticity(const SphericalTransform& transform, const std::vector<Jet>& jets);

/// The bump of height `height` m that lets Galewsky's jet roll up, at `latitude` and `longitude` (radians):
/// [M, N].
at::Tensor jet_bump(const SphericalTransform& transform, double latitude, double longitude, double height);

}  // namespace seqvit::generate
