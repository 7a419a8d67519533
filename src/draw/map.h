/// A field as coloured cells on a map, north up, with coasts, meridians and parallels. Of a grid that is not
/// rectilinear it shows rows and columns by number, without Earth's coasts; the rows of one without places on
/// Earth go downward, as an image's.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "draw/coastline.h"
#include "draw/colour_scale.h"
#include "draw/map_axis.h"
#include "draw/scene.h"
#include "grid/grid.h"

namespace seqvit::draw {

/// What maps of one grid share. Drawn from the sum of its parts, map by map.
class Map {
 public:
  /// `land` [Y, X] is the data's own fraction of land; empty: the coasts are Earth's.
  Map(const grid::Grid& grid, std::span<const float> land);

  /// Of a map `width` wide: maps have square cells where they show rows and columns; else they keep the shape
  /// of the land at their middle latitude; a map of the whole globe has degrees of equal length.
  double height(double width) const;

  struct Panel {
    Box box;
    double pixels = 2;           ///< of the field's picture, a unit
    double overhang = 14;        ///< of the texts below it, to either side
    bool with_latitudes = true;  ///< their texts, to the left of the box
    std::string coast_id = {};   ///< of the coast where several drawings of a page share it
    bool repeats_coast = false;  ///< an earlier drawing has it, at the same place
  };
  /// `field`, [Y, X] in the order of the data.
  void draw(Scene& scene, const Panel& panel, std::span<const float> field, const ColourScale& scale) const;

 private:
  MapAxis latitude_, longitude_;
  double top_, bottom_;  // ends of `latitude_` as they are drawn
  bool degrees_;
  std::vector<MapLine> coast_;  // within the map

  Ticks x_ticks() const;
  Ticks y_ticks() const;
  Raster raster(const Panel& panel, std::span<const float> field, const ColourScale& scale) const;
};

}  // namespace seqvit::draw
