#include "generate/legendre.h"

#include <cmath>

namespace seqvit::generate {
namespace {

// The factor that couples P_n^m to its neighbours in n.
double coupling(int64_t n, int64_t m) {
  const auto nn = static_cast<double>(n * n), mm = static_cast<double>(m * m);
  return std::sqrt((nn - mm) / (4.0 * nn - 1.0));
}

}  // namespace

std::vector<LegendreColumn> legendre_functions(int64_t truncation, double mu) {
  std::vector<LegendreColumn> columns(truncation + 1);
  const double cosine = std::sqrt(1.0 - mu * mu);
  double diagonal = 1.0;  // P_m^m
  for (int64_t m = 0; m <= truncation; ++m) {
    if (m > 0) diagonal *= cosine * std::sqrt(1.0 + 0.5 / static_cast<double>(m));
    std::vector<double> p(truncation + 2, 0.0);  // one more: the derivative looks ahead
    p[m] = diagonal;
    for (int64_t n = m + 1; n <= truncation + 1; ++n) {
      const double before = n - 2 >= m ? coupling(n - 1, m) * p[n - 2] : 0.0;
      p[n] = (mu * p[n - 1] - before) / coupling(n, m);
    }
    std::vector<double> derivative(truncation + 1, 0.0);
    for (int64_t n = m; n <= truncation; ++n) {
      const auto k = static_cast<double>(n);
      const double below = n > m ? (k + 1.0) * coupling(n, m) * p[n - 1] : 0.0;
      derivative[n] = below - k * coupling(n + 1, m) * p[n + 1];
    }
    p.pop_back();
    columns[m] = {std::move(p), std::move(derivative)};
  }
  return columns;
}

}  // namespace seqvit::generate
