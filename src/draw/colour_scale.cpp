#include "draw/colour_scale.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "draw/axis.h"

namespace seqvit::draw {
namespace {

constexpr Colour kMissing{190, 190, 190};
constexpr size_t kStops = 33;
constexpr double kHeight = 11, kMark = 4, kNameBelow = 47;

// A pointed end, of a height that shows beside the bar.
void draw_point(Scene& scene, double x, double y, double length, Colour colour) {
  scene.add(Path{{Role::frame}, {{{x, y}, {x + length, y + kHeight / 2}, {x, y + kHeight}}}, colour});
}

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

Colour ColourScale::operator()(double value) const {
  if (!std::isfinite(value)) return kMissing;
  const double position = (value - low) / (high - low);
  return colour(symmetric ? 2.0 * position - 1.0 : position);
}

void draw_colour_bar(Scene& scene, Box box, const ColourScale& scale, const std::string& id,
                     const std::string& name) {
  box.height = kHeight;
  Gradient bar{id, box, {}};
  for (size_t i = 0; i < kStops; ++i)
    bar.stops.push_back(scale(scale.low + static_cast<double>(i) / (kStops - 1) * (scale.high - scale.low)));
  if (scale.below) draw_point(scene, box.x, box.y, -kHeight, bar.stops.front());
  if (scale.above) draw_point(scene, box.right(), box.y, kHeight, bar.stops.back());
  scene.add(bar);
  const Frame marks{{box.x, box.bottom(), box.width, kMark}, {scale.low, scale.high}, {}};
  draw_x_ticks(
      scene, marks,
      number_ticks(round_ticks(scale.low, scale.high, std::max(3, static_cast<int>(box.width / 55)))),
      Role::axis);
  scene.add(Text{Role::tick,
                 {box.x + box.width / 2, box.y + kNameBelow},
                 Anchor::middle,
                 fitted(name, Role::tick, box.width + 2 * kHeight)});
}

}  // namespace seqvit::draw
