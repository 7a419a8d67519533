#include "evaluate/scores.h"

#include <cmath>
#include <limits>

#include "core/error.h"

namespace seqvit::evaluate {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Means over space at one initial time. Errors of model and persistence are over valid points, those that end
// in `_clim` over points with climatology.
enum Mean : int {
  kMse,
  kRmse,
  kMae,
  kBias,
  kPersistenceMse,
  kPersistenceRmse,
  kPersistenceMae,
  kPersistenceBias,
  kMseClim,
  kPersistenceMseClim,
  kClimatologyMse,
  kClimatologyRmse,
  kClimatologyMae,
  kClimatologyBias,
  kAcc,
  kPersistenceAcc,
  kMeans
};

double correlation(double product, double power, double truth_power) {
  const double scale = std::sqrt(power * truth_power);
  return scale > 0 ? product / scale : kNaN;
}

std::array<double, kMeans> space_means(const StepSums& sums) {
  std::array<double, kMeans> means;
  means.fill(kNaN);
  if (const double weight = sums[kWeight]; weight > 0) {
    means[kMse] = sums[kSquare] / weight;
    means[kRmse] = std::sqrt(means[kMse]);
    means[kMae] = sums[kAbsolute] / weight;
    means[kBias] = sums[kError] / weight;
    means[kPersistenceMse] = sums[kPersistenceSquare] / weight;
    means[kPersistenceRmse] = std::sqrt(means[kPersistenceMse]);
    means[kPersistenceMae] = sums[kPersistenceAbsolute] / weight;
    means[kPersistenceBias] = sums[kPersistenceError] / weight;
  }
  if (const double weight = sums[kClimWeight]; weight > 0) {
    means[kMseClim] = sums[kClimModelSquare] / weight;
    means[kPersistenceMseClim] = sums[kClimPersistenceSquare] / weight;
    means[kClimatologyMse] = sums[kClimSquare] / weight;
    means[kClimatologyRmse] = std::sqrt(means[kClimatologyMse]);
    means[kClimatologyMae] = sums[kClimAbsolute] / weight;
    means[kClimatologyBias] = sums[kClimError] / weight;
    means[kAcc] = correlation(sums[kModelProduct], sums[kModelPower], sums[kTruthPower]);
    means[kPersistenceAcc] =
        correlation(sums[kPersistenceProduct], sums[kPersistencePower], sums[kTruthPower]);
  }
  return means;
}

// The means of every initial time, one series a kind.
class TimeSeries {
 public:
  explicit TimeSeries(std::span<const StepSums> steps) : series_(kMeans, std::vector<double>(steps.size())) {
    for (size_t i = 0; i < steps.size(); ++i) {
      const auto means = space_means(steps[i]);
      for (int mean = 0; mean < kMeans; ++mean)
        series_[mean][i] = means[mean];
      points_ += std::llround(steps[i][kPoints]);
      climatology_points_ += std::llround(steps[i][kClimPoints]);
      same_points_ = same_points_ && steps[i][kClimWeight] == steps[i][kWeight];
    }
  }

  // Whether climatology was there at every valid point, so that its errors may stand beside the model's.
  bool same_points() const { return same_points_; }

  // Mean over the initial times at which it is defined; `counts` says how often each is taken, empty: once.
  double mean(Mean kind, std::span<const float> counts = {}) const {
    double sum = 0, taken = 0;
    const std::vector<double>& series = series_[kind];
    for (size_t i = 0; i < series.size(); ++i) {
      if (std::isnan(series[i])) continue;
      const double count = counts.empty() ? 1.0 : counts[i];
      sum += count * series[i];
      taken += count;
    }
    return taken > 0 ? sum / taken : kNaN;
  }

  /// Valid points, added up over times.
  int64_t points(Mean kind) const { return kind == kMseClim || kind == kAcc ? climatology_points_ : points_; }

  const std::vector<double>& at_times(Mean kind) const { return series_[kind]; }

  int64_t defined(Mean kind) const {
    int64_t count = 0;
    for (const double value : series_[kind])
      count += std::isnan(value) ? 0 : 1;
    return count;
  }

 private:
  std::vector<std::vector<double>> series_;
  bool same_points_ = true;
  int64_t points_ = 0, climatology_points_ = 0;
};

double skill(double mse, double reference_mse) {
  return reference_mse > 0 ? 1.0 - mse / reference_mse : kNaN;
}

// Builds the scores of one label one after another.
class ScoreList {
 public:
  ScoreList(const Score& label, const TimeSeries& series, const Bootstrap& bootstrap)
      : label_(label), series_(series), bootstrap_(bootstrap) {}

  template <typename Function>
  void add(const char* metric, Mean kind, Function of_counts, double persistence, double climatology) {
    Score score = label_;
    score.metric = metric;
    score.value = of_counts(std::span<const float>());
    score.persistence = persistence;
    score.climatology = climatology;
    const Bootstrap::Interval interval =
        std::isnan(score.value) ? Bootstrap::Interval{kNaN, kNaN} : bootstrap_.interval(of_counts);
    score.low = interval.low;
    score.high = interval.high;
    score.initial_times = series_.defined(kind);
    score.points = series_.points(kind);
    scores_.push_back(std::move(score));
  }

  void add_mean(const char* metric, Mean model, Mean persistence, double climatology) {
    const auto value = [this, model](std::span<const float> counts) { return series_.mean(model, counts); };
    add(metric, model, value, series_.mean(persistence), climatology);
  }

  /// To the last score.
  void keep_times(Mean kind) {
    scores_.back().at_times = series_.at_times(kind);
    scores_.back().block = bootstrap_.block();
  }

  std::vector<Score> take() { return std::move(scores_); }

 private:
  const Score& label_;
  const TimeSeries& series_;
  const Bootstrap& bootstrap_;
  std::vector<Score> scores_;
};

}  // namespace

std::vector<Score> compute_scores(const Score& label, std::span<const StepSums> steps,
                                  const Bootstrap& bootstrap) {
  check(bootstrap.length() == static_cast<int64_t>(steps.size()), "bootstrap of another length");
  const TimeSeries series(steps);
  ScoreList list(label, series, bootstrap);
  const auto climatology = [&](Mean kind) { return series.same_points() ? series.mean(kind) : kNaN; };
  using Counts = std::span<const float>;

  list.add(
      "rmse", kMse, [&](Counts counts) { return std::sqrt(series.mean(kMse, counts)); },
      std::sqrt(series.mean(kPersistenceMse)), std::sqrt(climatology(kClimatologyMse)));
  list.add_mean("rmse_per_step", kRmse, kPersistenceRmse, climatology(kClimatologyRmse));
  if (label.region == "global") list.keep_times(kRmse);
  list.add_mean("mae", kMae, kPersistenceMae, climatology(kClimatologyMae));
  list.add_mean("bias", kBias, kPersistenceBias, climatology(kClimatologyBias));
  list.add_mean("acc", kAcc, kPersistenceAcc, kNaN);  // climatology has no anomaly to correlate
  list.add(
      "skill_persistence", kMse,
      [&](Counts counts) { return skill(series.mean(kMse, counts), series.mean(kPersistenceMse, counts)); },
      skill(series.mean(kPersistenceMse), series.mean(kPersistenceMse)),
      skill(climatology(kClimatologyMse), series.mean(kPersistenceMse)));
  list.add(
      "skill_climatology", kMseClim,
      [&](Counts counts) {
        return skill(series.mean(kMseClim, counts), series.mean(kClimatologyMse, counts));
      },
      skill(series.mean(kPersistenceMseClim), series.mean(kClimatologyMse)),
      skill(series.mean(kClimatologyMse), series.mean(kClimatologyMse)));
  return list.take();
}

}  // namespace seqvit::evaluate
