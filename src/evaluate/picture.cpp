#include "evaluate/picture.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/core.h>

#include "core/file.h"
#include "evaluate/canvas.h"
#include "evaluate/field_map.h"
#include "evaluate/picture_axis.h"

namespace seqvit::evaluate {
namespace {

constexpr Colour kInk{32, 33, 36}, kPaper{255, 255, 255}, kSoftInk{95, 99, 104};
constexpr int kLeft = 76, kRight = 28, kGap = 36, kTop = 122, kBarHeight = 16, kText = 2;

void draw_graticule(Canvas& canvas, MapBox box, const PictureAxis& latitude, const PictureAxis& longitude,
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

std::string error_title(const grid::Grid& grid, std::span<const float> error) {
  const double rmse = spatial_rmse(grid, error);
  return std::isfinite(rmse) ? fmt::format("forecast - truth   RMSE {:.3g}", rmse) : "forecast - truth";
}

}  // namespace

std::vector<std::byte> draw_picture(const grid::Grid& grid, std::span<const float> truth,
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
  MapBox box{kLeft, kTop, map_width, height};
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

void write_picture(const std::filesystem::path& path, const grid::Grid& grid, std::span<const float> truth,
                   std::span<const float> forecast, const PictureText& text, int width) {
  AtomicFile file(path, Exit::data);
  file.write(draw_picture(grid, truth, forecast, text, width));
  file.commit();
}

}  // namespace seqvit::evaluate
