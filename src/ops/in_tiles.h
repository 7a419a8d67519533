/// A function of rows, a tile of rows at a time, where what it makes on the way is many times larger than
/// what goes in and comes out.
///
/// Forward keeps the rows only; backward runs the function again for each tile and sums the gradients of the
/// weights, so neither what it makes nor the graph of it ever exists for more than one tile. Cost: its
/// forward once more.
#pragma once

#include <functional>
#include <vector>

#include "core/tensor.h"

namespace seqvit::ops {

/// Some rows [R, ...] and the weights -> one result a row [R, ...]; no row's depends on another's.
using RowFunction = std::function<Tensor(const Tensor& rows, const std::vector<Tensor>& weights)>;

/// f(x, weights) of all rows of x, `tile` rows at a time. Differentiable in x and in the weights, which f has
/// from its argument only. Gradients of bf16 weights are summed in fp32.
Tensor in_tiles(const RowFunction& f, const Tensor& x, const std::vector<Tensor>& weights, int64_t tile);

}  // namespace seqvit::ops
