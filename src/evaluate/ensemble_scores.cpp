#include "evaluate/ensemble_scores.h"

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "core/error.h"

namespace seqvit::evaluate {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
using Counts = std::span<const float>;

/// Means over space at every initial time, by kind and sum.
class Series {
 public:
  explicit Series(std::span<const std::vector<double>> steps) : steps_(steps) {}

  double at(size_t step, EnsembleKind kind, EnsembleSum sum) const {
    const double* sums = steps_[step].data() + kind * kEnsembleSums;
    return sums[kEnsembleWeight] > 0 ? sums[sum] / sums[kEnsembleWeight] : kNaN;
  }

  /// Over the initial times at which it is defined; `counts`: how often each is taken, empty: once.
  double mean(EnsembleKind kind, EnsembleSum sum, Counts counts = {}) const {
    double total = 0, taken = 0;
    for (size_t i = 0; i < steps_.size(); ++i) {
      const double value = at(i, kind, sum), count = counts.empty() ? 1.0 : counts[i];
      if (std::isnan(value)) continue;
      total += count * value;
      taken += count;
    }
    return taken > 0 ? total / taken : kNaN;
  }

  bool has(EnsembleKind kind) const {
    for (const std::vector<double>& sums : steps_) {
      if (sums[kind * kEnsembleSums] != sums[kModelEnsemble * kEnsembleSums]) return false;
    }
    return true;
  }

 private:
  std::span<const std::vector<double>> steps_;
};

}  // namespace

double RankHistogram::outliers() const {
  if (frequency.empty()) return kNaN;
  return (frequency.front() + frequency.back()) * static_cast<double>(members + 1) / 2.0;
}

std::vector<Score> compute_ensemble_scores(const Score& label, std::span<const std::vector<double>> steps,
                                           const Bootstrap& bootstrap) {
  check(bootstrap.length() == std::ssize(steps), "bootstrap of another length");
  const Series series(steps);
  using Value = std::function<double(EnsembleKind, Counts)>;
  std::vector<Score> scores;
  const auto add = [&](const char* metric, const Value& value) {
    Score& score = scores.emplace_back(label);
    const auto of_reference = [&](EnsembleKind kind) { return series.has(kind) ? value(kind, {}) : kNaN; };
    score.metric = metric;
    score.value = value(kModelEnsemble, {});
    score.persistence = of_reference(kPersistenceEnsemble);
    score.climatology = of_reference(kClimatologyEnsemble);
    const Bootstrap::Interval interval =
        std::isnan(score.value)
            ? Bootstrap::Interval{kNaN, kNaN}
            : bootstrap.interval([&](Counts counts) { return value(kModelEnsemble, counts); });
    score.low = interval.low, score.high = interval.high;
    for (size_t i = 0; i < steps.size(); ++i)
      score.initial_times += std::isnan(series.at(i, kModelEnsemble, kCrps)) ? 0 : 1;
  };
  add("crps", [&](EnsembleKind kind, Counts counts) { return series.mean(kind, kCrps, counts); });
  if (label.region == "global") {
    for (size_t i = 0; i < steps.size(); ++i)
      scores.back().at_times.push_back(series.at(i, kModelEnsemble, kCrps));
    scores.back().block = bootstrap.block();
  }
  add("spread",
      [&](EnsembleKind kind, Counts counts) { return std::sqrt(series.mean(kind, kVariance, counts)); });
  add("spread_skill", [&](EnsembleKind kind, Counts counts) {
    const double square = series.mean(kind, kMeanSquare, counts);
    return square > 0 ? std::sqrt(series.mean(kind, kVariance, counts) / square) : kNaN;
  });
  return scores;
}

RankHistogram compute_rank_histogram(const Score& label, std::span<const std::vector<double>> steps) {
  constexpr size_t kFirst = kEnsembleKinds * kEnsembleSums;
  RankHistogram histogram{label.variable, label.lead_hours, 0, {}};
  for (const std::vector<double>& sums : steps) {
    histogram.frequency.resize(sums.size() - kFirst, 0.0);
    for (size_t rank = 0; rank < histogram.frequency.size(); ++rank)
      histogram.frequency[rank] += sums[kFirst + rank];
  }
  histogram.members = std::ssize(histogram.frequency) - 1;
  const double total = std::accumulate(histogram.frequency.begin(), histogram.frequency.end(), 0.0);
  for (double& frequency : histogram.frequency)
    frequency = total > 0 ? frequency / total : kNaN;
  return histogram;
}

}  // namespace seqvit::evaluate
