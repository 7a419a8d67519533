/// Power of a row of values at each wave that fits into it.
///
/// A row that closes on itself is taken as one period: wave k goes round k times. Any other row is continued
/// by its mirror image, so that its two ends need not match and nothing has to be detrended or tapered: wave
/// k is k / 2 wavelengths long. That is the discrete cosine transform, usual for limited areas (Denis et al.
/// 2002, Monthly Weather Review 130, 1812-1829). With F the discrete Fourier transform of the period divided
/// by its length, the power is |F_0|^2 and 2 |F_k|^2 for the others.
///
/// Cost: X log X operations for X columns whose prime factors are small, X^2 at worst.
#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <vector>

namespace seqvit::evaluate {

class RowPower {
 public:
  RowPower(int64_t columns, bool periodic);

  bool periodic() const { return periodic_; }
  /// Number of waves from 0: X / 2 + 1 for X columns in a circle, X otherwise (the mirrored row has no more).
  int64_t waves() const { return waves_; }
  /// The power of `row`, X finite values, at each wave.
  std::vector<double> operator()(std::span<const float> row);

 private:
  using Complex = std::complex<double>;
  void transform(const Complex* in, int64_t stride, Complex* out, int64_t size);

  bool periodic_;
  int64_t period_, waves_;
  std::vector<Complex> roots_;  // of one, clockwise
  std::vector<Complex> in_, out_, parts_;
};

}  // namespace seqvit::evaluate
