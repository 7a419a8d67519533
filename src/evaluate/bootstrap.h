/// Confidence intervals of means over a time series whose neighbours resemble each other.
///
/// Circular-block bootstrap (Politis & Romano 1992, in Exploring the Limits of Bootstrap): series of the same
/// length are put together from blocks of consecutive initial times drawn at random, the last time followed
/// by the first; the spread of a score over them is its uncertainty. Every time is drawn as often as any
/// other; with blocks that end at the last time (Kuensch 1989) those near both ends would be drawn less, and
/// resamples would not scatter around the score itself. The same draws serve every score, and depend on
/// (length, block, seed) only: so a difference of two forecasts' scores has an interval of its own, over the
/// same times. Cost: resamples x length a score.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace seqvit::evaluate {

class Bootstrap {
 public:
  static constexpr int64_t kResamples = 400;
  /// Below this length an interval would say more than is known, and is NaN.
  static constexpr int64_t kShortest = 8;

  Bootstrap(int64_t length, int64_t block, uint64_t seed);

  /// About sqrt(length), but at least as many initial times as span `days` (weather forgets in about 5 days),
  /// and at most half of the series.
  static int64_t block_length(int64_t length, double hours_between, double days = 5.0);

  int64_t length() const { return length_; }
  int64_t block() const { return block_; }
  /// Times that each of the `length` initial times occurs in a resample.
  std::span<const float> counts(int64_t resample) const;

  struct Interval {
    double low, high;
  };
  /// 2.5 and 97.5 percentiles of `score` over the resamples; NaN if the series is short or a score is NaN in
  /// more than half of them.
  Interval interval(const std::function<double(std::span<const float> counts)>& score) const;

 private:
  int64_t length_, block_;
  std::vector<float> counts_;  // [resample, initial time]
};

}  // namespace seqvit::evaluate
