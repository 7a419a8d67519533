#include <fmt/core.h>

#include "report/sections.h"

namespace seqvit::report {

Html maps_section(const Report& report) {
  if (!report.maps) return section("maps", "Maps", {note("There are no maps: " + report.maps_missing)});
  const ForecastMaps& maps = *report.maps;
  const std::string outline = maps.land.empty()
                                  ? "Coastlines are left out: the data have no field of land fraction."
                                  : "Coastlines are where the data's own land fraction crosses one half.";
  return section("maps", "Maps",
                 {paragraph(fmt::format(
                      "{}, forecast from {} for {}, {} ahead. Truth and forecast share one scale. {}",
                      maps.text.variable, maps.initial_time, maps.text.valid_time, maps.text.lead, outline)),
                  map_figures(maps)});
}

}  // namespace seqvit::report
