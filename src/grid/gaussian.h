/// Gaussian latitudes: the rows of grids that spectral models use.
#pragma once

#include <cstdint>
#include <vector>

namespace seqvit::grid {

struct GaussianLatitudes {
  std::vector<double> sine;    ///< sin(latitude), from north to south
  std::vector<double> weight;  ///< of the mean over the sphere: they sum to 1
};

/// `rows` latitudes whose sums are exact for polynomials in sin(latitude) of degree below 2 * rows: the roots
/// of the Legendre polynomial of that degree, by Newton's method. Cost: O(rows^2).
GaussianLatitudes gaussian_latitudes(int64_t rows);

}  // namespace seqvit::grid
