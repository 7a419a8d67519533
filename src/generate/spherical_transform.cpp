#include "generate/spherical_transform.h"

#include <cmath>
#include <numbers>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/complex.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/fft_irfft.h>
#include <ATen/ops/fft_rfft.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>
#include <ATen/ops/zeros_like.h>

#include "generate/legendre.h"
#include "grid/gaussian.h"

namespace seqvit::generate {
namespace {

// [M, A, B] real times [M, B, F] complex: one matrix product a zonal wave number.
at::Tensor meridional_sum(const at::Tensor& matrices, const at::Tensor& x) {
  const int64_t fields = x.size(2);
  const at::Tensor parts = at::view_as_real(x.contiguous()).view({x.size(0), x.size(1), 2 * fields});
  const at::Tensor sums = at::bmm(matrices, parts);
  return at::view_as_complex(sums.view({sums.size(0), sums.size(1), fields, 2}));
}

}  // namespace

int64_t grid_columns(int64_t truncation) {
  return (3 * truncation + 1 + 15) / 16 * 16;
}

SphericalTransform::SphericalTransform(int64_t truncation, double radius)
    : truncation_(truncation), radius_(radius) {
  const int64_t count = truncation + 1, columns = grid_columns(truncation), rows = columns / 2;
  const grid::GaussianLatitudes gauss = grid::gaussian_latitudes(rows);
  const at::TensorOptions real = at::dtype(at::kDouble);
  synthesis_ = at::empty({count, rows, count}, real);
  slope_synthesis_ = at::empty_like(synthesis_);
  auto value = synthesis_.accessor<double, 3>(), slope = slope_synthesis_.accessor<double, 3>();
  for (int64_t j = 0; j < rows; ++j) {
    grid_.latitude.push_back(std::asin(gauss.sine[j]) * 180.0 / std::numbers::pi);
    const auto functions = legendre_functions(truncation, gauss.sine[j]);
    for (int64_t m = 0; m < count; ++m) {
      for (int64_t n = 0; n < count; ++n) {
        value[m][j][n] = functions[m].value[n];
        slope[m][j][n] = functions[m].derivative[n] / radius;
      }
    }
  }
  for (int64_t i = 0; i < columns; ++i)
    grid_.longitude.push_back(360.0 * static_cast<double>(i) / static_cast<double>(columns));
  sine_ = at::tensor(gauss.sine, real).unsqueeze(1);
  cosine_ = (1.0 - sine_.square()).sqrt();
  longitude_ =
      at::arange(columns, real).unsqueeze(0) * (2.0 * std::numbers::pi / static_cast<double>(columns));

  const at::Tensor weight = at::tensor(gauss.weight, real).view({1, rows, 1});
  const at::Tensor vector_weight = weight / cosine_.square();
  analysis_ = (synthesis_ * weight).transpose(1, 2).contiguous();
  vector_analysis_ = (synthesis_ * vector_weight).transpose(1, 2).contiguous();
  slope_analysis_ = (slope_synthesis_ * vector_weight).transpose(1, 2).contiguous();

  const at::Tensor numbers = at::arange(count, real);
  degree_ = numbers.view({1, count, 1});
  eigenvalue_ = -degree_ * (degree_ + 1.0) / (radius * radius);
  inverse_eigenvalue_ = eigenvalue_.reciprocal().masked_fill(degree_ == 0.0, 0.0);
  zonal_derivative_ = at::complex(at::zeros_like(numbers), numbers / radius).view({count, 1, 1});
}

at::Tensor SphericalTransform::from_fourier(const at::Tensor& fourier) const {
  return at::fft_irfft(fourier.permute({2, 1, 0}), columns(), -1, "forward");
}

at::Tensor SphericalTransform::to_fourier(const at::Tensor& grid) const {
  return at::fft_rfft(grid, std::nullopt, -1, "forward").narrow(-1, 0, truncation_ + 1).permute({2, 1, 0});
}

at::Tensor SphericalTransform::to_grid(const at::Tensor& spectral) const {
  return from_fourier(meridional_sum(synthesis_, spectral));
}

at::Tensor SphericalTransform::to_spectral(const at::Tensor& grid) const {
  return meridional_sum(analysis_, to_fourier(grid));
}

at::Tensor SphericalTransform::wind(const at::Tensor& vorticity, const at::Tensor& divergence) const {
  const at::Tensor stream = inverse_laplacian(vorticity.unsqueeze(2));
  const at::Tensor potential = inverse_laplacian(divergence.unsqueeze(2));
  // u cos = (d potential / d longitude - cos^2 d stream / dmu) / radius; v cos with stream and potential.
  const at::Tensor along = at::cat({potential, stream}, 2) * zonal_derivative_;
  const at::Tensor across = at::cat({-stream, potential}, 2);
  return from_fourier(meridional_sum(synthesis_, along) + meridional_sum(slope_synthesis_, across));
}

at::Tensor SphericalTransform::divergence(const at::Tensor& east, const at::Tensor& north) const {
  // The derivative along mu is moved to the Legendre function by parts; at the poles cos(latitude) is zero.
  return meridional_sum(vector_analysis_, to_fourier(east) * zonal_derivative_) -
         meridional_sum(slope_analysis_, to_fourier(north));
}

at::Tensor SphericalTransform::laplacian(const at::Tensor& spectral) const {
  return spectral * eigenvalue_;
}

at::Tensor SphericalTransform::inverse_laplacian(const at::Tensor& spectral) const {
  return spectral * inverse_eigenvalue_;
}

}  // namespace seqvit::generate
