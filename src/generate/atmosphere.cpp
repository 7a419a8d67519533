#include "generate/atmosphere.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include "core/error.h"
#include "generate/planet.h"

namespace seqvit::generate {
namespace {

// What the choice of a time step allows for.
constexpr double kLargestDepth = 1.15e4, kLargestWind = 120.0;

}  // namespace

const std::vector<FieldInfo>& atmosphere_channels() {
  static const std::vector<FieldInfo> channels = {
      {"h", "geopotential_height", "height of the free surface", "m"},
      {"u", "eastward_wind", "eastward wind", "m s-1"},
      {"v", "northward_wind", "northward wind", "m s-1"},
      {"vorticity", "atmosphere_relative_vorticity", "relative vorticity", "s-1"},
      {"divergence", "divergence_of_wind", "divergence of the wind", "s-1"},
      {"t", "air_temperature", "temperature carried by the wind", "K"},
      {"q", "specific_humidity", "moisture carried by the wind", "1"},
      {"precipitation", "precipitation_flux", "precipitation, mean since the time before", "kg m-2 s-1",
       "time: mean"}};
  return channels;
}

const std::vector<FieldInfo>& surface_channels() {
  static const std::vector<FieldInfo> channels = {
      {"orography", "surface_altitude", "height of the ground", "m"},
      {"land", "land_binary_mask", "1 over land, 0 over sea", "1"}};
  return channels;
}

Atmosphere::Atmosphere(int64_t truncation, uint64_t seed, double time, uint64_t part)
    : transform_(truncation, kRadius),
      surface_(make_surface(transform_, seed)),
      model_(transform_, coriolis_parameter(transform_), surface_.orography),
      climate_(model_, surface_, seed),
      time_(time),
      state_(climate_.initial_state(time, part)),
      precipitation_(at::zeros_like(surface_.land)) {}

void Atmosphere::advance(double seconds) {
  const double steps = std::ceil(seconds / model_.stable_step(kLargestDepth, kLargestWind));
  const double step = seconds / steps, start = time_;
  at::Tensor precipitation = at::zeros_like(precipitation_);
  for (double n = 1.0; n <= steps; ++n) {
    state_ = climate_.force(model_.step(state_, step), time_, step, precipitation);
    time_ = start + n * step;
  }
  precipitation_ = precipitation / seconds;
  if (!state_.abs().sum().isfinite().item<bool>()) {
    fail(Exit::not_finite, "the atmosphere of truncation {} blew up by day {:.1f}; try another seed",
         transform_.truncation(), time_ / kDaySeconds);
  }
}

at::Tensor Atmosphere::fields() const {
  const at::Tensor grid = transform_.to_grid(state_);
  const at::Tensor wind =
      transform_.wind(state_.select(2, kVorticity), state_.select(2, kDivergence)) / transform_.cosine();
  const at::Tensor surface = grid.narrow(0, kDepth, 1) + transform_.to_grid(model_.orography().unsqueeze(2));
  // Sums of waves fall a little below zero where there is hardly any moisture.
  const at::Tensor moisture = grid.narrow(0, kMoisture, 1).clamp_min(0.0);
  return at::cat({surface, wind, grid.narrow(0, kVorticity, 2), grid.narrow(0, kTemperature, 1), moisture,
                  precipitation_.unsqueeze(0)})
      .to(at::kFloat)
      .contiguous();
}

at::Tensor Atmosphere::surface_fields() const {
  const at::Tensor height = transform_.to_grid(surface_.orography.unsqueeze(2)).select(0, 0);
  return at::stack({height, surface_.land}).to(at::kFloat);
}

}  // namespace seqvit::generate
