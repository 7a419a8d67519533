#include "evaluate/spectra.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "core/error.h"

namespace seqvit::evaluate {
namespace {

constexpr double kRadius = 6.371e6;  // m
constexpr double kBandSouth = 30, kBandNorth = 60;

// Degrees from a column to the next, modulo 360; nothing where these are not equal (within 1 %).
std::optional<double> equal_spacing(const std::vector<double>& longitude) {
  const auto step = [&](size_t i) { return std::remainder(longitude[i + 1] - longitude[i], 360.0); };
  for (size_t i = 0; i + 1 < longitude.size(); ++i) {
    if (std::abs(step(i) - step(0)) > 0.01 * std::abs(step(0))) return std::nullopt;
  }
  if (longitude.size() < 4 || step(0) == 0.0) return std::nullopt;
  return std::abs(step(0));
}

bool closes(double spacing, int64_t columns) {
  return std::abs(spacing * static_cast<double>(columns) - 360.0) < 0.01 * spacing;
}

std::vector<int64_t> rows_to_average(const std::vector<double>& latitude) {
  std::vector<int64_t> rows;
  for (size_t y = 0; y < latitude.size(); ++y) {
    if (std::abs(latitude[y]) >= kBandSouth && std::abs(latitude[y]) <= kBandNorth)
      rows.push_back(static_cast<int64_t>(y));
  }
  if (rows.empty()) {
    rows.resize(latitude.size());
    std::iota(rows.begin(), rows.end(), 0);
  }
  return rows;
}

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

double mean_of(const std::vector<double>& values, int64_t begin, int64_t end) {
  return std::accumulate(values.begin() + begin, values.begin() + end, 0.0) /
         static_cast<double>(end - begin);
}

}  // namespace

int64_t Spectrum::resolved() const {
  if (truth.empty()) return 0;
  const double negligible = 1e-5 * std::accumulate(truth.begin() + 1, truth.end(), 0.0);
  double left_out = 0;
  auto waves = static_cast<int64_t>(truth.size());
  while (waves > 1 && left_out + truth[waves - 1] <= negligible)
    left_out += truth[--waves];
  return waves;
}

double Spectrum::small_scale_ratio() const {
  const int64_t waves = resolved() - 1;  // without the mean
  if (waves < 4) return std::numeric_limits<double>::quiet_NaN();
  const int64_t first = 1 + waves * 3 / 4;
  return mean_of(forecast, first, waves + 1) / mean_of(truth, first, waves + 1);
}

SpectrumSums::SpectrumSums(const grid::Grid& grid, Forecaster& forecaster, std::span<const int64_t> variables,
                           int64_t fields)
    : columns_(grid.columns()), patch_columns_(forecaster.patch_columns()), mine_(forecaster.rows()) {
  const auto spacing = equal_spacing(grid.longitude);
  if (!spacing) {
    problem_ = "power spectra need at least 4 longitudes at equal distances; they are left out";
    return;
  }
  power_.emplace(columns_, closes(*spacing, columns_));
  const double degrees = *spacing * static_cast<double>(columns_);  // that a row spans
  for (int64_t k = 0; k < power_->waves(); ++k)
    wavenumber_.push_back(power_->periodic() ? static_cast<double>(k)
                                             : static_cast<double>(k) * 180.0 / degrees);
  for (const double latitude : grid.latitude) {
    const double radius = kRadius * std::cos(latitude * std::numbers::pi / 180.0);
    lengths_.push_back(2.0 * std::numbers::pi * radius * std::min(degrees, 360.0) / 360.0);
  }
  rows_ = rows_to_average(grid.latitude);
  find_cut_rows(forecaster, variables);
  const auto at_or_above = [this](int64_t row) {
    return std::lower_bound(rows_.begin(), rows_.end(), row) - rows_.begin();
  };
  my_rows_ = {at_or_above(mine_.begin), at_or_above(mine_.end)};
  sums_.assign(fields, std::vector<double>(my_rows_.size() * numbers_a_row(), 0.0));
}

void SpectrumSums::find_cut_rows(Forecaster& forecaster, std::span<const int64_t> variables) {
  std::vector<double> cut(rows_.size(), 0.0);
  const std::span<const float> owned = forecaster.owned();
  for (size_t i = 0; !owned.empty() && i < rows_.size(); ++i) {
    if (!mine_.contains(rows_[i])) continue;
    for (const int64_t variable : variables) {
      const auto row = owned.subspan((variable * mine_.size() + rows_[i] - mine_.begin) * columns_, columns_);
      if (std::any_of(row.begin(), row.end(), [&](float own) { return own != row[0]; })) cut[i] = 1.0;
    }
  }
  forecaster.sum_over_ranks(cut);
  for (size_t i = 0; i < rows_.size(); ++i)
    place_in_message_.push_back(cut[i] > 0 ? cut_rows_++ : -1);
}

void SpectrumSums::add(int64_t number, const ForecastField& field, std::span<double> message) {
  if (!problem_.empty()) return;
  for (int64_t i = my_rows_.begin; i < my_rows_.end; ++i) {
    const int64_t offset = (rows_[i] - mine_.begin) * columns_;
    const auto truth = field.truth.subspan(offset, columns_),
               forecast = field.forecast.subspan(offset, columns_);
    const auto own = [&](int64_t x) { return field.owned.empty() || field.owned[offset + x] != 0.0f; };
    if (place_in_message_[i] < 0) {
      if (own(0)) add_row(number, i, truth, forecast);
      continue;
    }
    double* place = message.data() + place_in_message_[i] * 2 * columns_;
    for (int64_t x = 0; x < columns_; ++x) {
      if (!own(x)) continue;
      place[x] = truth[x];
      place[columns_ + x] = forecast[x];
    }
  }
}

void SpectrumSums::add_cut(int64_t number, std::span<const float> owned, std::span<const double> message) {
  std::vector<float> values(2 * columns_);
  for (int64_t i = my_rows_.begin; cut_rows_ > 0 && i < my_rows_.end; ++i) {
    if (place_in_message_[i] < 0 || owned[(rows_[i] - mine_.begin) * columns_] == 0.0f) continue;
    const auto place = message.subspan(place_in_message_[i] * 2 * columns_, 2 * columns_);
    std::copy(place.begin(), place.end(), values.begin());
    add_row(number, i, std::span(values).first(columns_), std::span(values).last(columns_));
  }
}

std::array<double, 2> SpectrumSums::squared_changes(std::span<const float> row) const {
  std::array<double, 2> sums = {};
  for (int64_t x = 0; patch_columns_ > 0 && x + 1 < columns_; ++x) {
    const double change = static_cast<double>(row[x + 1]) - row[x];
    sums[(x + 1) % patch_columns_ == 0 ? 1 : 0] += change * change;
  }
  return sums;
}

void SpectrumSums::add_row(int64_t number, int64_t i, std::span<const float> truth,
                           std::span<const float> forecast) {
  if (!all_finite(truth) || !all_finite(forecast)) return;
  double* sum = sums_[number].data() + (i - my_rows_.begin) * numbers_a_row();
  for (const std::span<const float> row : {truth, forecast}) {
    for (const double power : (*power_)(row))
      *sum++ += lengths_[rows_[i]] * power;
  }
  for (const std::span<const float> row : {truth, forecast}) {
    for (const double change : squared_changes(row))
      *sum++ += change;
  }
  *sum += 1;
}

Spectrum SpectrumSums::mean(int64_t number, Forecaster& forecaster) const {
  Spectrum spectrum;
  if (!problem_.empty()) return spectrum;
  std::vector<double> sums(rows_.size() * numbers_a_row(), 0.0);
  std::copy(sums_[number].begin(), sums_[number].end(), sums.begin() + my_rows_.begin * numbers_a_row());
  forecaster.sum_over_ranks(sums);
  // Rows are added here, in order, so that it does not matter which rank held them.
  std::vector<double> total(numbers_a_row(), 0.0);
  for (size_t i = 0; i < sums.size(); ++i)
    total[i % total.size()] += sums[i];
  spectrum.rows = static_cast<int64_t>(total.back());
  if (spectrum.rows == 0) return spectrum;
  for (double& value : total)
    value /= static_cast<double>(spectrum.rows);
  spectrum.wavenumber = wavenumber_;
  spectrum.truth.assign(total.begin(), total.begin() + power_->waves());
  const auto changes = total.begin() + 2 * power_->waves();
  spectrum.forecast.assign(total.begin() + power_->waves(), changes);
  // How many columns and rows were summed falls out.
  const double ratio = std::sqrt(changes[3] / changes[2] / (changes[1] / changes[0]));
  if (std::isfinite(ratio)) spectrum.patch_edge_ratio = ratio;
  return spectrum;
}

}  // namespace seqvit::evaluate
