/// Outlines of land: Earth's, or those of a field of land fraction.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "draw/map_axis.h"

namespace seqvit::draw {

struct MapPoint {
  double longitude = 0, latitude = 0;
};
using MapLine = std::vector<MapPoint>;

/// Earth's coasts at 1:110 million (Natural Earth), longitudes from -180 to 180.
std::vector<MapLine> earth_coastline();
/// Line after line: the number of its points, then their distances from the point before in tenths of a
/// degree, east and north.
extern const std::array<int16_t, 10795> kCoastlineTable;

/// Where `land` (0 sea, 1 land), [Y, X] in the order of the data, crosses one half, by marching squares
/// between the centres of cells. Fine grids are looked at in strides, so that there are at most some thousand
/// pieces.
std::vector<MapLine> land_outline(const MapAxis& latitude, const MapAxis& longitude,
                                  std::span<const float> land);

/// What of `lines` lies within a map, whose longitudes may have turned round the globe; nothing on a map of
/// more than two globes.
std::vector<MapLine> clipped(const std::vector<MapLine>& lines, const MapAxis& latitude,
                             const MapAxis& longitude);

}  // namespace seqvit::draw
