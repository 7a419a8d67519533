#include "model/rotary.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include <ATen/ops/tensor.h>

#include "core/error.h"

namespace seqvit::model {
namespace {

/// Means of each `patch` neighbours; the last may be fewer.
std::vector<double> centres(const std::vector<double>& degrees, int64_t patch) {
  std::vector<double> means;
  for (auto first = degrees.begin(); first != degrees.end();) {
    const auto last = first + std::min<int64_t>(patch, degrees.end() - first);
    means.push_back(std::accumulate(first, last, 0.0) / static_cast<double>(last - first));
    first = last;
  }
  return means;
}

/// [places, 2 waves]: cosines, then sines.
Tensor angles(const std::vector<double>& degrees, const std::vector<int64_t>& waves,
              const at::TensorOptions& options) {
  std::vector<double> values;
  for (const double place : degrees) {
    const auto add = [&](double (*f)(double)) {
      for (const int64_t wave : waves) {
        // In degrees and less than a turn, so that places a whole turn apart have the same bytes.
        const double turned = std::fmod(static_cast<double>(wave) * place, 360.0);
        values.push_back(f(turned * std::numbers::pi / 180.0));
      }
    };
    add(std::cos), add(std::sin);
  }
  return at::tensor(values, at::kDouble).view({std::ssize(degrees), 2 * std::ssize(waves)}).to(options);
}

/// The coordinates of an axis of `count` cells: those given, or as even as the cells of a globe, from `first`
/// on.
std::vector<double> coordinates(const std::vector<double>& given, int64_t count, double first, double span) {
  if (!given.empty()) {
    check(std::ssize(given) == count, "a model's shape has other coordinates than rows or columns");
    return given;
  }
  std::vector<double> even;
  for (int64_t i = 0; i < count; ++i)
    even.push_back(first + (static_cast<double>(i) + 0.5) * span / static_cast<double>(count));
  return even;
}

}  // namespace

std::vector<int64_t> rotary_wavenumbers(int64_t count, int64_t highest) {
  std::vector<int64_t> waves;
  for (int64_t j = 0; j < count; ++j) {
    const double part = count > 1 ? static_cast<double>(j) / static_cast<double>(count - 1) : 0.0;
    const auto wave = std::llround(std::pow(static_cast<double>(highest), part));
    waves.push_back(std::max<int64_t>(wave, waves.empty() ? 1 : waves.back() + 1));
  }
  return waves;
}

std::optional<ops::Rotation> rotation_of(const ModelShape& shape, const ModelLayout& layout) {
  if (!shape.config.rotary) return std::nullopt;
  const int64_t patch = shape.config.patch_size, width = shape.config.embed_dim / shape.config.num_heads;
  const auto waves = rotary_wavenumbers(width / 4, shape.config.rotary_waves);
  const auto options = at::TensorOptions(layout.whole.master).device(layout.whole.device);
  const auto table = [&](const std::vector<double>& degrees) {
    return angles(centres(degrees, patch), waves, options);
  };
  return ops::Rotation{.rows = table(coordinates(shape.latitude, shape.rows, 90.0, -180.0)),
                       .columns = table(coordinates(shape.longitude, shape.columns, 0.0, 360.0)),
                       .tokens_per_patch = shape.tokens_per_patch(),
                       .first = layout.slab.tokens.begin};
}

}  // namespace seqvit::model
