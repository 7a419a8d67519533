#include "report/map_figure.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "core/error.h"
#include "evaluate/field_map.h"
#include "report/chart.h"
#include "report/chart_axis.h"
#include "report/coastline.h"

namespace seqvit::report {
namespace {

constexpr double kWidth = 340, kLeft = 36, kTop = 8, kMapWidth = 292;
constexpr double kMostPixels = 150000;  // of a map's PNG: keeps the page small, whatever the grid
constexpr int kGradientStops = 16;

std::string px(double value) {
  return fmt::format("{:.1f}", value);
}

std::string css(evaluate::Colour c) {
  return fmt::format("#{:02x}{:02x}{:02x}", c.red, c.green, c.blue);
}

Html rectangle(const char* kind, double x, double y, double width, double height, const std::string& fill) {
  return element("rect", {{"class", kind},
                          {"x", px(x)},
                          {"y", px(y)},
                          {"width", px(width)},
                          {"height", px(height)},
                          {"fill", fill}});
}

Html text(double x, double y, const char* anchor, const std::string& content) {
  return element("text", {{"class", "tick"}, {"x", px(x)}, {"y", px(y)}, {"text-anchor", anchor}}, content);
}

// One map being drawn: where degrees are on it.
class Panel {
 public:
  explicit Panel(const grid::Grid& grid)
      : latitude_(evaluate::latitude_axis(grid.latitude)),
        longitude_(evaluate::longitude_axis(grid.longitude)),
        height_(evaluate::map_height(latitude_, longitude_, static_cast<int>(kMapWidth))) {}

  double bottom() const { return kTop + height_; }

  Html field(std::span<const float> values, const evaluate::ColourScale& scale) const;
  Html graticule() const;
  Html outline(std::span<const float> land) const;

 private:
  evaluate::PictureAxis latitude_, longitude_;
  double height_;

  double at_x(double degrees) const {
    return kLeft + (degrees - longitude_.low()) / (longitude_.high() - longitude_.low()) * kMapWidth;
  }
  double at_y(double degrees) const {
    return kTop + (latitude_.high() - degrees) / (latitude_.high() - latitude_.low()) * height_;
  }
};

Html Panel::field(std::span<const float> values, const evaluate::ColourScale& scale) const {
  const double enlarged = std::min(2.0, std::sqrt(kMostPixels / (kMapWidth * height_)));
  const int width = static_cast<int>(kMapWidth * enlarged), height = static_cast<int>(height_ * enlarged);
  evaluate::Canvas canvas(width, height, {255, 255, 255});
  evaluate::draw_map(canvas, {0, 0, width, height}, latitude_, longitude_, values, scale);
  return element("image", {{"x", px(kLeft)},
                           {"y", px(kTop)},
                           {"width", px(kMapWidth)},
                           {"height", px(height_)},
                           {"preserveAspectRatio", "none"},
                           {"href", png_url(canvas.png())}});
}

Html Panel::graticule() const {
  Html svg;
  std::string lines;
  for (const double tick : evaluate::degree_ticks(longitude_.low(), longitude_.high(), 6)) {
    lines += fmt::format("M{0:.1f} {1:.1f}V{2:.1f}", at_x(tick), kTop, bottom());
    svg += text(at_x(tick), bottom() + 15, "middle", evaluate::longitude_text(tick));
  }
  for (const double tick : evaluate::degree_ticks(latitude_.low(), latitude_.high(), 7)) {
    lines += fmt::format("M{0:.1f} {1:.1f}H{2:.1f}", kLeft, at_y(tick), kLeft + kMapWidth);
    svg += text(kLeft - 5, at_y(tick) + 4, "end", evaluate::latitude_text(tick));
  }
  svg += element("path", {{"class", "graticule"}, {"d", lines}});
  svg += rectangle("frame", kLeft, kTop, kMapWidth, height_, "none");
  return svg;
}

Html Panel::outline(std::span<const float> land) const {
  std::string lines;
  for (const MapSegment& s : land_outline(latitude_, longitude_, land)) {
    lines += fmt::format("M{:.1f} {:.1f}L{:.1f} {:.1f}", at_x(s.from.longitude), at_y(s.from.latitude),
                         at_x(s.to.longitude), at_y(s.to.latitude));
  }
  return element("path", {{"id", "coast"}, {"class", "coast"}, {"d", lines}});
}

Html colour_bar(const evaluate::ColourScale& scale, const std::string& id, double top,
                const std::string& units) {
  Html stops;
  for (int i = 0; i <= kGradientStops; ++i) {
    const double part = static_cast<double>(i) / kGradientStops;
    const evaluate::Colour colour = scale(scale.low + part * (scale.high - scale.low));
    stops += element("stop", {{"offset", fmt::format("{:.4f}", part)}, {"stop-color", css(colour)}});
  }
  Html svg = element("linearGradient", {{"id", id}}, stops);
  svg += rectangle("frame", kLeft, top, kMapWidth, 11, "url(#" + id + ")");
  const std::vector<double> ticks = evaluate::round_ticks(scale.low, scale.high, 5);
  const std::vector<std::string> texts = axis_texts(ticks);
  for (size_t i = 0; i < ticks.size(); ++i) {
    const double x = kLeft + (ticks[i] - scale.low) / (scale.high - scale.low) * kMapWidth;
    svg += element("path", {{"class", "axis"}, {"d", fmt::format("M{:.1f} {:.1f}v4", x, top + 11)}});
    svg += text(x, top + 28, "middle", texts[i]);
  }
  // Values beyond the scale are drawn in its last colours.
  svg += text(kLeft + kMapWidth, top + 44, "end",
              (scale.below || scale.above ? "99 % of values; " : "") + (units.empty() ? "no units" : units));
  return svg;
}

}  // namespace

Html map_figures(const ForecastMaps& maps) {
  check(static_cast<int64_t>(maps.truth.size()) == maps.grid.points() &&
            maps.forecast.size() == maps.truth.size(),
        "fields of a map have the wrong size");
  std::vector<float> error(maps.truth.size());
  for (size_t i = 0; i < error.size(); ++i)
    error[i] = maps.forecast[i] - maps.truth[i];
  const evaluate::ColourScale values = evaluate::field_scale(maps.truth, maps.forecast),
                              errors = evaluate::error_scale(error);
  const std::string what =
      fmt::format("{} valid {}, lead time {}", maps.text.variable, maps.text.valid_time, maps.text.lead);
  const std::string rmse =
      fmt::format("RMSE {:.3g} {}", evaluate::spatial_rmse(maps.grid, error), maps.text.units);
  const Panel panel(maps.grid);
  Html outline = maps.land.empty() ? Html() : panel.outline(maps.land);

  const auto figure = [&](const std::string& id, const std::string& title, const std::string& description,
                          std::span<const float> field, const evaluate::ColourScale& scale) {
    Html drawing = panel.field(field, scale);
    drawing += outline;
    if (!outline.empty()) outline = element("use", {{"href", "#coast"}});  // drawn once, then repeated
    drawing += panel.graticule();
    drawing += colour_bar(scale, id + "-colours", panel.bottom() + 26, maps.text.units);
    return chart_figure({.id = id, .title = title, .description = description}, {}, kWidth,
                        panel.bottom() + 78, drawing);
  };
  return element("div", {{"class", "maps"}},
                 {figure("map-truth", "Truth", "Map of the truth: " + what, maps.truth, values),
                  figure("map-forecast", "Forecast", "Map of the forecast: " + what, maps.forecast, values),
                  figure("map-error", "Error, " + rmse, "Map of forecast minus truth: " + what + "; " + rmse,
                         error, errors)});
}

}  // namespace seqvit::report
