#include "evaluate/error_sums.h"

#include <cmath>

#include "core/error.h"

namespace seqvit::evaluate {

void ErrorSums::add(const ForecastField& field, Range rows, std::span<double> sums) const {
  check(static_cast<int64_t>(sums.size()) == size(), "sums of a field have the wrong size");
  rows_.for_each(rows, field.owned, [&](int64_t segment, int64_t i, double w) {
    double* sum = sums.data() + segment * kErrorSums;
    const double f = field.forecast[i], o = field.truth[i], p = field.persistence[i],
                 c = field.climatology[i];
    if (!std::isfinite(o) || !std::isfinite(p)) return;
    if (!std::isfinite(f)) {
      sum[kLost] += 1;
      return;
    }
    sum[kPoints] += 1;
    sum[kWeight] += w;
    sum[kSquare] += w * (f - o) * (f - o);
    sum[kAbsolute] += w * std::abs(f - o);
    sum[kError] += w * (f - o);
    sum[kPersistenceSquare] += w * (p - o) * (p - o);
    sum[kPersistenceAbsolute] += w * std::abs(p - o);
    sum[kPersistenceError] += w * (p - o);
    if (!std::isfinite(c)) return;
    sum[kClimPoints] += 1;
    sum[kClimWeight] += w;
    sum[kClimModelSquare] += w * (f - o) * (f - o);
    sum[kClimPersistenceSquare] += w * (p - o) * (p - o);
    sum[kClimSquare] += w * (c - o) * (c - o);
    sum[kClimAbsolute] += w * std::abs(c - o);
    sum[kClimError] += w * (c - o);
    sum[kTruthPower] += w * (o - c) * (o - c);
    sum[kModelPower] += w * (f - c) * (f - c);
    sum[kModelProduct] += w * (f - c) * (o - c);
    sum[kPersistencePower] += w * (p - c) * (p - c);
    sum[kPersistenceProduct] += w * (p - c) * (o - c);
  });
}

StepSums ErrorSums::total(std::span<const double> sums, int64_t region) const {
  StepSums total{};
  rows_.total(sums, region, total);
  return total;
}

}  // namespace seqvit::evaluate
