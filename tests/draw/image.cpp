#include "draw/image.h"

#include <cairo.h>
#include <cstdint>
#include <cstring>
#include <span>

#include <gtest/gtest.h>

namespace seqvit::draw {

int Image::inked(int left, int top, int right, int bottom) const {
  int count = 0;
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x)
      count += at(x, y) == Colour{255, 255, 255} ? 0 : 1;
  }
  return count;
}

Image decode(const std::vector<std::byte>& png) {
  std::span<const std::byte> rest(png);
  const auto read = [](void* from, unsigned char* to, unsigned size) {
    auto& bytes = *static_cast<std::span<const std::byte>*>(from);
    if (bytes.size() < size) return CAIRO_STATUS_READ_ERROR;
    std::memcpy(to, bytes.data(), size);
    bytes = bytes.subspan(size);
    return CAIRO_STATUS_SUCCESS;
  };
  cairo_surface_t* surface = cairo_image_surface_create_from_png_stream(read, &rest);
  EXPECT_EQ(cairo_surface_status(surface), CAIRO_STATUS_SUCCESS);
  Image image{cairo_image_surface_get_width(surface), cairo_image_surface_get_height(surface), {}};
  for (int y = 0; y < image.height; ++y) {
    const unsigned char* row = cairo_image_surface_get_data(surface) +
                               static_cast<ptrdiff_t>(y) * cairo_image_surface_get_stride(surface);
    for (int x = 0; x < image.width; ++x) {
      uint32_t pixel = 0;
      std::memcpy(&pixel, row + static_cast<ptrdiff_t>(x) * 4, 4);
      image.pixels.push_back({static_cast<uint8_t>(pixel >> 16U), static_cast<uint8_t>(pixel >> 8U),
                              static_cast<uint8_t>(pixel)});
    }
  }
  cairo_surface_destroy(surface);
  return image;
}

}  // namespace seqvit::draw
