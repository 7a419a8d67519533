#include "generate/shallow_water.h"

#include <cmath>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include "generate/planet.h"

namespace seqvit::generate {

ShallowWater::ShallowWater(const SphericalTransform& transform, at::Tensor coriolis, at::Tensor orography)
    : transform_(transform), coriolis_(coriolis.unsqueeze(0)), orography_(std::move(orography)) {}

at::Tensor ShallowWater::tendency(const at::Tensor& state) const {
  const int64_t carried = state.size(2) - kCarried;
  const at::Tensor fields = transform_.to_grid(state);
  const at::Tensor wind = transform_.wind(state.select(2, kVorticity), state.select(2, kDivergence));
  const at::Tensor u = wind.select(0, 0), v = wind.select(0, 1);  // times cos(latitude)

  const at::Tensor vorticity = fields.narrow(0, kVorticity, 1) + coriolis_;
  const at::Tensor transported = at::cat({vorticity, fields.narrow(0, kDepth, 1 + carried)});
  const at::Tensor east = transported * u, north = transported * v;
  // The last vector is V eta turned by a right angle: its divergence is the curl of V eta.
  const at::Tensor turned_east = north.narrow(0, 0, 1), turned_north = -east.narrow(0, 0, 1);
  const at::Tensor flux = transform_.divergence(at::cat({east, turned_east}), at::cat({north, turned_north}));

  const at::Tensor energy = (u.square() + v.square()) / (2.0 * transform_.cosine().square());
  const at::Tensor stretched = fields.narrow(0, kCarried, carried) * fields.select(0, kDivergence);
  const at::Tensor local = transform_.to_spectral(at::cat({energy.unsqueeze(0), stretched}));
  const at::Tensor surface = state.narrow(2, kDepth, 1) + orography_.unsqueeze(2);
  const at::Tensor potential = kGravity * surface + local.narrow(2, 0, 1);

  return at::cat({-flux.narrow(2, 0, 1), flux.narrow(2, 2 + carried, 1) - transform_.laplacian(potential),
                  -flux.narrow(2, 1, 1), local.narrow(2, 1, carried) - flux.narrow(2, 2, carried)},
                 2);
}

at::Tensor ShallowWater::step(const at::Tensor& state, double seconds) const {
  const at::Tensor k1 = tendency(state);
  const at::Tensor k2 = tendency(at::add(state, k1, seconds / 2.0));
  const at::Tensor k3 = tendency(at::add(state, k2, seconds / 2.0));
  const at::Tensor k4 = tendency(at::add(state, k3, seconds));
  return at::add(state, k1 + 2.0 * (k2 + k3) + k4, seconds / 6.0);
}

double ShallowWater::stable_step(double depth, double wind) const {
  // The fastest oscillation is a gravity wave of the shortest scale carried by the wind; Runge-Kutta stays
  // bounded up to 2.83 over its frequency.
  constexpr double kLimit = 2.0;
  const auto shortest = static_cast<double>(transform_.truncation());
  const double wave_number = std::sqrt(shortest * (shortest + 1.0)) / transform_.radius();
  return kLimit / (wave_number * (std::sqrt(kGravity * depth) + wind));
}

at::Tensor ShallowWater::balanced_depth(const at::Tensor& vorticity, double mean_surface) const {
  const at::Tensor none = at::zeros_like(vorticity);
  // With a flat surface the tendency of divergence is what the surface's slope has to cancel.
  const at::Tensor state = at::stack({vorticity, none, -orography_}, 2);
  const at::Tensor surface =
      transform_.inverse_laplacian(tendency(state).narrow(2, kDivergence, 1)).select(2, 0) / kGravity;
  surface[0][0] = mean_surface;
  return surface - orography_;
}

at::Tensor coriolis_parameter(const SphericalTransform& transform) {
  return (2.0 * kRotation * transform.sine()).expand({transform.rows(), transform.columns()});
}

}  // namespace seqvit::generate
