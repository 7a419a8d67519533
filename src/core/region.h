/// A box of latitudes and longitudes that scores are taken over.
#pragma once

#include <string>

namespace seqvit {

/// Edges are in degrees and belong to the box; east - west >= 360 means all longitudes.
struct Region {
  std::string name;
  double south = -90, north = 90, west = 0, east = 360;

  /// False for NaN, a point without a place.
  bool contains(double latitude, double longitude) const;
  /// The whole globe: every point, also one without a place.
  bool whole() const { return south <= -90 && north >= 90 && east - west >= 360; }

  /// From "name=south,north,west,east". Where east lies below west the box crosses the date line or Greenwich
  /// ("pacific=-20,20,150,-90"). Throws Error(usage) that begins with `setting` for anything else, for bounds
  /// beyond the globe or in the wrong order, and for the name "global", which stands for the whole grid.
  static Region parse(const std::string& text, const std::string& setting);
};

}  // namespace seqvit
