#include "evaluate/ensemble_sums.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace seqvit::evaluate {
namespace {

struct PointScore {
  double crps = 0, variance = 0, square = 0;
  int64_t below = 0, equal = 0;  ///< members
  bool valid = false;
};

/// `errors`: members minus truth.
PointScore score_of(std::vector<double>& errors) {
  PointScore score{.valid = true};
  std::sort(errors.begin(), errors.end());
  const auto count = static_cast<double>(errors.size());
  double absolute = 0, apart = 0, sum = 0;  // apart: over pairs
  for (size_t i = 0; i < errors.size(); ++i) {
    absolute += std::abs(errors[i]);
    apart += (2.0 * static_cast<double>(i) - count + 1.0) * errors[i];
    sum += errors[i];
    score.below += errors[i] < 0 ? 1 : 0;
    score.equal += errors[i] == 0 ? 1 : 0;
  }
  const double mean = sum / count;
  double squares = 0;
  for (const double error : errors)
    squares += (error - mean) * (error - mean);
  score.crps = absolute / count - apart / (count * (count - 1.0));
  score.variance = (count + 1.0) / count * squares / (count - 1.0);
  score.square = mean * mean;
  return score;
}

/// Of every point; not valid where a member is missing.
std::vector<PointScore> scores_of(const std::vector<std::vector<float>>& members,
                                  std::span<const float> truth, std::span<const float> owned) {
  std::vector<PointScore> scores(truth.size());
  if (members.size() < 2) return scores;
  std::vector<double> errors(members.size());
  for (size_t i = 0; i < truth.size(); ++i) {
    if (!owned.empty() && owned[i] == 0.0f) continue;
    bool valid = true;
    for (size_t m = 0; m < members.size(); ++m) {
      errors[m] = static_cast<double>(members[m][i]) - truth[i];
      valid = valid && std::isfinite(errors[m]);
    }
    if (valid) scores[i] = score_of(errors);
  }
  return scores;
}

}  // namespace

void EnsembleSums::add(const EnsembleField& field, Range rows, std::span<double> sums) const {
  check(std::ssize(sums) == size() && std::ssize(field.members[kModelEnsemble]) == members_,
        "sums of another ensemble");
  std::vector<PointScore> scores[kEnsembleKinds];
  for (size_t kind = 0; kind < kEnsembleKinds; ++kind)
    scores[kind] = scores_of(field.members[kind], field.truth, field.owned);
  rows_.for_each(rows, field.owned, [&](int64_t segment, int64_t i, double w) {
    const PointScore& model = scores[kModelEnsemble][i];
    if (!model.valid || !std::isfinite(field.initial[i])) return;
    double* sum = sums.data() + segment * numbers();
    for (size_t kind = 0; kind < kEnsembleKinds; ++kind, sum += kEnsembleSums) {
      const PointScore& score = scores[kind][i];
      if (!score.valid) continue;
      sum[kEnsembleWeight] += w;
      sum[kCrps] += w * score.crps;
      sum[kVariance] += w * score.variance;
      sum[kMeanSquare] += w * score.square;
    }
    for (int64_t rank = model.below; rank <= model.below + model.equal; ++rank)
      sum[rank] += w / static_cast<double>(model.equal + 1);
  });
}

std::vector<double> EnsembleSums::total(std::span<const double> sums, int64_t region) const {
  std::vector<double> total(numbers());
  rows_.total(sums, region, total);
  return total;
}

}  // namespace seqvit::evaluate
