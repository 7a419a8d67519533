/// What keeps the synthetic atmosphere going: relaxation to two jets that move with the seasons, friction,
/// diffusion, and the sources of temperature and moisture.
///
/// With deviations x' from the balanced state of the jets, every step multiplies
///   vorticity', divergence'  by exp(-dt (1 / tau + 1 / tau_drag + nu n^4)),
///   depth'                   by exp(-dt (1 / tau + nu n^4)) but for its global mean: mass is kept,
///   temperature, moisture    by exp(-dt nu n^4),
/// where friction draws the wind towards rest and relaxation towards the jets. Temperature T and moisture q
/// (the carried fields, in this order) then change at every grid point:
///   dT / dt = (T_eq - T) / tau_T, T_eq by latitude, season, land and height;
///   dq / dt = E - P / column, E = (0.85 q_s(T) - q)+ / tau_E over the sea, P = column (q - q_s(T))+ / tau_P,
/// with Magnus' formula for the saturation value q_s at 1000 hPa. T does not act on the flow.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "generate/jet.h"
#include "generate/shallow_water.h"
#include "generate/surface.h"

namespace seqvit::generate {

/// Carried fields of the state.
inline constexpr int64_t kTemperature = kCarried, kMoisture = kCarried + 1;

class Climate {
 public:
  /// `model` and its transform must outlive this. The seed sets the jets and where they are first disturbed.
  Climate(const ShallowWater& model, const Surface& surface, uint64_t seed);

  /// The jets with bumps on them, [M, N, 5], at `time` in seconds since the start of a year of 365 days. The
  /// bumps are those of one run of many (`part`) on this planet.
  at::Tensor initial_state(double time, uint64_t part = 0) const;
  /// The state after `seconds` of forcing alone. Adds the precipitation in kg/m2 to `precipitation` [Y, X].
  at::Tensor force(const at::Tensor& state, double time, double seconds, at::Tensor& precipitation);

 private:
  std::vector<Jet> jets(double time) const;
  void set_target(double time);
  at::Tensor equilibrium_temperature(double time) const;
  at::Tensor decay(double seconds) const;

  const ShallowWater& model_;
  at::Tensor sea_;                                  // [Y, X], 1 over sea
  at::Tensor annual_temperature_, seasonal_swing_;  // T_eq = annual - swing * season, [Y, X]
  at::Tensor temperature_rate_;                     // 1 / tau_T, [Y, X]
  uint64_t key_;
  int64_t target_day_ = 0;
  at::Tensor target_;  // [M, N, 5] of the jets on that day
};

/// Saturation value of the specific humidity in kg/kg at 1000 hPa; temperature in K.
at::Tensor saturation(const at::Tensor& temperature);

}  // namespace seqvit::generate
