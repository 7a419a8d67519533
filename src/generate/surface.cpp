#include "generate/surface.h"

#include <cmath>
#include <numbers>
#include <string_view>

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "core/random.h"

namespace seqvit::generate {
namespace {

constexpr double kDegree = std::numbers::pi / 180.0;

// Numbers of one seed and name, one after the other.
class Draws {
 public:
  Draws(uint64_t seed, std::string_view name) : key_(random_key(seed, name)) {}
  double between(double low, double high) { return low + (high - low) * uniform(key_, counter_++); }

 private:
  uint64_t key_;
  uint64_t counter_ = 0;
};

// Angle in radians from a place to every grid point, [Y, X].
at::Tensor distance(const SphericalTransform& transform, double latitude, double longitude) {
  const at::Tensor cosine =
      std::sin(latitude) * transform.sine() +
      std::cos(latitude) * transform.cosine() * (transform.longitude() - longitude).cos();
  return cosine.clamp(-1.0, 1.0).acos();
}

at::Tensor gaussian(const at::Tensor& distance, double width) {
  return (-(distance / width).square()).exp();
}

}  // namespace

Surface make_surface(const SphericalTransform& transform, uint64_t seed) {
  Draws draws(seed, "surface");
  const auto points = {transform.rows(), transform.columns()};
  at::Tensor continent = at::zeros(points, at::dtype(at::kDouble)), mountains = at::zeros_like(continent);
  const double first_longitude = draws.between(0.0, 360.0) * kDegree;
  for (int k = 0; k < 3; ++k) {
    const double hemisphere = k == 1 ? -1.0 : 1.0;
    const double latitude = hemisphere * draws.between(20.0, 50.0) * kDegree;
    const double longitude = first_longitude + (120.0 * k + draws.between(-25.0, 25.0)) * kDegree;
    const double radius = draws.between(25.0, 40.0) * kDegree;
    continent = continent + gaussian(distance(transform, latitude, longitude), radius);
    for (int peak = 0; peak < 2; ++peak) {
      const at::Tensor away = distance(transform, latitude + draws.between(-12.0, 12.0) * kDegree,
                                       longitude + draws.between(-25.0, 25.0) * kDegree);
      const double height = draws.between(350.0, 1100.0);
      mountains = mountains + height * gaussian(away, draws.between(9.0, 15.0) * kDegree);
    }
  }
  return {transform.to_spectral(mountains.unsqueeze(0)).select(2, 0), (continent > 0.5).to(at::kDouble)};
}

}  // namespace seqvit::generate
