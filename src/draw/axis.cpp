#include "draw/axis.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

namespace seqvit::draw {
namespace {

constexpr double kExact = 9007199254740992.0;  // 2^53: above, k + 1 may be k
constexpr double kMostTicks = 1000.0;
constexpr double kTextBelow = 16, kTextLeft = 6, kTextGap = 6, kHalfCapital = 4;

std::vector<double> logarithmic_ticks(double low, double high) {
  std::vector<double> ticks;
  const bool powers_only = high / low > 1e4;
  for (double power = std::floor(std::log10(low)); power <= std::log10(high); power += 1.0) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      if (powers_only && digit > 1.0) continue;
      const double tick = digit * std::pow(10.0, power);
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push_back(tick);
    }
  }
  return ticks;
}

// Every n-th tick, so that no more than `count` are left.
std::vector<double> every_nth(const std::vector<double>& ticks, size_t count) {
  const size_t stride = (ticks.size() + count - 1) / count;
  std::vector<double> kept;
  for (size_t i = 0; i < ticks.size(); i += stride)
    kept.push_back(ticks[i]);
  return kept;
}

}  // namespace

double Axis::position(double value) const {
  if (logarithmic) return std::log(value / low) / std::log(high / low);
  return (value - low) / (high - low);
}

std::vector<double> Axis::ticks(int count) const {
  if (logarithmic) {
    const std::vector<double> ticks = logarithmic_ticks(low, high);
    if (ticks.size() > 1) return every_nth(ticks, static_cast<size_t>(count) + 1);
  }
  return round_ticks(low, high, count);
}

Axis axis_of(const std::vector<double>& values, bool logarithmic) {
  std::vector<double> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite),
               [](double v) { return std::isfinite(v); });
  if (finite.empty()) return {};
  const auto [least, most] = std::minmax_element(finite.begin(), finite.end());
  Axis axis{*least, *most, logarithmic && *least > 0};
  if (axis.logarithmic) {
    const double margin = std::max(std::pow(axis.high / axis.low, 0.04), 1.01);
    return {axis.low / margin, axis.high * margin, true};
  }
  const double spread = axis.high - axis.low;
  const double margin = spread > 0 ? 0.04 * spread : std::max(0.05 * std::abs(axis.low), 1e-12);
  return {axis.low - margin, axis.high + margin, false};
}

std::vector<double> multiples(double low, double high, double step) {
  const double slack = 1e-9 * step;
  const double first = std::ceil((low - slack) / step), last = std::floor((high + slack) / step);
  if (!(first > -kExact && last < kExact && last - first < kMostTicks)) return {};
  std::vector<double> ticks;
  for (auto k = static_cast<int64_t>(first); k <= static_cast<int64_t>(last); ++k)
    ticks.push_back(static_cast<double>(k) * step + 0.0);
  return ticks;
}

std::vector<double> round_ticks(double low, double high, int count) {
  if (!(low < high)) return {};
  const double wanted = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(wanted)));
  const double digit = wanted / power;
  return multiples(low, high, power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10));
}

std::vector<std::string> axis_texts(const std::vector<double>& ticks) {
  const auto whole = [](double tick) { return tick == std::round(tick) && std::abs(tick) < 1e7; };
  const auto tiny = [](double tick) { return tick != 0 && std::abs(tick) < 1e-3; };
  std::vector<std::string> texts;
  for (const double tick : ticks) {
    if (std::all_of(ticks.begin(), ticks.end(), whole)) {
      texts.push_back(grouped(std::llround(tick)));
    } else if (std::any_of(ticks.begin(), ticks.end(), tiny)) {
      texts.push_back(tick == 0 ? "0" : fmt::format("{:.3g}", tick));
    } else {
      texts.push_back(fmt::format("{:.6g}", tick));
    }
  }
  return texts;
}

std::string grouped(long long value) {
  const std::string digits = std::to_string(value < 0 ? -value : value);
  std::string text = value < 0 ? "-" : "";
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

Ticks number_ticks(const std::vector<double>& values) {
  return {values, axis_texts(values)};
}

void draw_x_ticks(Scene& scene, const Frame& frame, const Ticks& ticks, Role line) {
  double free = frame.box.x - frame.overhang;  // where the next text may begin
  for (size_t i = 0; i < ticks.values.size(); ++i) {
    const double x = frame.at_x(ticks.values[i]);
    scene.add_line({line}, {x, frame.box.y}, {x, frame.box.bottom()});
    const double width = text_width(Role::tick, ticks.texts[i]);
    const double begin = std::max(std::min(x, frame.box.right() + frame.overhang - width / 2) - width / 2,
                                  frame.box.x - frame.overhang);
    if (begin < free) continue;
    free = begin + width + kTextGap;
    scene.add(Text{
        Role::tick, {begin + width / 2, frame.box.bottom() + kTextBelow}, Anchor::middle, ticks.texts[i]});
  }
}

void draw_y_ticks(Scene& scene, const Frame& frame, const Ticks& ticks, Role line, bool with_texts) {
  for (size_t i = 0; i < ticks.values.size(); ++i) {
    const double y = frame.at_y(ticks.values[i]);
    scene.add_line({line}, {frame.box.x, y}, {frame.box.right(), y});
    if (with_texts)
      scene.add(Text{Role::tick, {frame.box.x - kTextLeft, y + kHalfCapital}, Anchor::end, ticks.texts[i]});
  }
}

}  // namespace seqvit::draw
