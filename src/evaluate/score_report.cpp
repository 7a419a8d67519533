#include "evaluate/score_report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace seqvit::evaluate {
namespace {

constexpr double kHoursPerMonth = 730.5;

nlohmann::json number(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

std::string fraction(double value) {
  return std::isfinite(value) ? fmt::format("{:.3f}", value) : "-";
}

using Row = std::vector<std::string>;

std::string aligned(const std::vector<Row>& rows) {
  std::vector<size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += i == 0 ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format("  {:>{}}", row[i], widths[i]);
    }
    text += line + "\n";
  }
  return text;
}

std::string interval_text(const Score& score) {
  return std::isfinite(score.low) ? fmt::format("[{}, {}]", number_text(score.low), number_text(score.high))
                                  : "-";
}

using Metrics = std::map<std::string, Score>;  // by name
using Groups = std::vector<std::pair<std::pair<std::string, double>, Metrics>>;

/// Scores of the whole grid by variable and lead, in their order.
Groups global_groups(std::span<const Score> scores) {
  Groups groups;
  for (const Score& score : scores) {
    if (score.region != "global") continue;
    const std::pair key(score.variable, score.lead_hours);
    if (groups.empty() || groups.back().first != key) groups.push_back({key, {}});
    groups.back().second[score.metric] = score;
  }
  return groups;
}

Row table_row(Metrics metrics, double lead_hours) {
  const Score& variable = metrics.begin()->second;
  const Score& rmse = metrics["rmse"];
  return {variable.variable,
          variable.units.empty() ? "1" : variable.units,
          lead_text(lead_hours),
          fmt::format("{}", rmse.initial_times),
          fmt::format("{}", rmse.points),
          number_text(rmse.value),
          interval_text(rmse),
          number_text(rmse.persistence),
          number_text(rmse.climatology),
          number_text(metrics["rmse_per_step"].value),
          fraction(metrics["skill_persistence"].value),
          fraction(metrics["skill_climatology"].value),
          fraction(metrics["acc"].value),
          number_text(metrics["bias"].value),
          number_text(metrics["mae"].value)};
}

}  // namespace

std::string lead_text(double hours) {
  if (std::fmod(hours, kHoursPerMonth) == 0.0) return fmt::format("{:.0f} mon", hours / kHoursPerMonth);
  return fmt::format("{:g} h", hours);
}

std::string number_text(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::abs(value);
  if (size != 0.0 && (size < 1e-3 || size >= 1e5)) return fmt::format("{:.3e}", value);
  const int digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4;
  return fmt::format("{:.{}f}", value, digits);
}

nlohmann::json scores_to_json(std::span<const Score> scores, std::span<const Spectrum> spectra) {
  nlohmann::json list = nlohmann::json::array();
  for (const Score& score : scores) {
    list.push_back({{"variable", score.variable},
                    {"lead_hours", score.lead_hours},
                    {"region", score.region},
                    {"metric", score.metric},
                    {"value", number(score.value)},
                    {"persistence", number(score.persistence)},
                    {"climatology", number(score.climatology)},
                    {"low", number(score.low)},
                    {"high", number(score.high)},
                    {"units", score.units},
                    {"initial_times", score.initial_times},
                    {"points", score.points}});
    if (score.at_times.empty()) continue;
    nlohmann::json at_times = nlohmann::json::array();
    for (const double value : score.at_times)
      at_times.push_back(number(value));
    list.back()["at_times"] = std::move(at_times);
    list.back()["block"] = score.block;
  }
  nlohmann::json spectrum_list = nlohmann::json::array();
  for (const Spectrum& spectrum : spectra) {
    spectrum_list.push_back({{"variable", spectrum.variable},
                             {"lead_hours", spectrum.lead_hours},
                             {"units", spectrum.units},
                             {"wavenumber", spectrum.wavenumber},
                             {"truth", spectrum.truth},
                             {"forecast", spectrum.forecast},
                             {"rows", spectrum.rows},
                             {"resolved", spectrum.resolved()},
                             {"patch_edge_ratio", number(spectrum.patch_edge_ratio)},
                             {"small_scale_ratio", number(spectrum.small_scale_ratio())}});
  }
  return {{"scores", std::move(list)}, {"spectra", std::move(spectrum_list)}};
}

std::string scores_table(std::span<const Score> scores, std::span<const Spectrum> spectra) {
  std::vector<Row> rows = {{"variable", "units", "lead", "times", "points", "RMSE", "95 %", "persistence",
                            "climatology", "RMSE/step", "skill/pers", "skill/clim", "ACC", "bias", "MAE",
                            "small scales", "patch edges"}};
  for (auto& [key, metrics] : global_groups(scores)) {
    const auto found = std::find_if(spectra.begin(), spectra.end(), [&, key = key](const Spectrum& s) {
      return s.variable == key.first && s.lead_hours == key.second;
    });
    rows.push_back(table_row(std::move(metrics), key.second));
    rows.back().push_back(found == spectra.end() ? "-" : fraction(found->small_scale_ratio()));
    rows.back().push_back(found == spectra.end() ? "-" : fraction(found->patch_edge_ratio));
  }
  const bool lacks_climatology = std::any_of(scores.begin(), scores.end(), [](const Score& score) {
    return score.region == "global" && score.metric == "rmse" && !std::isfinite(score.climatology);
  });
  const char* why =
      "climatology -: training has no values for some point and day of the year that is scored\n";
  return aligned(rows) + (lacks_climatology ? why : "");
}

nlohmann::json rank_histograms_to_json(std::span<const RankHistogram> histograms) {
  nlohmann::json list = nlohmann::json::array();
  for (const RankHistogram& histogram : histograms) {
    nlohmann::json frequency = nlohmann::json::array();
    for (const double value : histogram.frequency)
      frequency.push_back(number(value));
    list.push_back({{"variable", histogram.variable},
                    {"lead_hours", histogram.lead_hours},
                    {"members", histogram.members},
                    {"frequency", std::move(frequency)},
                    {"outliers", number(histogram.outliers())}});
  }
  return list;
}

std::string ensemble_table(std::span<const Score> scores, std::span<const RankHistogram> histograms) {
  std::vector<Row> rows = {{"ensemble of", "units", "lead", "members", "CRPS", "95 %", "persistence",
                            "climatology", "spread/error", "persistence", "climatology", "outliers"}};
  for (auto& [key, metrics] : global_groups(scores)) {
    const auto found = std::find_if(histograms.begin(), histograms.end(), [&, key = key](const auto& h) {
      return h.variable == key.first && h.lead_hours == key.second;
    });
    if (found == histograms.end()) continue;
    const Score &crps = metrics["crps"], &ratio = metrics["spread_skill"];
    rows.push_back({key.first, crps.units.empty() ? "1" : crps.units, lead_text(key.second),
                    fmt::format("{}", found->members), number_text(crps.value), interval_text(crps),
                    number_text(crps.persistence), number_text(crps.climatology), fraction(ratio.value),
                    fraction(ratio.persistence), fraction(ratio.climatology), fraction(found->outliers())});
  }
  if (rows.size() == 1) return {};
  return aligned(rows) +
         "RMSE and all above it are those of the mean of members, small scales those of one. spread/error 1: "
         "reliable; outliers: how often "
         "the truth lies outside of all members, 1: as often as it should\n";
}

}  // namespace seqvit::evaluate
