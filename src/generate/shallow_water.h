/// A layer of water on a rotating sphere, with fields that it carries along: the dynamics alone, without
/// forcing or dissipation.
///
/// With vorticity zeta, divergence delta, depth h over orography b, absolute vorticity eta = zeta + f, wind V
/// and a carried field c:
///   d zeta / dt  = -div(V eta)
///   d delta / dt = curl(V eta) - laplacian(g (h + b) + V^2 / 2)
///   d h / dt     = -div(V h)
///   d c / dt     = -div(V c) + c delta
/// The global mean of h is a coefficient with a tendency of exactly zero. Source: Williamson et al. (1992),
/// "A standard test set for numerical approximations to the shallow water equations in spherical geometry",
/// J. Comput. Phys. 102, equations 10 to 12; fourth-order Runge-Kutta in time.
///
/// A state is [M, N, F] complex128 (see SphericalTransform), the fields in the order of `Field`, then the
/// carried ones.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "generate/spherical_transform.h"

namespace seqvit::generate {

/// Position of a field in a state.
enum Field : int64_t { kVorticity, kDivergence, kDepth, kCarried };

class ShallowWater {
 public:
  /// `coriolis` f [Y, X] in 1/s, `orography` b [M, N] in m. `transform` must outlive this.
  ShallowWater(const SphericalTransform& transform, at::Tensor coriolis, at::Tensor orography);

  const SphericalTransform& transform() const { return transform_; }
  const at::Tensor& orography() const { return orography_; }

  at::Tensor tendency(const at::Tensor& state) const;
  /// The state `seconds` later, by one step.
  at::Tensor step(const at::Tensor& state, double seconds) const;
  /// A time step that is stable with a margin while the mean depth is at most `depth` and winds `wind` m/s.
  double stable_step(double depth, double wind) const;

  /// The depth [M, N] over which the flow of `vorticity` [M, N] without divergence gets none, as far as the
  /// truncation goes: for a zonal flow a steady state. The surface has the global mean `mean_surface`.
  at::Tensor balanced_depth(const at::Tensor& vorticity, double mean_surface) const;

 private:
  const SphericalTransform& transform_;
  at::Tensor coriolis_;   // [1, Y, X]
  at::Tensor orography_;  // [M, N]
};

/// f = 2 kRotation sin(latitude), [Y, X].
at::Tensor coriolis_parameter(const SphericalTransform& transform);

}  // namespace seqvit::generate
