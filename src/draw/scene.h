/// A drawing as a value: what stands where, in what role. Made once, written as SVG (draw/svg.h) or PNG
/// (draw/png.h).
///
/// Lengths are CSS pixels, y grows downward. What an item looks like follows from its role (draw/style.h);
/// only fields on maps and their scales have colours of their own.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "draw/colour.h"
#include "draw/style.h"

namespace seqvit::draw {

struct Point {
  double x = 0, y = 0;
};
using Line = std::vector<Point>;

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

/// Open lines; filled ones are closed.
struct Path {
  Look look;
  std::vector<Line> lines;
  std::optional<Colour> fill = {};
  std::string id = {};   ///< of a path that other drawings of the page repeat
  bool repeats = false;  ///< it is the path `id` of an earlier drawing, which a page need not hold twice
};

struct Rectangle {
  Look look;
  Box box;
  std::string hover = {};
};

struct Disc {
  Look look;
  Point centre;
  double radius;
  std::string hover = {};
};

enum class Anchor { start, middle, end };

/// `at` is on the base line.
struct Text {
  Role role;
  Point at;
  Anchor anchor;
  std::string text;
  std::string hover = {};
};

/// Coloured pixels that fill a box, rows from the top.
struct Raster {
  Box box;
  int columns = 0, rows = 0;
  std::vector<Colour> pixels;
};

/// A framed box filled from left to right with colours at equal distances.
struct Gradient {
  std::string id;  ///< unique on the page
  Box box;
  std::vector<Colour> stops;
};

using Item = std::variant<Path, Rectangle, Disc, Text, Raster, Gradient>;

struct Scene {
  double width = 0, height = 0;
  std::vector<Item> items = {};
  std::string id = {};                   ///< unique on the page
  std::string title = {};                ///< what is shown, in a few words
  std::string description = {};          ///< what it says, in a sentence or two
  std::vector<std::string> legend = {};  ///< labels of the series, from 1; empty: none is needed

  void add(Item item) { items.push_back(std::move(item)); }
  void add_line(Look look, Point from, Point to) { add(Path{look, {{from, to}}}); }
};

/// About how wide a text will be, whatever the font: a little more than it is in most.
double text_width(Role role, const std::string& text);

/// The text, or as much of it as is `width` wide with dots for what is missing.
std::string fitted(const std::string& text, Role role, double width);

}  // namespace seqvit::draw
