/// What the parts of a drawing look like, as CSS for a page and as numbers for a PNG: one table for both.
#pragma once

#include <array>
#include <string>

#include "draw/colour.h"

namespace seqvit::draw {

enum class Role {
  grid,       ///< lines of a chart's ticks
  axis,       ///< its axis, marks of a colour scale
  zero,       ///< where values are 0
  graticule,  ///< meridians and parallels on a map
  coast,
  frame,  ///< of a map or a colour scale; what it is filled with is the item's own
  line,   ///< of a series
  faint,  ///< the series, not smoothed
  whisker,
  dot,
  bar,
  tick,      ///< text: numbers on an axis
  name,      ///< text: what the axis has
  row,       ///< text: what a row of marks is
  heading,   ///< text: of one of several maps
  title,     ///< text: of a picture
  subtitle,  ///< text: below it
};

/// A role, and of what: series 1 to 3, 0 for none.
struct Look {
  Role role;
  int series = 0;
};

/// Colours that a page gives by light or dark; `given`: the item's own.
enum class Ink { none, given, card, ink, soft, grid, series, map_line };

struct Style {
  const char* name;  ///< CSS class
  Ink fill = Ink::none, stroke = Ink::none;
  double width = 1, opacity = 1;  ///< of the stroke
  double size = 0;                ///< of text
  bool bold = false;
};

const Style& style_of(Role role);
/// Lengths of dash and gap, 0 for a whole line: series differ by more than colour.
std::array<double, 2> dashes_of(Look look);
/// Colour on white paper.
Colour colour_of(Ink ink, int series);

/// Rules for the classes of all roles, and the colours they use, by light and dark.
std::string style_sheet();

}  // namespace seqvit::draw
