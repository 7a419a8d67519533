#include "evaluate/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/random.h"

namespace seqvit::evaluate {
namespace {

double percentile(const std::vector<double>& sorted, double fraction) {
  const double position = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

Bootstrap::Bootstrap(int64_t length, int64_t block, uint64_t seed) : length_(length), block_(block) {
  if (length < kShortest) return;
  counts_.assign(kResamples * length, 0.0f);
  const uint64_t key = random_key(seed, "bootstrap");
  for (int64_t resample = 0; resample < kResamples; ++resample) {
    float* counts = counts_.data() + resample * length;
    for (int64_t filled = 0, draw = 0; filled < length; filled += block, ++draw) {
      const auto start =
          static_cast<int64_t>(uniform(mix(key, resample), draw) * static_cast<double>(length));
      const int64_t taken =
          std::min(block, length - filled);  // the last block is cut to the length of the series
      for (int64_t i = 0; i < taken; ++i)
        counts[(start + i) % length] += 1.0f;
    }
  }
}

int64_t Bootstrap::block_length(int64_t length, double hours_between, double days) {
  const double spanned = hours_between > 0 ? std::ceil(days * 24.0 / hours_between) : 1.0;
  const double wanted = std::max(spanned, std::ceil(std::sqrt(static_cast<double>(length))));
  return std::clamp<int64_t>(static_cast<int64_t>(wanted), 1, std::max<int64_t>(1, length / 2));
}

std::span<const float> Bootstrap::counts(int64_t resample) const {
  return std::span(counts_).subspan(resample * length_, length_);
}

Bootstrap::Interval Bootstrap::interval(const std::function<double(std::span<const float>)>& score) const {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  if (length_ < kShortest) return {kNaN, kNaN};
  std::vector<double> values;
  for (int64_t resample = 0; resample < kResamples; ++resample) {
    const double value = score(counts(resample));
    if (std::isfinite(value)) values.push_back(value);
  }
  if (values.size() < kResamples / 2) return {kNaN, kNaN};
  std::sort(values.begin(), values.end());
  return {percentile(values, 0.025), percentile(values, 0.975)};
}

}  // namespace seqvit::evaluate
