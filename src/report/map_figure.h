/// Truth, forecast and error as three maps that stand beside each other where there is room and below each
/// other where there is not.
///
/// The fields are PNGs (coloured as in evaluate/picture); axes, outline and scales are SVG, so that they stay
/// sharp and follow the page's colours.
#pragma once

#include <string>
#include <vector>

#include "evaluate/picture.h"
#include "report/html.h"

namespace seqvit::report {

struct ForecastMaps {
  grid::Grid grid;
  std::vector<float> truth, forecast;  ///< [Y, X], physical units, NaN where missing
  std::vector<float> land;             ///< [Y, X] fraction of land; empty: no outline is drawn
  evaluate::PictureText text;
  std::string initial_time;
};

/// A <div> of three figures. At most 1.8 MB, whatever the grid.
Html map_figures(const ForecastMaps& maps);

}  // namespace seqvit::report
