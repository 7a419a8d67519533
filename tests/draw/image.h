/// PNGs read back, by cairo.
#pragma once

#include <cstddef>
#include <vector>

#include "draw/colour.h"

namespace seqvit::draw {

struct Image {
  int width = 0, height = 0;
  std::vector<Colour> pixels;
  Colour at(int x, int y) const { return pixels[static_cast<size_t>(y) * width + x]; }
  /// How many pixels of a rectangle are not white.
  int inked(int left, int top, int right, int bottom) const;
};

Image decode(const std::vector<std::byte>& png);

}  // namespace seqvit::draw
