#include "report/chart.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/core.h>

#include "report/chart_axis.h"

namespace seqvit::report {
namespace {

constexpr double kWidth = 360, kLeft = 50, kRight = 14, kTop = 26, kBottom = 40, kPlotHeight = 190;
constexpr double kMarkDistance = 10, kLetterWidth = 7;  // of a row's label, about
constexpr size_t kLongestLabel = 16, kMostMarks = 60;

std::string px(double value) {
  return fmt::format("{:.1f}", value);
}

std::string colour_class(const char* kind, size_t colour) {
  return fmt::format("{} s{}", kind, colour);
}

Html line(const char* kind, double x1, double y1, double x2, double y2) {
  return element("line", {{"class", kind}, {"x1", px(x1)}, {"y1", px(y1)}, {"x2", px(x2)}, {"y2", px(y2)}});
}

Html label(double x, double y, const char* anchor, const std::string& text, const char* kind = "tick") {
  return element("text", {{"class", kind}, {"x", px(x)}, {"y", px(y)}, {"text-anchor", anchor}}, text);
}

// The plot's rectangle and its axes: from values to pixels.
struct Frame {
  ChartAxis x, y;
  double height = kPlotHeight, left = kLeft;

  double right() const { return kWidth - kRight; }
  double bottom() const { return kTop + height; }
  double at_x(double value) const { return left + x.position(value) * (right() - left); }
  double at_y(double value) const { return bottom() - y.position(value) * height; }
};

Html x_axis(const Frame& frame, const std::string& name, const std::vector<double>& ticks) {
  Html svg;
  const std::vector<std::string> texts = axis_texts(ticks);
  for (size_t i = 0; i < ticks.size(); ++i) {
    const double x = frame.at_x(ticks[i]);
    svg += line("grid", x, kTop, x, frame.bottom());
    svg += label(x, frame.bottom() + 16, "middle", texts[i]);
  }
  svg += line("axis", frame.left, frame.bottom(), frame.right(), frame.bottom());
  svg += label(frame.right(), frame.bottom() + 33, "end", name, "name");
  return svg;
}

Html y_axis(const Frame& frame, const std::string& name) {
  Html svg;
  const std::vector<double> ticks = frame.y.ticks(5);
  const std::vector<std::string> texts = axis_texts(ticks);
  for (size_t i = 0; i < ticks.size(); ++i) {
    const double y = frame.at_y(ticks[i]);
    svg += line("grid", kLeft, y, frame.right(), y);
    svg += label(kLeft - 7, y + 4, "end", texts[i]);
  }
  if (!name.empty()) svg += label(2, 13, "start", name, "name");
  return svg;
}

std::string path_data(const Frame& frame, const std::vector<ChartPoint>& points) {
  std::string data;
  char command = 'M';
  for (const ChartPoint& point : points) {
    if (!std::isfinite(point.y)) {
      command = 'M';  // a gap in the line
      continue;
    }
    data += fmt::format("{}{:.1f} {:.1f}", command, frame.at_x(point.x), frame.at_y(point.y));
    command = 'L';
  }
  return data;
}

Html marks(const Frame& frame, const Series& series) {
  Html svg;
  for (const ChartPoint& p : series.points) {
    if (!std::isfinite(p.y)) continue;
    const double x = frame.at_x(p.x);
    if (std::isfinite(p.low) && std::isfinite(p.high)) {
      svg +=
          line(colour_class("whisker", series.colour).c_str(), x, frame.at_y(p.low), x, frame.at_y(p.high));
    }
    const Html hover = element("title", {}, fmt::format("{}: {:.4g} at {:g}", series.label, p.y, p.x));
    svg += element("circle",
                   {{"class", colour_class("dot", series.colour)},
                    {"cx", px(x)},
                    {"cy", px(frame.at_y(p.y))},
                    {"r", "3.5"}},
                   hover);
  }
  return svg;
}

Html draw_series(const Frame& frame, const Series& series) {
  const char* kind = series.mark == Series::Mark::faint_line ? "faint" : "line";
  Html svg =
      element("path", {{"class", colour_class(kind, series.colour)}, {"d", path_data(frame, series.points)}});
  if (series.mark == Series::Mark::dotted_line && series.points.size() <= kMostMarks)
    svg += marks(frame, series);
  return svg;
}

Frame frame_of(const LineChart& chart) {
  std::vector<double> x, y;
  for (const std::vector<Series>* drawn : {&chart.backdrop, &chart.series}) {
    for (const Series& series : *drawn) {
      for (const ChartPoint& point : series.points) {
        x.push_back(point.x);
        y.insert(y.end(), {point.y, point.low, point.high});
      }
    }
  }
  if (chart.include_zero) y.push_back(0.0);
  return {axis_of(x, chart.logarithmic_x), axis_of(y, chart.logarithmic)};
}

// A disc for the first series, squares for the others: told apart without colour.
Html mark(size_t series, double x, double y, const std::string& hover) {
  const Html title = element("title", {}, hover);
  if (series == 0)
    return element("circle", {{"class", "dot s1"}, {"cx", px(x)}, {"cy", px(y)}, {"r", "4.5"}}, title);
  return element("rect",
                 {{"class", colour_class("dot", series + 1)},
                  {"x", px(x - 4)},
                  {"y", px(y - 4)},
                  {"width", "8"},
                  {"height", "8"}},
                 title);
}

// A label that fits beside the plot; the whole of it shows on hovering.
Html row_label(const std::string& text, double y) {
  const bool fits = text.size() <= kLongestLabel;
  const std::string shown = fits ? text : text.substr(0, kLongestLabel - 3) + "...";
  return element("text", {{"class", "row"}, {"x", "2"}, {"y", px(y)}},
                 fits ? Html(shown) : element("title", {}, text) + shown);
}

Html draw_row(const DotChart& chart, const DotChart::Row& row, const Frame& frame, double middle) {
  Html svg = row_label(row.label, middle + 4);
  const double first = middle - kMarkDistance * (static_cast<double>(row.values.size()) - 1) / 2;
  for (size_t i = 0; i < row.values.size(); ++i) {
    const ChartPoint& value = row.values[i];
    if (!std::isfinite(value.y)) continue;
    const double y = first + kMarkDistance * static_cast<double>(i);
    if (std::isfinite(value.low) && std::isfinite(value.high)) {
      svg +=
          line(colour_class("whisker", i + 1).c_str(), frame.at_x(value.low), y, frame.at_x(value.high), y);
    }
    svg +=
        mark(i, frame.at_x(value.y), y, fmt::format("{}, {}: {:.3f}", row.label, chart.series[i], value.y));
  }
  return svg;
}

std::vector<Html> legend_of(const std::vector<std::string>& labels) {
  return {labels.begin(), labels.end()};
}

}  // namespace

Html chart_figure(const ChartText& text, const std::vector<Html>& legend, double width, double height,
                  const Html& drawing) {
  Html caption = element("strong", {}, text.title);
  for (size_t i = 0; i < legend.size(); ++i) {
    const Html swatch = element("i", {{"class", colour_class("swatch", i + 1)}, {"aria-hidden", "true"}});
    caption += element("span", {{"class", "key"}}, {swatch, legend[i]});
  }
  const std::string title = text.id + "-title", description = text.id + "-desc";
  return element("figure", {{"class", "chart"}},
                 {element("figcaption", {}, caption),
                  element("svg",
                          {{"viewBox", fmt::format("0 0 {:g} {:g}", width, height)},
                           {"role", "img"},
                           {"aria-labelledby", title + " " + description}},
                          {element("title", {{"id", title}}, text.title),
                           element("desc", {{"id", description}}, text.description), drawing})});
}

Html line_chart(const LineChart& chart) {
  const Frame frame = frame_of(chart);
  Html drawing = y_axis(frame, chart.text.y_label);
  drawing += x_axis(frame, chart.text.x_label, chart.x_ticks.empty() ? frame.x.ticks(4) : chart.x_ticks);
  if (chart.include_zero) drawing += line("zero", kLeft, frame.at_y(0.0), frame.right(), frame.at_y(0.0));
  for (const Series& series : chart.backdrop)
    drawing += draw_series(frame, series);
  std::vector<std::string> labels;
  for (const Series& series : chart.series) {
    drawing += draw_series(frame, series);
    labels.push_back(series.label);
  }
  if (labels.size() == 1) labels.clear();  // the title says it
  return chart_figure(chart.text, legend_of(labels), kWidth, frame.bottom() + kBottom, drawing);
}

Html dot_chart(const DotChart& chart) {
  std::vector<double> values;
  if (chart.include_zero) values.push_back(0.0);
  for (const DotChart::Row& row : chart.rows) {
    for (const ChartPoint& value : row.values)
      values.insert(values.end(), {value.y, value.low, value.high});
  }
  size_t longest = 0;
  for (const DotChart::Row& row : chart.rows)
    longest = std::max(longest, std::min(row.label.size(), kLongestLabel));
  const double row_height = 14 + kMarkDistance * static_cast<double>(chart.series.size());
  const Frame frame{axis_of(values),
                    {},
                    row_height * static_cast<double>(chart.rows.size()),
                    std::max(kLeft, 12 + kLetterWidth * static_cast<double>(longest))};
  Html drawing = x_axis(frame, chart.text.x_label, frame.x.ticks(4));
  if (chart.include_zero) drawing += line("zero", frame.at_x(0.0), kTop, frame.at_x(0.0), frame.bottom());
  for (size_t i = 0; i < chart.rows.size(); ++i) {
    const double top = kTop + row_height * static_cast<double>(i);
    drawing += line("grid", 0, top, frame.right(), top);
    drawing += draw_row(chart, chart.rows[i], frame, top + row_height / 2);
  }
  std::vector<std::string> labels = chart.series;
  if (labels.size() == 1) labels.clear();  // the title says it
  return chart_figure(chart.text, legend_of(labels), kWidth, frame.bottom() + kBottom, drawing);
}

Html share_bar(const ChartText& text, const std::vector<Part>& parts) {
  const double whole = std::accumulate(parts.begin(), parts.end(), 0.0,
                                       [](double sum, const Part& part) { return sum + part.value; });
  Html drawing;
  std::vector<Html> legend;
  double x = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const double share = whole > 0 ? parts[i].value / whole : 0.0;
    drawing += element("rect", {{"class", colour_class("bar", i + 1)},
                                {"x", px(x)},
                                {"y", "4"},
                                {"width", px(share * kWidth)},
                                {"height", "26"}});
    x += share * kWidth;
    legend.emplace_back(fmt::format("{}: {} ({:.1f} %)", parts[i].label, parts[i].amount, 100 * share));
  }
  return chart_figure(text, legend, kWidth, 34, drawing);
}

}  // namespace seqvit::report
