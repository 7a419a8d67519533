/// A fused projection as queries, keys and values by head; on the way queries and keys are normalised and
/// turned by their position.
///
/// *Norm*: t -> gain t / sqrt(mean t^2 + 1e-6) over the channels of a head (Zhang & Sennrich, arXiv
/// 1910.07467; of queries and keys: Henry et al., arXiv 2010.04245). *Rotation*: the pair of channels (j, j +
/// E/2) turns by an angle of the token's place (Su et al., arXiv 2104.09864): of its row of patches for the
/// first half of the pairs, of its column for the others, so that a score depends on the distance of two
/// tokens along each axis.
///
/// When to use it: by whoever has a projection that nobody else reads. Both happen in its own memory, in one
/// pass over queries and keys, each rank for its own tokens: what strategies exchange and what kernels read
/// is as if the projection had come so. (In the kernels' packing they would cost every strategy the positions
/// of others' tokens, and be made anew for each block of a ring.) Backward turns the gradients back where
/// they lie, in one pass too. Kept for backward: nothing of a rotation; of a norm, queries and keys as they
/// came, 2 widths a token. Results do not depend on the number of threads.
#pragma once

#include <optional>
#include <vector>

#include "core/tensor.h"

namespace seqvit::ops {

/// Angles of patches: of rows [R, E/2] and of columns [C, E/2], E/4 cosines, then E/4 sines; in the master
/// type.
struct Rotation {
  Tensor rows, columns;
  int64_t tokens_per_patch = 1;
  int64_t first = 0;  ///< place in the sequence of the first token that is given
};

/// What is done to the leading parts of a projection, those that are queries or keys.
struct QueryKey {
  int64_t parts = 0;
  std::vector<Tensor> gains;  ///< [E] of each, master type; none: no norm
  std::optional<Rotation> rotation;

  bool changes() const { return parts > 0 && (!gains.empty() || rotation); }
};

/// A fused projection [B, M, n H E] as n tensors [B, H, M, E]: views.
std::vector<Tensor> heads_of_projection(const Tensor& x_BMX, int64_t n, int64_t heads);

/// The same, differentiable, after what `of` says. x is given up: it is written over. Backward does not copy
/// where the gradients are heads_of_projection of one tensor (as those of attention_backward, and what
/// Ulysses brings back), and writes over those.
std::vector<Tensor> split_heads(const Tensor& x_BMX, int64_t n, int64_t heads, const QueryKey& of = {});

/// In libtorch's operations, for devices that are not CPUs: a part t [B, H, M, E] normalised and turned; its
/// gradient and that of the gain (undefined without) from the part as it came (unused without) and the
/// gradient of the result.
Tensor prepare_part(const Tensor& t, const Tensor& gain, const std::optional<Rotation>& rotation);
std::pair<Tensor, Tensor> prepare_part_backward(const Tensor& grad, const Tensor& raw, const Tensor& gain,
                                                const std::optional<Rotation>& rotation);

}  // namespace seqvit::ops
