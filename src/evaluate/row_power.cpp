#include "evaluate/row_power.h"

#include <algorithm>
#include <numbers>

#include "core/error.h"

namespace seqvit::evaluate {
namespace {

int64_t smallest_factor(int64_t size) {
  for (int64_t factor = 2; factor * factor <= size; ++factor) {
    if (size % factor == 0) return factor;
  }
  return size;
}

}  // namespace

RowPower::RowPower(int64_t columns, bool periodic)
    : periodic_(periodic),
      period_(periodic ? columns : 2 * columns),
      waves_(periodic ? columns / 2 + 1 : columns),
      in_(period_),
      out_(period_),
      parts_(period_) {
  for (int64_t i = 0; i < period_; ++i) {
    const double angle = -2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(period_);
    roots_.push_back(std::polar(1.0, angle));
  }
}

std::vector<double> RowPower::operator()(std::span<const float> row) {
  check(static_cast<int64_t>(row.size()) == (periodic_ ? period_ : period_ / 2), "a row of another length");
  std::copy(row.begin(), row.end(), in_.begin());
  if (!periodic_) std::reverse_copy(row.begin(), row.end(), in_.begin() + period_ / 2);
  transform(in_.data(), 1, out_.data(), period_);
  std::vector<double> power(waves_);
  const double scale = 1.0 / static_cast<double>(period_);
  for (int64_t k = 0; k < waves_; ++k)
    power[k] = (k == 0 ? 1.0 : 2.0) * std::norm(out_[k] * scale);
  return power;
}

// Cooley and Tukey (1965): `size` values, `stride` apart, are p interleaved rows; the transforms of these
// make up the whole. size * stride is always the period, so that steps of `stride` in the table are roots of
// `size`.
void RowPower::transform(const Complex* in, int64_t stride, Complex* out, int64_t size) {
  if (size == 1) {
    *out = *in;
    return;
  }
  const int64_t p = smallest_factor(size), part = size / p;
  for (int64_t q = 0; q < p; ++q)
    transform(in + q * stride, stride * p, out + q * part, part);
  for (int64_t k = 0; k < part; ++k) {
    for (int64_t q = 0; q < p; ++q)
      parts_[q] = out[q * part + k] * roots_[q * k * stride];
    for (int64_t j = 0; j < p; ++j) {
      Complex sum = parts_[0];
      for (int64_t q = 1; q < p; ++q)
        sum += parts_[q] * roots_[q * j % p * (period_ / p)];
      out[j * part + k] = sum;
    }
  }
}

}  // namespace seqvit::evaluate
