/// Fields on a sphere as values at grid points or as coefficients of spherical harmonics, and the derivatives
/// that are exact on the coefficients.
///
/// Triangular truncation T: f(longitude, mu) = sum over m from -T to T and n from |m| to T of
/// f_n^m P_n^m(mu) exp(i m longitude), mu = sin(latitude). The grid is Gaussian with at least 3 T + 1
/// columns, so that products of two fields are free of aliasing. Coefficients of m >= 0 are kept; the others
/// are their conjugates.
///
/// Shapes, F fields at a time: spectral [M, N, F] complex128 with M = N = T + 1, zero where n < m; grid
/// [F, Y, X] float64, rows from north to south, columns eastward from 0. Cost: a matrix product of O(F T^3)
/// over n and an FFT over longitude. Source: Hack and Jakob (1992), "Description of a global shallow water
/// model based on the spectral transform method", NCAR/TN-343.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "grid/grid.h"

namespace seqvit::generate {

class SphericalTransform {
 public:
  /// On a sphere of `radius` metres.
  SphericalTransform(int64_t truncation, double radius);

  int64_t truncation() const { return truncation_; }
  int64_t rows() const { return static_cast<int64_t>(grid_.latitude.size()); }
  int64_t columns() const { return static_cast<int64_t>(grid_.longitude.size()); }
  double radius() const { return radius_; }
  const grid::Grid& grid() const { return grid_; }
  /// sin and cos of latitude, [Y, 1].
  const at::Tensor& sine() const { return sine_; }
  const at::Tensor& cosine() const { return cosine_; }
  /// Longitude in radians, [1, X].
  const at::Tensor& longitude() const { return longitude_; }

  at::Tensor to_grid(const at::Tensor& spectral) const;
  at::Tensor to_spectral(const at::Tensor& grid) const;

  /// (u, v) cos(latitude) in m/s, [2, Y, X], of the wind with this vorticity and divergence, [M, N] each.
  at::Tensor wind(const at::Tensor& vorticity, const at::Tensor& divergence) const;
  /// Divergence [M, N, F] of the vectors whose components times cos(latitude) are `east` and `north`
  /// [F, Y, X].
  at::Tensor divergence(const at::Tensor& east, const at::Tensor& north) const;

  at::Tensor laplacian(const at::Tensor& spectral) const;
  /// The field of global mean zero that has this Laplacian.
  at::Tensor inverse_laplacian(const at::Tensor& spectral) const;
  /// Total wave number n as a factor for spectral fields, [1, N, 1].
  const at::Tensor& degree() const { return degree_; }

 private:
  at::Tensor to_fourier(const at::Tensor& grid) const;
  at::Tensor from_fourier(const at::Tensor& fourier) const;

  int64_t truncation_;
  double radius_;
  grid::Grid grid_;
  at::Tensor sine_, cosine_, longitude_, degree_;
  at::Tensor eigenvalue_, inverse_eigenvalue_;  // of the Laplacian, [1, N, 1]
  at::Tensor zonal_derivative_;                 // i m / radius, [M, 1, 1]
  at::Tensor synthesis_, slope_synthesis_;      // P and its derivative, [M, Y, N]
  at::Tensor analysis_;                         // P times weight, [M, N, Y]
  // The same for vectors: over cos^2(latitude), the derivative over the radius too.
  at::Tensor vector_analysis_, slope_analysis_;
};

/// Columns of the grid for a truncation: the fewest of the form 16 k that are at least 3 T + 1; it has half
/// as many rows.
int64_t grid_columns(int64_t truncation);

}  // namespace seqvit::generate
