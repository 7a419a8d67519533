#include "draw/chart.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/core.h>

#include "draw/axis.h"

namespace seqvit::draw {
namespace {

constexpr double kWidth = 360, kLeft = 50, kRight = 14, kTop = 26, kBottom = 40, kPlotHeight = 190;
constexpr double kMarkDistance = 10, kMostLabel = 124;  // of rows; width of their labels
constexpr size_t kMostMarks = 60;

Scene scene_of(const ChartText& text, double height) {
  return {
      .width = kWidth, .height = height, .id = text.id, .title = text.title, .description = text.description};
}

Frame frame_of(const Axis& x, const Axis& y, double left, double height) {
  return {{left, kTop, kWidth - kRight - left, height}, x, y};
}

void draw_x_axis(Scene& scene, const Frame& frame, const std::string& name,
                 const std::vector<double>& ticks) {
  draw_x_ticks(scene, frame, number_ticks(ticks), Role::grid);
  const Box& box = frame.box;
  scene.add_line({Role::axis}, {box.x, box.bottom()}, {box.right(), box.bottom()});
  scene.add(Text{Role::name, {box.right(), box.bottom() + 33}, Anchor::end, name});
}

// Where values are missing the line has a gap.
void draw_line(Scene& scene, const Frame& frame, const Series& series) {
  const Role role = series.mark == Series::Mark::faint_line ? Role::faint : Role::line;
  Path path{{role, series.colour}, {{}}};
  for (const ChartPoint& point : series.points) {
    if (std::isfinite(point.y)) {
      path.lines.back().push_back({frame.at_x(point.x), frame.at_y(point.y)});
    } else if (!path.lines.back().empty()) {
      path.lines.emplace_back();
    }
  }
  scene.add(path);
}

void draw_marks(Scene& scene, const Frame& frame, const Series& series) {
  for (const ChartPoint& p : series.points) {
    if (!std::isfinite(p.y)) continue;
    const double x = frame.at_x(p.x);
    if (std::isfinite(p.low) && std::isfinite(p.high))
      scene.add_line({Role::whisker, series.colour}, {x, frame.at_y(p.low)}, {x, frame.at_y(p.high)});
    scene.add(Disc{{Role::dot, series.colour},
                   {x, frame.at_y(p.y)},
                   3.5,
                   fmt::format("{}: {:.4g} at {:g}", series.label, p.y, p.x)});
  }
}

void draw_series(Scene& scene, const Frame& frame, const Series& series) {
  draw_line(scene, frame, series);
  if (series.mark == Series::Mark::dotted_line && series.points.size() <= kMostMarks)
    draw_marks(scene, frame, series);
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
  return frame_of(axis_of(x, chart.logarithmic_x), axis_of(y, chart.logarithmic), kLeft, kPlotHeight);
}

// A disc for the first series, squares for the others: told apart without colour.
void draw_mark(Scene& scene, int series, Point at, const std::string& hover) {
  if (series == 1) {
    scene.add(Disc{{Role::dot, series}, at, 4.5, hover});
  } else {
    scene.add(Rectangle{{Role::dot, series}, {at.x - 4, at.y - 4, 8, 8}, hover});
  }
}

void draw_row(Scene& scene, const DotChart& chart, const DotChart::Row& row, const Frame& frame,
              double middle) {
  const std::string shown = fitted(row.label, Role::row, kMostLabel);  // the whole of it shows on hovering
  scene.add(Text{Role::row, {2, middle + 4}, Anchor::start, shown, shown == row.label ? "" : row.label});
  double y = middle - kMarkDistance * (static_cast<double>(row.values.size()) - 1) / 2;
  for (size_t i = 0; i < row.values.size(); ++i, y += kMarkDistance) {
    const ChartPoint& value = row.values[i];
    const int series = static_cast<int>(i) + 1;
    if (!std::isfinite(value.y)) continue;
    if (std::isfinite(value.low) && std::isfinite(value.high))
      scene.add_line({Role::whisker, series}, {frame.at_x(value.low), y}, {frame.at_x(value.high), y});
    draw_mark(scene, series, {frame.at_x(value.y), y},
              fmt::format("{}, {}: {:.3f}", row.label, chart.series[i], value.y));
  }
}

// Of one series the title says it.
std::vector<std::string> legend_of(const std::vector<std::string>& labels) {
  return labels.size() == 1 ? std::vector<std::string>{} : labels;
}

}  // namespace

Scene line_chart(const LineChart& chart) {
  const Frame frame = frame_of(chart);
  Scene scene = scene_of(chart.text, frame.box.bottom() + kBottom);
  draw_y_ticks(scene, frame, number_ticks(frame.y.ticks(5)), Role::grid);
  if (!chart.text.y_label.empty()) scene.add(Text{Role::name, {2, 13}, Anchor::start, chart.text.y_label});
  draw_x_axis(scene, frame, chart.text.x_label, chart.x_ticks.empty() ? frame.x.ticks(4) : chart.x_ticks);
  if (chart.include_zero)
    scene.add_line({Role::zero}, {kLeft, frame.at_y(0.0)}, {frame.box.right(), frame.at_y(0.0)});
  for (const Series& series : chart.backdrop)
    draw_series(scene, frame, series);
  std::vector<std::string> labels;
  for (const Series& series : chart.series) {
    draw_series(scene, frame, series);
    labels.push_back(series.label);
  }
  scene.legend = legend_of(labels);
  return scene;
}

Scene dot_chart(const DotChart& chart) {
  std::vector<double> values;
  double label = 0;
  if (chart.include_zero) values.push_back(0.0);
  for (const DotChart::Row& row : chart.rows) {
    label = std::max(label, std::min(text_width(Role::row, row.label), kMostLabel));
    for (const ChartPoint& value : row.values)
      values.insert(values.end(), {value.y, value.low, value.high});
  }
  const double row_height = 14 + kMarkDistance * static_cast<double>(chart.series.size());
  const Frame frame = frame_of(axis_of(values), {}, std::max(kLeft, 12 + label),
                               row_height * static_cast<double>(chart.rows.size()));
  Scene scene = scene_of(chart.text, frame.box.bottom() + kBottom);
  draw_x_axis(scene, frame, chart.text.x_label, frame.x.ticks(4));
  if (chart.include_zero)
    scene.add_line({Role::zero}, {frame.at_x(0.0), kTop}, {frame.at_x(0.0), frame.box.bottom()});
  double top = kTop;
  for (const DotChart::Row& row : chart.rows) {
    scene.add_line({Role::grid}, {0, top}, {frame.box.right(), top});
    draw_row(scene, chart, row, frame, top + row_height / 2);
    top += row_height;
  }
  scene.legend = legend_of(chart.series);
  return scene;
}

Scene share_bar(const ChartText& text, const std::vector<Part>& parts) {
  const double whole = std::accumulate(parts.begin(), parts.end(), 0.0,
                                       [](double sum, const Part& part) { return sum + part.value; });
  Scene scene = scene_of(text, 34);
  double x = 0;
  for (const Part& part : parts) {
    const double share = whole > 0 ? part.value / whole : 0.0;
    scene.legend.push_back(fmt::format("{}: {} ({:.1f} %)", part.label, part.amount, 100 * share));
    scene.add(Rectangle{{Role::bar, static_cast<int>(scene.legend.size())}, {x, 4, share * kWidth, 26}});
    x += share * kWidth;
  }
  return scene;
}

}  // namespace seqvit::draw
