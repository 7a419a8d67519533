/// Colours for numbers, made in OKLab (B. Ottosson 2020, "A perceptual color space for image processing") so
/// that equal steps of a value look like equal steps.
#pragma once

#include <cstdint>
#include <string>

namespace seqvit::draw {

struct Colour {
  uint8_t red = 0, green = 0, blue = 0;
  friend bool operator==(const Colour&, const Colour&) = default;
};

/// "#0b6a72".
std::string hex(Colour colour);

/// Dark violet over blue and green to yellow, with steadily rising lightness; `position` in [0, 1], clamped.
Colour sequential_colour(double position);

/// Blue for -1 over near-white for 0 to red for 1, clamped.
Colour diverging_colour(double position);

}  // namespace seqvit::draw
