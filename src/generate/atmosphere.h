/// The synthetic atmosphere: shallow water over a made-up planet under a climate with seasons, from a seed.
///
/// The flow is chaotic, so a state depends on the last bit of every sum: the same seed gives the same bytes
/// on the same kind of machine with the same number of threads. Cost of a model day at truncation T: O(T^4).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "generate/climate.h"
#include "generate/shallow_water.h"
#include "generate/spherical_transform.h"
#include "generate/surface.h"

namespace seqvit::generate {

/// A field as a file describes it.
struct FieldInfo {
  std::string name, standard_name, long_name, units;
  std::string cell_methods = "time: point";
};

/// Fields that change: h, u, v, vorticity, divergence, t, q, precipitation.
const std::vector<FieldInfo>& atmosphere_channels();
/// Fields that do not: orography and land mask.
const std::vector<FieldInfo>& surface_channels();

class Atmosphere {
 public:
  /// At `time` seconds from the start of a year (negative: in the year before), without spin-up. Parts of a
  /// seed are independent runs over the same planet under the same climate.
  Atmosphere(int64_t truncation, uint64_t seed, double time, uint64_t part = 0);
  Atmosphere(const Atmosphere&) = delete;
  Atmosphere& operator=(const Atmosphere&) = delete;

  const grid::Grid& grid() const { return transform_.grid(); }
  double time() const { return time_; }
  const at::Tensor& state() const { return state_; }

  /// Goes `seconds` forward in equal time steps. Throws Error(not_finite) if the flow blows up.
  void advance(double seconds);

  /// atmosphere_channels() now, [8, Y, X] float32; precipitation is the mean over the last `advance`.
  at::Tensor fields() const;
  /// surface_channels(), [2, Y, X] float32.
  at::Tensor surface_fields() const;

 private:
  SphericalTransform transform_;
  Surface surface_;
  ShallowWater model_;
  Climate climate_;
  double time_;
  at::Tensor state_;          // [M, N, 5]
  at::Tensor precipitation_;  // mean of the last `advance` in kg/m2/s, [Y, X]
};

}  // namespace seqvit::generate
