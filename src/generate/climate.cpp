#include "generate/climate.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include "core/random.h"
#include "generate/planet.h"

namespace seqvit::generate {
namespace {

constexpr double kYearDays = 365.0;
constexpr double kMeanSurface = 1e4;               // m
constexpr double kRelaxation = 6.0 * kDaySeconds;  // of jets and depth
constexpr double kDrag = 40.0 * kDaySeconds;
constexpr double kDiffusion = 8.0 * 3600.0;                                     // of the shortest wave
constexpr double kSeaTime = 10.0 * kDaySeconds, kLandTime = 5.0 * kDaySeconds;  // tau_T
constexpr double kEvaporation = 3.0 * kDaySeconds, kCondensation = 3.0 * 3600.0;
constexpr double kHumidity = 0.85;     // that evaporation tends to
constexpr double kColumn = 2500.0;     // kg/m2 of moist air
constexpr double kLapseRate = 6.5e-3;  // K/m

// 1 in mid January, -1 in mid July.
double season(double time) {
  return std::cos(2.0 * std::numbers::pi * (time / kDaySeconds - 15.0) / kYearDays);
}

// The part of a difference that is gone after `seconds`.
double change(double seconds, double scale) {
  return -std::expm1(-seconds / scale);
}

}  // namespace

at::Tensor saturation(const at::Tensor& temperature) {
  const at::Tensor celsius = temperature - 273.15;
  return 0.622 * 6.112 / 1000.0 * (17.62 * celsius / (celsius + 243.12)).exp();
}

Climate::Climate(const ShallowWater& model, const Surface& surface, uint64_t seed)
    : model_(model), sea_(1.0 - surface.land), key_(random_key(seed, "climate")) {
  const SphericalTransform& transform = model.transform();
  const at::Tensor height = transform.to_grid(surface.orography.unsqueeze(2)).select(0, 0);
  const at::Tensor sine = transform.sine();
  annual_temperature_ = 302.0 - 48.0 * sine.square() - kLapseRate * height;
  seasonal_swing_ = sine * (7.0 + 13.0 * surface.land);
  temperature_rate_ = sea_ / kSeaTime + surface.land / kLandTime;
}

std::vector<Jet> Climate::jets(double time) const {
  const double degree = std::numbers::pi / 180.0;
  std::vector<Jet> result;
  for (uint64_t k = 0; k < 2; ++k) {
    const double hemisphere = k == 0 ? 1.0 : -1.0, winter = hemisphere * season(time);
    Jet jet;
    jet.centre = hemisphere * (45.0 + 6.0 * (uniform(key_, 2 * k) - 0.5) - 4.0 * winter) * degree;
    jet.speed = (80.0 + 10.0 * (uniform(key_, 2 * k + 1) - 0.5)) * (1.0 + 0.2 * winter);
    result.push_back(jet);
  }
  return result;
}

void Climate::set_target(double time) {
  const auto day = static_cast<int64_t>(std::floor(time / kDaySeconds));
  if (target_.defined() && day == target_day_) return;
  target_day_ = day;
  const at::Tensor vorticity =
      jet_vorticity(model_.transform(), jets(static_cast<double>(day) * kDaySeconds));
  const at::Tensor none = at::zeros_like(vorticity);
  // The flow at rest that friction leads to counts as part of the target.
  const double share = (1.0 / kRelaxation) / (1.0 / kRelaxation + 1.0 / kDrag);
  target_ =
      at::stack({share * vorticity, none, model_.balanced_depth(vorticity, kMeanSurface), none, none}, 2);
}

at::Tensor Climate::decay(double seconds) const {
  const at::Tensor scale = model_.transform().degree() / static_cast<double>(model_.transform().truncation());
  const at::Tensor diffusion = scale.pow(4) / kDiffusion;  // [1, N, 1]
  const at::Tensor wind = diffusion + (1.0 / kRelaxation + 1.0 / kDrag);
  const at::Tensor depth = (diffusion + 1.0 / kRelaxation).masked_fill(scale == 0.0, 0.0);
  return (-seconds * at::cat({wind, wind, depth, diffusion, diffusion}, 2)).exp();
}

at::Tensor Climate::equilibrium_temperature(double time) const {
  return annual_temperature_ - seasonal_swing_ * season(time);
}

at::Tensor Climate::initial_state(double time, uint64_t part) const {
  const SphericalTransform& transform = model_.transform();
  const std::vector<Jet> now = jets(time);
  const at::Tensor vorticity = jet_vorticity(transform, now);
  at::Tensor depth = model_.balanced_depth(vorticity, kMeanSurface);
  for (uint64_t k = 0; k < now.size(); ++k) {
    const uint64_t stream = 100 * part + k;
    const double longitude = 2.0 * std::numbers::pi * uniform(key_, stream + 10);
    const double height = 60.0 + 120.0 * uniform(key_, stream + 20);
    depth = depth + jet_bump(transform, now[k].centre, longitude, height);
  }
  const at::Tensor temperature = equilibrium_temperature(time);
  const at::Tensor carried =
      transform.to_spectral(at::stack({temperature, kHumidity * saturation(temperature)}));
  return at::cat({at::stack({vorticity, at::zeros_like(vorticity), depth}, 2), carried}, 2);
}

at::Tensor Climate::force(const at::Tensor& state, double time, double seconds, at::Tensor& precipitation) {
  set_target(time);
  const at::Tensor relaxed = target_ + (state - target_) * decay(seconds);

  const SphericalTransform& transform = model_.transform();
  const at::Tensor carried = transform.to_grid(relaxed.narrow(2, kTemperature, 2));
  const at::Tensor temperature_change = -(-seconds * temperature_rate_).expm1();
  const at::Tensor before = carried.select(0, 0);
  const at::Tensor temperature = before + (equilibrium_temperature(time) - before) * temperature_change;
  const at::Tensor most = saturation(temperature);
  const at::Tensor moisture = carried.select(0, 1);
  const at::Tensor evaporation =
      sea_ * (kHumidity * most - moisture).clamp_min(0.0) * change(seconds, kEvaporation);
  const at::Tensor rain = (moisture - most).clamp_min(0.0) * change(seconds, kCondensation);
  precipitation = precipitation + kColumn * rain;
  const at::Tensor after = transform.to_spectral(at::stack({temperature, moisture + evaporation - rain}));
  return at::cat({relaxed.narrow(2, 0, kCarried), after}, 2);
}

}  // namespace seqvit::generate
