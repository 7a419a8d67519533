#include "evaluate/ensemble.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/random.h"

namespace seqvit::evaluate {
namespace {

using Place = std::array<double, 3>;

constexpr int64_t kWaves = 32;
constexpr double kLength = 1000.0 / 6371.0;  // radii of the Earth

/// On the unit sphere. Without places on Earth: rows and columns as if the longer side were half a turn.
Place place_of(const grid::Grid& grid, int64_t row, int64_t column) {
  if (!grid.on_earth()) {
    const double spacing =
        std::numbers::pi / static_cast<double>(std::max<int64_t>({grid.rows(), grid.columns(), 2}) - 1);
    return {spacing * static_cast<double>(column), spacing * static_cast<double>(row), 0.0};
  }
  const double latitude = grid.latitude_at(row, column) * std::numbers::pi / 180.0,
               longitude = grid.longitude_at(row, column) * std::numbers::pi / 180.0;
  return {std::cos(latitude) * std::cos(longitude), std::cos(latitude) * std::sin(longitude),
          std::sin(latitude)};
}

struct Wave {
  Place vector;
  double phase;
};

/// Vectors drawn from the spectrum of exp(-d^2 / 2 L^2), which is normal with deviation 1 / L (Bochner's
/// theorem).
std::array<Wave, kWaves> draw_waves(uint64_t key) {
  std::array<Wave, kWaves> waves;
  for (int64_t k = 0; k < kWaves; ++k) {
    for (int64_t axis = 0; axis < 3; ++axis)
      waves[k].vector[axis] = normal(key, 4 * k + axis) / kLength;
    waves[k].phase = 2.0 * std::numbers::pi * uniform(mix(key, 1), 4 * k + 3);
  }
  return waves;
}

/// Of standard deviation 1 over all draws.
double value_at(const std::array<Wave, kWaves>& waves, const Place& p) {
  double sum = 0;
  for (const Wave& w : waves)
    sum += std::cos(w.vector[0] * p[0] + w.vector[1] * p[1] + w.vector[2] * p[2] + w.phase);
  return sum * std::sqrt(2.0 / static_cast<double>(kWaves));
}

}  // namespace

void perturb(const Ensemble& ensemble, const grid::Grid& grid, Range rows, data::TimeStamp time,
             int64_t member, std::span<float> state) {
  if (ensemble.perturbation == 0.0) return;
  const int64_t points = rows.size() * grid.columns();
  check(std::ssize(state) == std::ssize(ensemble.unit) * points, "a perturbation of another state");
  const uint64_t key = mix(mix(random_key(ensemble.seed, "perturbation"), static_cast<uint64_t>(time)),
                           static_cast<uint64_t>(member));
  for (int64_t v = 0; v < std::ssize(ensemble.unit); ++v) {
    const double size = ensemble.perturbation * ensemble.unit[v];
    if (size == 0.0) continue;
    const auto waves = draw_waves(mix(key, static_cast<uint64_t>(v)));
    for (int64_t i = 0; i < points; ++i) {
      const Place place = place_of(grid, rows.begin + i / grid.columns(), i % grid.columns());
      float& x = state[v * points + i];
      x = static_cast<float>(x + size * value_at(waves, place));
    }
  }
}

uint64_t noise_key(const Ensemble& ensemble, data::TimeStamp time, int64_t member, int64_t step) {
  const uint64_t of_time = mix(random_key(ensemble.seed, "noise of a forecast"), static_cast<uint64_t>(time));
  return mix(mix(of_time, static_cast<uint64_t>(member)), static_cast<uint64_t>(step));
}

std::vector<float> mean_of_members(std::span<const std::vector<float>> members) {
  std::vector<float> mean(members.front().size());
  for (size_t i = 0; i < mean.size(); ++i) {
    double sum = 0;
    for (const std::vector<float>& member : members)
      sum += member[i];
    mean[i] = static_cast<float>(sum / static_cast<double>(members.size()));
  }
  return mean;
}

}  // namespace seqvit::evaluate
