#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "draw/chart.h"
#include "evaluate/score_report.h"
#include "report/curves.h"
#include "report/figure.h"
#include "report/sections.h"

namespace seqvit::report {
namespace {

constexpr size_t kMostPanels = 12;

// Waves of which the truth has any; those beyond, down to the rounding of single precision, would squeeze the
// others. Without the mean of the row.
int64_t drawn_waves(const evaluate::Spectrum& spectrum) {
  auto waves = static_cast<int64_t>(spectrum.truth.size());
  if (waves < 2) return waves;
  const double least = 1e-12 * *std::max_element(spectrum.truth.begin() + 1, spectrum.truth.end());
  while (waves > 1 && spectrum.truth[waves - 1] <= least)
    --waves;
  return waves;
}

std::vector<draw::ChartPoint> curve_of(const evaluate::Spectrum& spectrum, const std::vector<double>& power) {
  std::vector<draw::ChartPoint> curve;
  const int64_t waves = drawn_waves(spectrum);
  for (int64_t k = 1; k < waves; ++k) {
    if (power[k] > 0) curve.push_back({spectrum.wavenumber[k], power[k]});
  }
  return thinned(curve);
}

std::string forecast_label(const evaluate::Spectrum& spectrum) {
  const double ratio = spectrum.small_scale_ratio();
  const double edges = spectrum.patch_edge_ratio;
  return "forecast, " + evaluate::lead_text(spectrum.lead_hours) +
         (std::isfinite(ratio) ? fmt::format(" (small scales: {:.3g})", ratio) : "") +
         (std::isfinite(edges) ? fmt::format(" (patch edges: {:.3g})", edges) : "");
}

// Units to the power of 2; in brackets where they are several.
std::string squared(const std::string& units) {
  if (units.empty()) return "1";
  return (units.find(' ') == std::string::npos ? units : "(" + units + ")") + "\u00b2";
}

// Truth, and the forecast at the first and the last lead: those between lie between.
Html spectrum_chart(const std::vector<evaluate::Spectrum>& leads, const std::string& id) {
  const evaluate::Spectrum &first = leads.front(), &last = leads.back();
  draw::LineChart chart;
  chart.logarithmic = chart.logarithmic_x = true;
  chart.text = {.id = id,
                .title = "Power of " + first.variable,
                .description = fmt::format(
                    "Power by zonal wavenumber of truth and forecast, {}; both axes are logarithmic. "
                    "scores.json has the numbers of all lead times.",
                    leads.size() > 1 ? evaluate::lead_text(first.lead_hours) + " and " +
                                           evaluate::lead_text(last.lead_hours) + " ahead"
                                     : evaluate::lead_text(first.lead_hours) + " ahead"),
                .x_label = "waves in 360 degrees of longitude",
                .y_label = "power, " + squared(first.units) + " m"};
  chart.series.push_back({"truth", 1, draw::Series::Mark::line, curve_of(first, first.truth)});
  chart.series.push_back(
      {forecast_label(first), 2, draw::Series::Mark::line, curve_of(first, first.forecast)});
  if (leads.size() > 1)
    chart.series.push_back(
        {forecast_label(last), 3, draw::Series::Mark::line, curve_of(last, last.forecast)});
  return figure(draw::line_chart(chart));
}

}  // namespace

Html spectra_figures(const std::vector<evaluate::Spectrum>& spectra) {
  std::vector<std::vector<evaluate::Spectrum>> variables;  // spectra are ordered by variable
  for (const evaluate::Spectrum& spectrum : spectra) {
    if (drawn_waves(spectrum) < 2) continue;
    if (variables.empty() || variables.back().front().variable != spectrum.variable) variables.emplace_back();
    variables.back().push_back(spectrum);
  }
  if (variables.empty()) return {};
  Html figures;
  for (size_t i = 0; i < std::min(variables.size(), kMostPanels); ++i)
    figures += spectrum_chart(variables[i], fmt::format("spectrum-{}", i));
  return element("h3", {}, "Does the forecast blur?") +
         paragraph(
             "Power along circles of latitude, large scales on the left. Where the forecast's line falls "
             "below the truth's, waves of that size are too weak: the forecast is blurred. Above it they are "
             "too strong: noise. The number beside a forecast is the ratio of the two over small scales, the "
             "finest quarter of the waves that matter (finer ones hold less than 1e-5 of the truth's "
             "variance); 1 is right. Beside it, how much more the forecast jumps from patch to patch than "
             "inside "
             "patches, relative to the truth: 1 where no seam shows.") +
         element("div", {{"class", "charts"}}, figures);
}

}  // namespace seqvit::report
