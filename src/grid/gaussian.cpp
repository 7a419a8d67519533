#include "grid/gaussian.h"

#include <cmath>
#include <numbers>

namespace seqvit::grid {
namespace {

struct LegendrePolynomial {
  double value, derivative;
};

// The ordinary Legendre polynomial of degree `degree`.
LegendrePolynomial legendre_polynomial(int64_t degree, double x) {
  double previous = 1.0, current = x;
  for (int64_t n = 2; n <= degree; ++n) {
    const auto k = static_cast<double>(n);
    const double next = ((2.0 * k - 1.0) * x * current - (k - 1.0) * previous) / k;
    previous = current;
    current = next;
  }
  return {current, static_cast<double>(degree) * (previous - x * current) / (1.0 - x * x)};
}

}  // namespace

GaussianLatitudes gaussian_latitudes(int64_t rows) {
  GaussianLatitudes result;
  for (int64_t j = 0; j < rows; ++j) {
    const auto count = static_cast<double>(rows);
    double x = std::cos(std::numbers::pi * (static_cast<double>(j) + 0.75) / (count + 0.5));
    // Newton's steps square an error of about 1e-3 each time.
    for (int step = 0; step < 5; ++step) {
      const LegendrePolynomial p = legendre_polynomial(rows, x);
      x -= p.value / p.derivative;
    }
    const double slope = legendre_polynomial(rows, x).derivative;
    result.sine.push_back(x);
    result.weight.push_back(1.0 / ((1.0 - x * x) * slope * slope));
  }
  return result;
}

}  // namespace seqvit::grid
