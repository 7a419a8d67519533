#include "evaluate/picture.h"

#include <fmt/core.h>

#include "core/file.h"
#include "draw/map.h"
#include "draw/png.h"

namespace seqvit::evaluate {
namespace {

constexpr double kWidth = 750, kLeft = 42, kRight = 12, kGap = 24, kTop = 84, kBarBelow = 32, kBarHeight = 58;
constexpr double kMapWidth = (kWidth - kLeft - kRight - 2 * kGap) / 3;

draw::Scene scene_of(const ForecastMaps& maps, double pixels) {
  const std::vector<MapPanel> panels = map_panels(maps);
  const draw::Map map(maps.grid, maps.land);
  draw::Box box{kLeft, kTop, kMapWidth, map.height(kMapWidth)};
  const double bar_y = box.bottom() + kBarBelow, text_width = kWidth - kLeft - kRight;
  draw::Scene scene{.width = kWidth, .height = bar_y + kBarHeight};
  const MapText& says = maps.text;
  const std::string title =
      says.long_name.empty() ? says.variable : fmt::format("{}: {}", says.variable, says.long_name);
  const std::string times =
      fmt::format("{} ahead: from {}, valid {}", says.lead, says.initial_time, says.valid_time);
  const auto text = [&](draw::Role role, double x, double y, const std::string& content, double room) {
    scene.add(draw::Text{role, {x, y}, draw::Anchor::start, draw::fitted(content, role, room)});
  };
  text(draw::Role::title, kLeft, 26, title, text_width);
  text(draw::Role::subtitle, kLeft, 45, times, text_width);
  for (const MapPanel& panel : panels) {
    text(draw::Role::heading, box.x, kTop - 9, panel.heading, kMapWidth);
    map.draw(scene,
             {.box = box, .pixels = pixels, .overhang = kGap / 2 - 3, .with_latitudes = box.x == kLeft},
             panel.field, panel.scale);
    box.x += kMapWidth + kGap;
  }
  // One scale for the two maps that share it, one for the error.
  const double shared = kMapWidth * 1.2, own = kMapWidth * 0.8;
  const double middle = kLeft + kMapWidth + kGap / 2, last = kWidth - kRight - kMapWidth / 2;
  draw_colour_bar(scene, {middle - shared / 2, bar_y, shared, 0}, panels[0].scale, "values",
                  panels[0].scale_name);
  draw_colour_bar(scene, {last - own / 2, bar_y, own, 0}, panels[2].scale, "errors", panels[2].scale_name);
  return scene;
}

}  // namespace

std::vector<std::byte> draw_picture(const ForecastMaps& maps, int width) {
  return draw::png(scene_of(maps, width / kWidth), width / kWidth);
}

void write_picture(const std::filesystem::path& path, const ForecastMaps& maps, int width) {
  AtomicFile file(path, Exit::data);
  file.write(draw_picture(maps, width));
  file.commit();
}

}  // namespace seqvit::evaluate
