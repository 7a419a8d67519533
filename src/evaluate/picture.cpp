#include "evaluate/picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numbers>

#include <fmt/core.h>

#include "core/file.h"
#include "evaluate/canvas.h"
#include "evaluate/picture_axis.h"

namespace seqvit {
namespace {

constexpr Colour kInk{32, 33, 36}, kPaper{255, 255, 255}, kMissing{190, 190, 190}, kSoftInk{95, 99, 104};
constexpr int kLeft = 76, kRight = 28, kGap = 36, kTop = 122, kBarHeight = 16, kText = 2;

struct Box {
  int x, y, width, height;
};

// A range of values and the colours of it.
struct ColourScale {
  double low, high;
  bool below, above;  // whether values lie outside
  Colour (*colour)(double position);
  bool symmetric;

  Colour operator()(double value) const {
    const double position = (value - low) / (high - low);
    return colour(symmetric ? 2.0 * position - 1.0 : position);
  }
};

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

void draw_map(Canvas& canvas, Box box, const PictureAxis& latitude, const PictureAxis& longitude,
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

void draw_graticule(Canvas& canvas, Box box, const PictureAxis& latitude, const PictureAxis& longitude,
                    bool with_latitudes) {
  for (const double tick : degree_ticks(longitude.low(), longitude.high(), 6)) {
    const double part = (tick - longitude.low()) / (longitude.high() - longitude.low());
    const int x = box.x + static_cast<int>(std::lround(part * box.width));
    canvas.rectangle(x, box.y, 1, box.height, kInk, 0.22);
    canvas.rectangle(x, box.y + box.height, 1, 6, kInk);
    canvas.text(x, box.y + box.height + 12, kText, kInk, longitude_text(tick), Canvas::Align::centre);
  }
  for (const double tick : degree_ticks(latitude.low(), latitude.high(), 7)) {
    const double part = (latitude.high() - tick) / (latitude.high() - latitude.low());
    const int y = box.y + static_cast<int>(std::lround(part * box.height));
    canvas.rectangle(box.x, y, box.width, 1, kInk, 0.22);
    canvas.rectangle(box.x - 6, y, 6, 1, kInk);
    if (with_latitudes)
      canvas.text(box.x - 12, y - 7, kText, kInk, latitude_text(tick), Canvas::Align::right);
  }
  canvas.frame(box.x - 1, box.y - 1, box.width + 2, box.height + 2, kInk);
}

// A pointed end says that some values lie beyond the scale.
void draw_point(Canvas& canvas, int x, int y, int direction, Colour colour) {
  for (int i = 0; i < kBarHeight; ++i) {
    const int inset = (i + 1) / 2;
    canvas.rectangle(x + direction * i, y + inset, 1, kBarHeight - 2 * inset, colour);
    canvas.set(x + direction * i, y + inset, kInk);
    canvas.set(x + direction * i, y + kBarHeight - 1 - inset, kInk);
  }
}

void draw_bar(Canvas& canvas, int x, int y, int width, const ColourScale& scale, const std::string& units) {
  const double step = (scale.high - scale.low) / width;
  for (int i = 0; i < width; ++i) {
    canvas.rectangle(x + i, y, 1, kBarHeight, scale(scale.low + (i + 0.5) * step));
  }
  canvas.frame(x - 1, y - 1, width + 2, kBarHeight + 2, kInk);
  if (scale.below) draw_point(canvas, x - 2, y, -1, scale(scale.low));
  if (scale.above) draw_point(canvas, x + width + 1, y, 1, scale(scale.high));
  const std::vector<double> ticks = round_ticks(scale.low, scale.high, std::max(3, width / 90));
  const std::vector<std::string> texts = tick_texts(ticks);
  for (size_t i = 0; i < ticks.size(); ++i) {
    const int tick = x + static_cast<int>(std::lround((ticks[i] - scale.low) / step));
    canvas.rectangle(std::min(tick, x + width - 1), y + kBarHeight, 1, 6, kInk);
    canvas.text(tick, y + kBarHeight + 12, kText, kInk, texts[i], Canvas::Align::centre);
  }
  canvas.text(x + width / 2, y + kBarHeight + 36, kText, kSoftInk, units, Canvas::Align::centre);
}

// Text cut to `width` pixels, with dots where something is missing.
std::string fitted(std::string text, int scale, int width) {
  if (Canvas::text_width(text, scale) <= width) return text;
  while (!text.empty() && Canvas::text_width(text + "...", scale) > width)
    text.pop_back();
  return text + "...";
}

std::string error_title(const Grid& grid, std::span<const float> error) {
  const std::vector<double> weights = grid.row_weights();
  double weight = 0, sum = 0, squares = 0;
  for (size_t i = 0; i < error.size(); ++i) {
    if (!std::isfinite(error[i])) continue;
    const double w = weights[i / grid.columns()];
    weight += w;
    sum += w * error[i];
    squares += w * error[i] * error[i];
  }
  if (weight == 0) return "forecast - truth";
  return fmt::format("forecast - truth   RMSE {:.3g}", std::sqrt(squares / weight));
}

// Maps keep the shape of the land at their middle latitude; a map of the whole globe has degrees of equal
// length.
int map_height(const PictureAxis& latitude, const PictureAxis& longitude, int width) {
  const double across = longitude.high() - longitude.low(), up = latitude.high() - latitude.low();
  const double middle = (latitude.high() + latitude.low()) / 2 * std::numbers::pi / 180.0;
  const double narrowed = across > 180.0 ? 1.0 : std::max(std::cos(middle), 0.3);
  return static_cast<int>(std::lround(width * std::clamp(up / (across * narrowed), 0.3, 1.3)));
}

}  // namespace

std::vector<std::byte> draw_picture(const Grid& grid, std::span<const float> truth,
                                    std::span<const float> forecast, const PictureText& text, int width) {
  check(static_cast<int64_t>(truth.size()) == grid.points() && forecast.size() == truth.size(),
        "fields of a picture have the wrong size");
  std::vector<float> error(truth.size());
  for (size_t i = 0; i < error.size(); ++i)
    error[i] = forecast[i] - truth[i];
  const PictureAxis latitude = latitude_axis(grid.latitude), longitude = longitude_axis(grid.longitude);
  const ColourScale values = field_scale(truth, forecast), errors = error_scale(error);

  const int map_width = (width - kLeft - kRight - 2 * kGap) / 3;
  const int height = map_height(latitude, longitude, map_width);
  const int bar_y = kTop + height + 48;
  Canvas canvas(width, bar_y + kBarHeight + 70, kPaper);
  const int text_width = width - kLeft - kRight;
  canvas.text(kLeft, 24, 3, kInk, fitted(text.variable, 3, text_width));
  canvas.text(kLeft, 58, 2, kSoftInk,
              fitted(fmt::format("valid {}   lead time {}", text.valid_time, text.lead), 2, text_width));

  const std::array<std::string, 3> titles = {"truth", "forecast", error_title(grid, error)};
  const std::array<std::span<const float>, 3> fields = {truth, forecast, error};
  Box box{kLeft, kTop, map_width, height};
  for (int panel = 0; panel < 3; ++panel, box.x += map_width + kGap) {
    canvas.text(box.x, kTop - 26, 2, kInk, fitted(titles[panel], 2, map_width));
    draw_map(canvas, box, latitude, longitude, fields[panel], panel < 2 ? values : errors);
    draw_graticule(canvas, box, latitude, longitude, panel == 0);
  }
  const int inset = map_width / 4;  // one bar for the two maps that share it, one for the error
  draw_bar(canvas, kLeft + 2 * inset, bar_y, 2 * map_width + kGap - 4 * inset, values, text.units);
  draw_bar(canvas, box.x - map_width - kGap + inset / 2, bar_y, map_width - inset, errors, text.units);
  return canvas.png();
}

void write_picture(const std::filesystem::path& path, const Grid& grid, std::span<const float> truth,
                   std::span<const float> forecast, const PictureText& text, int width) {
  AtomicFile file(path, Exit::data);
  file.write(draw_picture(grid, truth, forecast, text, width));
  file.commit();
}

}  // namespace seqvit
