#include "draw/colour.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <fmt/core.h>

namespace seqvit::draw {
namespace {

uint8_t encode(double linear) {
  const double clipped = std::clamp(linear, 0.0, 1.0);
  const double encoded =
      clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * std::pow(clipped, 1.0 / 2.4) - 0.055;
  return static_cast<uint8_t>(std::lround(255.0 * encoded));
}

// Linear sRGB of an OKLab colour given by lightness 0..1, chroma 0..~0.3 and hue in degrees.
std::array<double, 3> linear_from_oklch(double lightness, double chroma, double hue) {
  const double a = chroma * std::cos(hue * std::numbers::pi / 180.0);
  const double b = chroma * std::sin(hue * std::numbers::pi / 180.0);
  const double l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
  const double m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
  const double s = std::pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
  return {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
          -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
          -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
}

// The colour of this lightness and hue with the wanted chroma, or the most that a screen can show: cutting
// single channels off instead would leave a visible edge in the map.
Colour from_oklch(double lightness, double chroma, double hue) {
  const auto shown = [](const std::array<double, 3>& rgb) {
    return std::all_of(rgb.begin(), rgb.end(), [](double c) { return c >= 0.0 && c <= 1.0; });
  };
  std::array<double, 3> rgb = linear_from_oklch(lightness, chroma, hue);
  if (!shown(rgb)) {
    double least = 0.0, most = chroma;
    for (int i = 0; i < 20; ++i) {
      const double middle = (least + most) / 2;
      (shown(linear_from_oklch(lightness, middle, hue)) ? least : most) = middle;
    }
    rgb = linear_from_oklch(lightness, least, hue);
  }
  return {encode(rgb[0]), encode(rgb[1]), encode(rgb[2])};
}

}  // namespace

std::string hex(Colour c) {
  return fmt::format("#{:02x}{:02x}{:02x}", c.red, c.green, c.blue);
}

Colour sequential_colour(double position) {
  const double t = std::clamp(position, 0.0, 1.0);
  const double hue = 305.0 - 200.0 * std::pow(t, 1.1);  // violet, blue, teal, green, yellow
  const double chroma =
      0.12 - 0.13 * t + 0.19 * t * t;  // what a screen can show of every hue on the way: no edges
  return from_oklch(0.27 + 0.66 * t, chroma, hue);
}

Colour diverging_colour(double position) {
  const double t = std::clamp(std::abs(position), 0.0, 1.0);
  const double hue = position < 0 ? 255.0 : 27.0;
  return from_oklch(0.975 - 0.525 * std::pow(t, 1.15),
                    0.185 * std::sin(0.5 * std::numbers::pi * std::pow(t, 0.9)), hue);
}

}  // namespace seqvit::draw
