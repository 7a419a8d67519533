/// Weights for one patch size or grid from weights for another.
///
/// A resize is linear interpolation along rows and along columns, from points at the centres of equal cells
/// to the centres of other cells; where the target is coarser the filter is as much wider, so that no point
/// is passed over. A constant stays constant. As a matrix B it takes the points of a patch to those of the
/// resized patch.
///
/// | weight | maps | resized with |
/// |---|---|---|
/// | patch embedding w | points to a token | pinv(B^T), FlexiViT's (Beyer et al., arXiv 2212.08013) |
/// | head W, b | a token to points | B |
/// | positions | a patch to its token | the resize of the grid of patches |
///
/// An embedding reads points: w' is to give of B x what w gave of x, which B^T w' = w says, in least squares
/// where points are lost. A head writes points: what it predicts on the other points is the resize of what it
/// predicted, B (W t + b), so B goes to weight and bias alike. Cost: nothing beside reading the weights.
#pragma once

#include "core/tensor.h"
#include "grid/partition.h"

namespace seqvit::model {

struct ResizeAxis {
  int64_t from = 1, to = 1;  ///< cells
  double scale = 1.0;        ///< source cells that a target cell is long; from / to where both span the same
  bool periodic = false;     ///< the last cell meets the first; otherwise the outermost go on for ever
};

/// Linear interpolation along one axis: [to, from] in fp64, rows sum to 1.
Tensor resize_matrix(const ResizeAxis& axis);

/// For a head: the points of a patch of from x from points -> to x to points, [to^2, from^2] in fp64.
Tensor patch_resize(int64_t from, int64_t to);
/// For an embedding: pinv(B^T) of that matrix, [to^2, from^2] in fp64.
Tensor embedding_resize(int64_t from, int64_t to);

/// Whether the patches of two grids over the same region lie alike.
bool same_patches(const grid::TokenGrid& a, const grid::TokenGrid& b);
/// Positions [patches of `from`, D] -> [patches of `to`, D] in fp64; both grids span the same region,
/// whatever their patches hang over. `periodic`: columns go round the globe.
Tensor resample_positions(const Tensor& position_SD, const grid::TokenGrid& from, const grid::TokenGrid& to,
                          bool periodic);

}  // namespace seqvit::model
