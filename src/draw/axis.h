/// Axes: from values to places, round numbers to label them with, and how they are drawn, for charts, maps
/// and colour scales alike.
#pragma once

#include <string>
#include <vector>

#include "draw/scene.h"

namespace seqvit::draw {

struct Axis {
  double low = 0, high = 1;
  bool logarithmic = false;

  /// 0 at `low`, 1 at `high`.
  double position(double value) const;
  /// About `count` round values within the axis; on a logarithmic one 1, 2, 5 x powers of ten (the
  /// powers alone where it spans more than four), unless that would leave fewer than two.
  std::vector<double> ticks(int count) const;
};

/// An axis that holds all finite values with a small margin; one that is not empty where they are all equal
/// or there are none. Logarithmic only if asked for and all are positive.
Axis axis_of(const std::vector<double>& values, bool logarithmic = false);

/// Multiples of `step` in [low, high]; none where they cannot be told apart or are too many to be ticks.
std::vector<double> multiples(double low, double high, double step);
/// Multiples of 1, 2 or 5 times a power of ten in [low, high], about `count` of them.
std::vector<double> round_ticks(double low, double high, int count);

/// Labels for ticks, short and with as many digits as tell them apart: "2,000", "1e-05", "1e+08".
std::vector<std::string> axis_texts(const std::vector<double>& ticks);

/// "1,234,567".
std::string grouped(long long value);

/// A box with axes along its lower and its left side.
struct Frame {
  Box box;
  Axis x, y;
  double overhang = 14;  ///< how far texts below may stand out to either side

  double at_x(double value) const { return box.x + x.position(value) * box.width; }
  double at_y(double value) const { return box.bottom() - y.position(value) * box.height; }
};

struct Ticks {
  std::vector<double> values;
  std::vector<std::string> texts;
};
Ticks number_ticks(const std::vector<double>& values);

/// A line through the box at each tick, and its text below. A text that would stand out too far is moved
/// inward, and one that would touch the text before it is left out.
void draw_x_ticks(Scene& scene, const Frame& frame, const Ticks& ticks, Role line);
/// The same to the left of the box.
void draw_y_ticks(Scene& scene, const Frame& frame, const Ticks& ticks, Role line, bool with_texts = true);

}  // namespace seqvit::draw
