#include "evaluate/canvas.h"

#include <algorithm>
#include <cmath>
#include <png.h>

#include "core/error.h"
#include "evaluate/font.h"

namespace seqvit::evaluate {
namespace {

// Coverage of a point (in dots) by a glyph: dots smoothed into strokes, so that diagonals join up and text
// drawn large has no stairs.
double coverage(char character, double x, double y) {
  const int left = static_cast<int>(std::floor(x)), top = static_cast<int>(std::floor(y));
  const double right_part = x - left, lower_part = y - top;
  const auto dot = [&](int i, int j) { return glyph_dot(character, left + i, top + j) ? 1.0 : 0.0; };
  const double upper = dot(0, 0) * (1 - right_part) + dot(1, 0) * right_part;
  const double lower = dot(0, 1) * (1 - right_part) + dot(1, 1) * right_part;
  return std::clamp((upper * (1 - lower_part) + lower * lower_part - 0.3) / 0.4, 0.0, 1.0);
}

}  // namespace

Canvas::Canvas(int width, int height, Colour background)
    : width_(width), height_(height), pixels_(static_cast<size_t>(width) * height * 3) {
  rectangle(0, 0, width, height, background);
}

Colour Canvas::at(int x, int y) const {
  const uint8_t* pixel = pixels_.data() + (static_cast<size_t>(y) * width_ + x) * 3;
  return {pixel[0], pixel[1], pixel[2]};
}

void Canvas::blend(int x, int y, Colour colour, double opacity) {
  if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
  uint8_t* pixel = pixels_.data() + (static_cast<size_t>(y) * width_ + x) * 3;
  const auto mixed = [opacity](uint8_t old, uint8_t added) {
    return static_cast<uint8_t>(std::lround(old + opacity * (added - old)));
  };
  pixel[0] = mixed(pixel[0], colour.red);
  pixel[1] = mixed(pixel[1], colour.green);
  pixel[2] = mixed(pixel[2], colour.blue);
}

void Canvas::rectangle(int x, int y, int width, int height, Colour colour, double opacity) {
  for (int j = y; j < y + height; ++j) {
    for (int i = x; i < x + width; ++i)
      blend(i, j, colour, opacity);
  }
}

void Canvas::frame(int x, int y, int width, int height, Colour colour) {
  rectangle(x, y, width, 1, colour);
  rectangle(x, y + height - 1, width, 1, colour);
  rectangle(x, y, 1, height, colour);
  rectangle(x + width - 1, y, 1, height, colour);
}

int Canvas::text_width(std::string_view text, int scale) {
  return text.empty()
             ? 0
             : (static_cast<int>(text.size()) * kGlyphAdvance - (kGlyphAdvance - kGlyphWidth)) * scale;
}

void Canvas::text(int x, int y, int scale, Colour colour, std::string_view text, Align align) {
  const int width = text_width(text, scale);
  if (align == Align::centre) x -= width / 2;
  if (align == Align::right) x -= width;
  for (const char character : text) {
    for (int j = -scale; j < (kGlyphHeight + 1) * scale; ++j) {
      for (int i = -scale; i < (kGlyphWidth + 1) * scale; ++i) {
        const double opacity = coverage(character, (i + 0.5) / scale - 0.5, (j + 0.5) / scale - 0.5);
        if (opacity > 0) blend(x + i, y + j, colour, opacity);
      }
    }
    x += kGlyphAdvance * scale;
  }
}

std::vector<std::byte> Canvas::png() const {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width_);
  image.height = static_cast<png_uint_32>(height_);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  int done = ::png_image_write_to_memory(&image, nullptr, &size, 0, pixels_.data(), 0, nullptr);
  std::vector<std::byte> bytes(size);
  if (done != 0)
    done = ::png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels_.data(), 0, nullptr);
  check(done != 0, image.message);
  bytes.resize(size);
  return bytes;
}

}  // namespace seqvit::evaluate
