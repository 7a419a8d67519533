/// A field as coloured cells on a map: the scale of its colours, the shape of the map, its pixels.
///
/// What a picture for a slide and a figure of a report share.
#pragma once

#include <span>

#include "evaluate/canvas.h"
#include "evaluate/colour_map.h"
#include "evaluate/picture_axis.h"
#include "grid/grid.h"

namespace seqvit::evaluate {

/// A range of values and the colours of it.
struct ColourScale {
  double low, high;
  bool below, above;  ///< whether values lie outside
  Colour (*colour)(double position);
  bool symmetric;

  Colour operator()(double value) const {
    const double position = (value - low) / (high - low);
    return colour(symmetric ? 2.0 * position - 1.0 : position);
  }
};

/// One scale for truth and forecast, from the 0.5 to the 99.5 percentile of the values of both.
ColourScale field_scale(std::span<const float> truth, std::span<const float> forecast);
/// A scale symmetric about 0 that holds 99.5 % of the values.
ColourScale error_scale(std::span<const float> error);

/// Root of the area-weighted mean square of the values that are there; NaN where there are none.
double spatial_rmse(const grid::Grid& grid, std::span<const float> error);

/// Where on a canvas a map stands, in pixels.
struct MapBox {
  int x, y, width, height;
};

/// Height of a map `width` wide: maps keep the shape of the land at their middle latitude; a map of the whole
/// globe has degrees of equal length.
int map_height(const PictureAxis& latitude, const PictureAxis& longitude, int width);

/// Draws `field`, [Y, X] in the order of the data, north up; missing values grey.
void draw_map(Canvas& canvas, MapBox box, const PictureAxis& latitude, const PictureAxis& longitude,
              std::span<const float> field, const ColourScale& scale);

}  // namespace seqvit::evaluate
