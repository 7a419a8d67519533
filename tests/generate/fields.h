/// What the tests of the atmosphere share: random coefficients and sizes of differences.
#pragma once

#include <ATen/core/Tensor.h>

#include "generate/spherical_transform.h"

namespace seqvit::generate::testing {

/// Random coefficients [M, N, fields] of a real field, zero where n < m; n = 0 is zero too.
at::Tensor random_spectral(int64_t truncation, int64_t fields, uint64_t seed);

/// Largest magnitude.
double largest(const at::Tensor& x);

/// Root mean square of `difference` over that of `reference`, grid fields [Y, X], as areas weigh them.
double relative_error(const SphericalTransform& transform, const at::Tensor& difference,
                      const at::Tensor& reference);

/// Sum of the squared coefficients of zonal wave number m of one field [M, N].
double wave_power(const at::Tensor& spectral, int64_t m);

/// Whether the slow tests were asked for (SEQVIT_LONG_TESTS in the environment).
bool long_tests();

}  // namespace seqvit::generate::testing
