/// Matrix products of the model, in the type of their operands.
///
/// libtorch's product of bf16 takes some 60 times as long as one of fp32 on an x86 processor without AVX-512.
/// There the operands of bf16 products are widened to fp32, a tile at a time, and the result is rounded once,
/// as instructions for bf16 do too. What linear_product and batched_product keep for backward stays bf16.
/// Elsewhere these are libtorch's functions.
#pragma once

#include "core/tensor.h"

namespace seqvit::ops {

/// Whether this process widens bf16: it saves memory then, but no time.
bool widens_bf16();
/// `t` as products take it: in fp32 where it is widened, else itself.
Tensor for_product(const Tensor& t);

/// x [..., K] times weight [N, K] transposed, plus bias [N] where there is one. Differentiable.
Tensor linear_product(const Tensor& x, const Tensor& weight, const Tensor& bias = {});
/// a [G, M, K] times b [G, K, N], plus bias [G, 1, N] where there is one. Differentiable.
Tensor batched_product(const Tensor& a_GMK, const Tensor& b_GKN, const Tensor& bias_G1N = {});

/// Not differentiable: a [M, K] times b [K, N], plus bias [N] or [1, N] where there is one.
Tensor product(const Tensor& a_MK, const Tensor& b_KN, const Tensor& bias = {});
/// The same into `out` [M, N].
void product_out(Tensor& out_MN, const Tensor& a_MK, const Tensor& b_KN, const Tensor& bias = {});
/// Adds it to `sum` [M, N], which may be of a wider type.
void add_product(const Tensor& sum_MN, const Tensor& a_MK, const Tensor& b_KN);

}  // namespace seqvit::ops
