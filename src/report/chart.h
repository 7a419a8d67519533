/// Figures as inline SVG: lines over an axis, values with intervals by row, parts of a whole.
///
/// Each is a <figure> with a caption, a legend and, for those who do not see it, a title and a description.
/// Colours are CSS classes (s1, s2, ...) of report/style.h, so figures follow light, dark and print; series
/// also differ in dashes or in the shape of their marks. Sizes suit a phone: a figure drawn at its natural
/// width fits in 390 pixels.
#pragma once

#include <string>
#include <vector>

#include "report/curves.h"
#include "report/html.h"

namespace seqvit::report {

struct ChartText {
  std::string id;           ///< unique on the page
  std::string title;        ///< what is shown, in a few words
  std::string description;  ///< what it says, in a sentence or two
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
Html line_chart(const LineChart& chart);

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
Html dot_chart(const DotChart& chart);

struct Part {
  std::string label, amount;  ///< "computing", "2 min 3 s"
  double value = 0;
};
/// A bar cut into parts, with their amounts and percentages in the legend.
Html share_bar(const ChartText& text, const std::vector<Part>& parts);

/// The <figure> around a drawing: `legend` holds the labels by colour, from 1.
Html chart_figure(const ChartText& text, const std::vector<Html>& legend, double width, double height,
                  const Html& drawing);

}  // namespace seqvit::report
