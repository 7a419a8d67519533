/// The outline of land, from a field of land fraction that the data themselves hold.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "evaluate/picture_axis.h"

namespace seqvit::report {

struct MapPoint {
  double longitude = 0, latitude = 0;
};
/// A piece of an outline.
struct MapSegment {
  MapPoint from, to;
};

/// Whether a static field named so is a fraction of land (0 sea, 1 land): by its CF standard name or by a
/// usual name of its own.
bool is_land_fraction(const std::string& name, const std::string& standard_name);

/// Where `land`, [Y, X] in the order of the data, crosses one half, by marching squares between the centres
/// of cells. Fine grids are looked at in strides, so that there are at most some thousand pieces.
std::vector<MapSegment> land_outline(const evaluate::PictureAxis& latitude,
                                     const evaluate::PictureAxis& longitude, std::span<const float> land);

}  // namespace seqvit::report
