#include "evaluate/field_map.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <vector>

#include "grid/cell_weights.h"

namespace seqvit::evaluate {
namespace {

constexpr Colour kMissing{190, 190, 190};

double percentile(std::vector<float>& values, double fraction) {
  const auto position = values.begin() + std::lround(fraction * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), position, values.end());
  return *position;
}

std::vector<float> valid_values(std::span<const float> field) {
  std::vector<float> values;
  std::copy_if(field.begin(), field.end(), std::back_inserter(values),
               [](float v) { return std::isfinite(v); });
  return values;
}

}  // namespace

ColourScale field_scale(std::span<const float> truth, std::span<const float> forecast) {
  std::vector<float> values = valid_values(truth);
  const std::vector<float> more = valid_values(forecast);
  values.insert(values.end(), more.begin(), more.end());
  ColourScale scale{0.0, 1.0, false, false, sequential_colour, false};
  if (values.empty()) return scale;
  scale.low = percentile(values, 0.005);
  scale.high = percentile(values, 0.995);
  if (scale.high <= scale.low) scale.high = scale.low + std::max(1.0, 1e-3 * std::abs(scale.low));
  scale.below = *std::min_element(values.begin(), values.end()) < scale.low;
  scale.above = *std::max_element(values.begin(), values.end()) > scale.high;
  return scale;
}

ColourScale error_scale(std::span<const float> error) {
  std::vector<float> values = valid_values(error);
  for (float& value : values)
    value = std::abs(value);
  const double most = values.empty() ? 0.0 : percentile(values, 0.995);
  const double limit = most > 0 ? most : 1.0;
  const bool outside = !values.empty() && *std::max_element(values.begin(), values.end()) > limit;
  return {-limit, limit, outside, outside, diverging_colour, true};
}

double spatial_rmse(const grid::Grid& grid, std::span<const float> error) {
  const grid::CellWeights weights(grid);
  double weight = 0, squares = 0;
  for (size_t i = 0; i < error.size(); ++i) {
    if (!std::isfinite(error[i])) continue;
    const double w =
        weights(static_cast<int64_t>(i) / grid.columns(), static_cast<int64_t>(i) % grid.columns());
    weight += w;
    squares += w * error[i] * error[i];
  }
  return std::sqrt(squares / weight);  // 0 / 0 where nothing is valid
}

void draw_map(Canvas& canvas, MapBox box, const PictureAxis& latitude, const PictureAxis& longitude,
              std::span<const float> field, const ColourScale& scale) {
  const auto columns = static_cast<int64_t>(longitude.indices.size());
  const double row_degrees = (latitude.high() - latitude.low()) / box.height;
  const double column_degrees = (longitude.high() - longitude.low()) / box.width;
  for (int j = 0; j < box.height; ++j) {
    const int64_t row = latitude.index_at(latitude.high() - (j + 0.5) * row_degrees);
    for (int i = 0; i < box.width; ++i) {
      const int64_t column = longitude.index_at(longitude.low() + (i + 0.5) * column_degrees);
      const float value = field[row * columns + column];
      canvas.set(box.x + i, box.y + j, std::isfinite(value) ? scale(value) : kMissing);
    }
  }
}

int map_height(const PictureAxis& latitude, const PictureAxis& longitude, int width) {
  const double across = longitude.high() - longitude.low(), up = latitude.high() - latitude.low();
  const double middle = (latitude.high() + latitude.low()) / 2 * std::numbers::pi / 180.0;
  const double narrowed = across > 180.0 ? 1.0 : std::max(std::cos(middle), 0.3);
  return static_cast<int>(std::lround(width * std::clamp(up / (across * narrowed), 0.3, 1.3)));
}

}  // namespace seqvit::evaluate
