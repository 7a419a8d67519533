#include "report/chart_axis.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "evaluate/picture_axis.h"

namespace seqvit::report {
namespace {

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

double ChartAxis::position(double value) const {
  if (logarithmic) return std::log(value / low) / std::log(high / low);
  return (value - low) / (high - low);
}

std::vector<double> ChartAxis::ticks(int count) const {
  if (logarithmic) {
    const std::vector<double> ticks = logarithmic_ticks(low, high);
    if (ticks.size() > 1) return every_nth(ticks, static_cast<size_t>(count) + 1);
  }
  return evaluate::round_ticks(low, high, count);
}

ChartAxis axis_of(const std::vector<double>& values, bool logarithmic) {
  std::vector<double> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite),
               [](double v) { return std::isfinite(v); });
  if (finite.empty()) return {};
  const auto [least, most] = std::minmax_element(finite.begin(), finite.end());
  ChartAxis axis{*least, *most, logarithmic && *least > 0};
  if (axis.logarithmic) {
    const double margin = std::max(std::pow(axis.high / axis.low, 0.04), 1.01);
    return {axis.low / margin, axis.high * margin, true};
  }
  const double spread = axis.high - axis.low;
  const double margin = spread > 0 ? 0.04 * spread : std::max(0.05 * std::abs(axis.low), 1e-12);
  return {axis.low - margin, axis.high + margin, false};
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

}  // namespace seqvit::report
