#include "draw/map.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace seqvit::draw {

Map::Map(const grid::Grid& grid, std::span<const float> land)
    : degrees_(grid.kind == grid::GridKind::rectilinear) {
  latitude_ = degrees_ ? latitude_axis(grid.latitude) : number_axis(grid.rows());
  longitude_ = degrees_ ? longitude_axis(grid.longitude) : number_axis(grid.columns());
  const bool downward = !degrees_ && (!grid.on_earth() || grid.latitude.front() > grid.latitude.back());
  top_ = downward ? latitude_.low() : latitude_.high();
  bottom_ = downward ? latitude_.high() : latitude_.low();
  if (!land.empty()) {
    coast_ = land_outline(latitude_, longitude_, land);
  } else if (degrees_) {
    coast_ = clipped(earth_coastline(), latitude_, longitude_);
  }
}

double Map::height(double width) const {
  const double across = longitude_.high() - longitude_.low(), up = latitude_.high() - latitude_.low();
  const double middle = (latitude_.high() + latitude_.low()) / 2 * std::numbers::pi / 180.0;
  const double narrowed = !degrees_ || across > 180.0 ? 1.0 : std::max(std::cos(middle), 0.3);
  return std::round(width * std::clamp(up / (across * narrowed), 0.3, 1.3));
}

Ticks Map::x_ticks() const {
  if (!degrees_) return number_ticks(round_ticks(longitude_.low(), longitude_.high(), 5));
  Ticks ticks{degree_ticks(longitude_.low(), longitude_.high(), 6), {}};
  for (const double degrees : ticks.values)
    ticks.texts.push_back(longitude_text(degrees));
  return ticks;
}

Ticks Map::y_ticks() const {
  if (!degrees_) return number_ticks(round_ticks(latitude_.low(), latitude_.high(), 5));
  Ticks ticks{degree_ticks(latitude_.low(), latitude_.high(), 7), {}};
  for (const double degrees : ticks.values)
    ticks.texts.push_back(latitude_text(degrees));
  return ticks;
}

Raster Map::raster(const Panel& panel, std::span<const float> field, const ColourScale& scale) const {
  Raster raster{panel.box,
                static_cast<int>(std::lround(panel.box.width * panel.pixels)),
                static_cast<int>(std::lround(panel.box.height * panel.pixels)),
                {}};
  raster.pixels.reserve(static_cast<size_t>(raster.columns) * raster.rows);
  const auto data_columns = static_cast<int64_t>(longitude_.indices.size());
  const double column_degrees = (longitude_.high() - longitude_.low()) / raster.columns;
  for (int j = 0; j < raster.rows; ++j) {
    const int64_t row = latitude_.index_at(top_ + (j + 0.5) / raster.rows * (bottom_ - top_));
    for (int i = 0; i < raster.columns; ++i) {
      const int64_t column = longitude_.index_at(longitude_.low() + (i + 0.5) * column_degrees);
      raster.pixels.push_back(scale(field[row * data_columns + column]));
    }
  }
  return raster;
}

void Map::draw(Scene& scene, const Panel& panel, std::span<const float> field,
               const ColourScale& scale) const {
  const Frame frame{panel.box, {longitude_.low(), longitude_.high()}, {bottom_, top_}, panel.overhang};
  scene.add(raster(panel, field, scale));
  Path coast{{Role::coast}, {}, {}, panel.coast_id, panel.repeats_coast};
  for (const MapLine& line : coast_) {
    Line& drawn = coast.lines.emplace_back();
    for (const MapPoint& p : line)
      drawn.push_back({frame.at_x(p.longitude), frame.at_y(p.latitude)});
  }
  scene.add(std::move(coast));
  draw_x_ticks(scene, frame, x_ticks(), Role::graticule);
  draw_y_ticks(scene, frame, y_ticks(), Role::graticule, panel.with_latitudes);
  scene.add(Rectangle{{Role::frame}, panel.box});
}

}  // namespace seqvit::draw
