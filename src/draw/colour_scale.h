/// The scale of a field's colours, and the bar that shows it.
#pragma once

#include <span>
#include <string>

#include "draw/colour.h"
#include "draw/scene.h"

namespace seqvit::draw {

/// A range of values and the colours of it.
struct ColourScale {
  double low, high;
  bool below, above;  ///< whether values lie outside
  Colour (*colour)(double position);
  bool symmetric;

  /// Grey where the value is missing.
  Colour operator()(double value) const;
};

/// One scale for truth and forecast, from the 0.5 to the 99.5 percentile of the values of both.
ColourScale field_scale(std::span<const float> truth, std::span<const float> forecast);
/// A scale symmetric about 0 that holds 99.5 % of the values.
ColourScale error_scale(std::span<const float> error);

/// A bar along the upper side of `box` with its numbers and `name` below it, 51 high; an end runs out into a
/// point where values lie beyond it. `id` is unique on the page.
void draw_colour_bar(Scene& scene, Box box, const ColourScale& scale, const std::string& id,
                     const std::string& name);

}  // namespace seqvit::draw
