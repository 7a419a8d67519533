#include "generate/fields.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <ATen/TensorOperators.h>
#include <ATen/ops/real.h>
#include <ATen/ops/zeros.h>

#include "core/random.h"

namespace seqvit::generate::testing {

at::Tensor random_spectral(int64_t truncation, int64_t fields, uint64_t seed) {
  const int64_t count = truncation + 1;
  at::Tensor x = at::zeros({count, count, fields}, at::dtype(at::kComplexDouble));
  auto values = x.accessor<c10::complex<double>, 3>();
  uint64_t counter = 0;
  for (int64_t m = 0; m < count; ++m) {
    for (int64_t n = std::max<int64_t>(m, 1); n < count; ++n) {
      for (int64_t f = 0; f < fields; ++f, counter += 2)
        values[m][n][f] = {normal(seed, counter), m == 0 ? 0.0 : normal(seed, counter + 1)};
    }
  }
  return x;
}

double largest(const at::Tensor& x) {
  return x.abs().max().item<double>();
}

double relative_error(const SphericalTransform& transform, const at::Tensor& difference,
                      const at::Tensor& reference) {
  const auto mean_square = [&](const at::Tensor& x) {
    return at::real(transform.to_spectral(x.square().unsqueeze(0))[0][0][0]).item<double>();
  };
  return std::sqrt(mean_square(difference) / mean_square(reference));
}

double wave_power(const at::Tensor& spectral, int64_t m) {
  return spectral[m].abs().square().sum().item<double>();
}

bool long_tests() {
  return std::getenv("SEQVIT_LONG_TESTS") != nullptr;
}

}  // namespace seqvit::generate::testing
