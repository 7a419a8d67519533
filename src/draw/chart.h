/// Charts as scenes: lines over an axis, values with intervals by row, parts of a whole.
///
/// Series differ in colour and also in dashes or in the shape of their marks. Sizes suit a phone: a chart
/// drawn at its natural width fits in 390 pixels.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "draw/scene.h"

namespace seqvit::draw {

struct ChartPoint {
  double x = 0, y = 0;
  /// Interval about y; NaN: none.
  double low = std::numeric_limits<double>::quiet_NaN(), high = std::numeric_limits<double>::quiet_NaN();
};

struct ChartText {
  std::string id, title, description;  ///< as a scene has them
  std::string x_label, y_label;
};

struct Series {
  enum class Mark {
    line,
    faint_line,
    dotted_line
  };  ///< dotted: points are marked, unless there are too many to tell apart
  std::string label;
  int colour = 1;  ///< 1 .. 3
  Mark mark = Mark::line;
  std::vector<ChartPoint> points;
};

struct LineChart {
  ChartText text;
  std::vector<double> x_ticks;   ///< empty: round numbers
  std::vector<Series> series;    ///< the first has colour 1, the next 2, as in the legend
  std::vector<Series> backdrop;  ///< drawn first and not named
  bool logarithmic = false;      ///< the vertical axis
  bool logarithmic_x = false;
  bool include_zero = false;  ///< the vertical axis holds 0, which is marked
};
/// Points that are not finite are left out.
Scene line_chart(const LineChart& chart);

struct DotChart {
  struct Row {
    std::string label;
    std::vector<ChartPoint> values;  ///< of each series; x is not used
  };
  ChartText text;
  std::vector<std::string> series;
  std::vector<Row> rows;
  bool include_zero = false;  ///< the axis holds 0, which is marked
};
/// One row a label, a mark and its interval for each series.
Scene dot_chart(const DotChart& chart);

struct Part {
  std::string label, amount;  ///< "computing", "2 min 3 s"
  double value = 0;
};
/// A bar cut into parts, with their amounts and percentages in the legend.
Scene share_bar(const ChartText& text, const std::vector<Part>& parts);

}  // namespace seqvit::draw
