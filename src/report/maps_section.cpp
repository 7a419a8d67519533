#include <cmath>

#include <fmt/core.h>

#include "draw/map.h"
#include "report/figure.h"
#include "report/sections.h"

namespace seqvit::report {
namespace {

constexpr double kWidth = 340, kLeft = 38, kTop = 8, kMapWidth = 290, kBarBelow = 28, kBarHeight = 56;
constexpr double kMostPixels = 150000;  // of a map's field: keeps the page small, whatever the grid

// Three figures that stand beside each other where there is room and below each other where there is not. At
// most 1.8 MB, whatever the grid.
Html map_figures(const evaluate::ForecastMaps& maps) {
  const draw::Map map(maps.grid, maps.land);
  draw::Map::Panel place{.box = {kLeft, kTop, kMapWidth, map.height(kMapWidth)}, .coast_id = "coast"};
  const draw::Box bar{kLeft + 14, place.box.bottom() + kBarBelow, kMapWidth - 28, 0};
  place.pixels = std::min(2.0, std::sqrt(kMostPixels / (place.box.width * place.box.height)));
  Html figures;
  for (const evaluate::MapPanel& panel : evaluate::map_panels(maps)) {
    draw::Scene scene{.width = kWidth,
                      .height = bar.y + kBarHeight,
                      .id = panel.id,
                      .title = panel.heading,
                      .description = panel.description};
    map.draw(scene, place, panel.field, panel.scale);
    draw_colour_bar(scene, bar, panel.scale, panel.id + "-colours", panel.scale_name);
    figures += figure(scene);
    place.repeats_coast = true;
  }
  return element("div", {{"class", "maps"}}, figures);
}

}  // namespace

Html maps_section(const Report& report) {
  if (!report.maps) return section("maps", "Maps", {note("There are no maps: " + report.maps_missing)});
  const evaluate::ForecastMaps& maps = *report.maps;
  const std::string coasts =
      !maps.land.empty() ? "Coasts are where the data's own land fraction crosses one half."
      : maps.grid.kind == grid::GridKind::rectilinear
          ? "Coasts are Earth's (Natural Earth): the data have no field of land fraction."
          : "Maps show rows and columns of the grid.";
  return section(
      "maps", "Maps",
      {paragraph(fmt::format(
           "{}, forecast from {} for {}, {} ahead. Truth and forecast share one scale, which holds 99 % of "
           "their values; a scale that ends in a point has values beyond it. {}",
           maps.text.variable, maps.text.initial_time, maps.text.valid_time, maps.text.lead, coasts)),
       map_figures(maps)});
}

}  // namespace seqvit::report
