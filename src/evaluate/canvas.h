/// A picture being drawn: filled rectangles, lines and text on pixels, and the PNG of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "evaluate/colour_map.h"

namespace seqvit::evaluate {

class Canvas {
 public:
  Canvas(int width, int height, Colour background);

  int width() const { return width_; }
  int height() const { return height_; }
  Colour at(int x, int y) const;
  void set(int x, int y, Colour colour) { blend(x, y, colour, 1.0); }
  /// Mixes `colour` in with weight `opacity`; pixels outside are ignored.
  void blend(int x, int y, Colour colour, double opacity);
  void rectangle(int x, int y, int width, int height, Colour colour, double opacity = 1.0);
  void frame(int x, int y, int width, int height, Colour colour);

  enum class Align { left, centre, right };
  /// Text whose capitals stand between y and y + 7 * scale pixels; `x` is its left end, middle or right end.
  void text(int x, int y, int scale, Colour colour, std::string_view text, Align align = Align::left);
  static int text_width(std::string_view text, int scale);

  /// The same bytes for the same picture.
  std::vector<std::byte> png() const;

 private:
  int width_, height_;
  std::vector<uint8_t> pixels_;  // [row, column, 3]
};

}  // namespace seqvit::evaluate
