#include "generate/jet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/remainder.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

namespace seqvit::generate {
namespace {

// Wind of one jet at latitudes [Y, 1].
at::Tensor jet_wind(const Jet& jet, const at::Tensor& latitude) {
  const at::Tensor inside = 1.0 - ((latitude - jet.centre) / jet.half_width).square();
  const at::Tensor wind = jet.speed * ((1.0 - inside.reciprocal()) / (jet.half_width * jet.half_width)).exp();
  return at::where(inside > 0.0, wind, at::zeros_like(wind));
}

}  // namespace

at::Tensor jet_vorticity(const SphericalTransform& transform, const std::vector<Jet>& jets) {
  const at::Tensor latitude = transform.sine().asin();
  at::Tensor u = at::zeros_like(latitude);
  for (const Jet& jet : jets)
    u = u + jet_wind(jet, latitude);
  const at::Tensor scaled =
      (u * transform.cosine()).expand({1, transform.rows(), transform.columns()}).contiguous();
  // The curl of (u, 0) is the divergence of (0, -u).
  return transform.divergence(at::zeros_like(scaled), -scaled).select(2, 0);
}

at::Tensor jet_bump(const SphericalTransform& transform, double latitude, double longitude, double height) {
  const double pi = std::numbers::pi, width = 1.0 / 3.0, extent = 1.0 / 15.0;
  const at::Tensor east = at::remainder(transform.longitude() - longitude + pi, 2.0 * pi) - pi;
  const at::Tensor north = transform.sine().asin() - latitude;
  const at::Tensor bump =
      height * transform.cosine() * (-(east / width).square()).exp() * (-(north / extent).square()).exp();
  return transform.to_spectral(bump.unsqueeze(0)).select(2, 0);
}

}  // namespace seqvit::generate
