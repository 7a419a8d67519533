#include "model/resample.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/kron.h>
#include <ATen/ops/linalg_pinv.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

namespace seqvit::model {
namespace {

/// Along one side of a patch: both patches span the same.
Tensor side_resize(int64_t from, int64_t to) {
  return resize_matrix({from, to, static_cast<double>(from) / static_cast<double>(to)});
}

/// Patches along one side, in patches: the last one may hang over.
double length(int64_t points, int64_t patch_size) {
  return static_cast<double>(points) / static_cast<double>(patch_size);
}

}  // namespace

Tensor resize_matrix(const ResizeAxis& axis) {
  Tensor matrix = at::zeros({axis.to, axis.from}, at::kDouble);
  auto values = matrix.accessor<double, 2>();
  const double width = std::max(1.0, axis.scale);
  for (int64_t to = 0; to < axis.to; ++to) {
    const double centre = (static_cast<double>(to) + 0.5) * axis.scale - 0.5;
    double sum = 0.0;
    const auto add = [&](int64_t from, double weight) {
      const int64_t cell = axis.periodic ? (from % axis.from + axis.from) % axis.from
                                         : std::clamp<int64_t>(from, 0, axis.from - 1);
      values[to][cell] += weight;
      sum += weight;
    };
    const auto last = static_cast<int64_t>(std::floor(centre + width));
    for (auto from = static_cast<int64_t>(std::ceil(centre - width)); from <= last; ++from)
      add(from, 1.0 - std::abs(static_cast<double>(from) - centre) / width);
    for (int64_t cell = 0; cell < axis.from; ++cell)
      values[to][cell] /= sum;
  }
  return matrix;
}

Tensor patch_resize(int64_t from, int64_t to) {
  const Tensor side = side_resize(from, to);
  return at::kron(side, side);
}

Tensor embedding_resize(int64_t from, int64_t to) {
  // The pseudo-inverse of a Kronecker product is that of its factors, which are small.
  const Tensor side = at::linalg_pinv(side_resize(from, to).t());
  return at::kron(side, side);
}

bool same_patches(const grid::TokenGrid& a, const grid::TokenGrid& b) {
  return a.patch_rows() == b.patch_rows() && a.patch_columns() == b.patch_columns() &&
         a.rows * b.patch_size == b.rows * a.patch_size &&
         a.columns * b.patch_size == b.columns * a.patch_size;
}

Tensor resample_positions(const Tensor& position_SD, const grid::TokenGrid& from, const grid::TokenGrid& to,
                          bool periodic) {
  // A patch that hangs over the last column has no neighbour at the right distance beyond it.
  const bool closes = periodic && from.columns % from.patch_size == 0;
  const Tensor rows =
      resize_matrix({from.patch_rows(), to.patch_rows(),
                     length(from.rows, from.patch_size) / length(to.rows, to.patch_size), false});
  const Tensor columns =
      resize_matrix({from.patch_columns(), to.patch_columns(),
                     length(from.columns, from.patch_size) / length(to.columns, to.patch_size), closes});
  const int64_t width = position_SD.size(1);
  // [rows, columns D], then columns in the middle of [rows, columns, D].
  const Tensor by_rows = at::matmul(rows, position_SD.to(at::kDouble).reshape({from.patch_rows(), -1}))
                             .view({to.patch_rows(), from.patch_columns(), width});
  return at::matmul(columns, by_rows).view({to.patches(), width});
}

}  // namespace seqvit::model
