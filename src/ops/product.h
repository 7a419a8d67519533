/// Matrix products of the model, in the type of their operands.
///
/// libtorch's product of bf16 takes some 60 times as long as one of fp32 on an x86 processor without AVX-512.
/// There the operands of bf16 products are widened to fp32 and the result is rounded once, as instructions
/// for bf16 do too; what autograd keeps stays bf16. Elsewhere these are libtorch's functions.
#pragma once

#include <ATen/core/Tensor.h>

namespace seqvit {

using at::Tensor;

/// Whether this process widens bf16: it saves memory then, but no time.
bool widens_bf16();
/// `t` as products take it: in fp32 where it is widened, else itself.
Tensor for_product(const Tensor& t);

/// x [..., K] times weight [N, K] transposed, plus bias [N] where there is one. Differentiable.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});
/// a [G, M, K] times b [G, K, N], plus bias [G, 1, N] where there is one. Differentiable.
Tensor batched_product(const Tensor& a_GMK, const Tensor& b_GKN, const Tensor& bias_G1N = {});

/// Not differentiable: a [M, K] times b [K, N], plus bias [N] where there is one; or stacks of them, as
/// above.
Tensor product(const Tensor& a, const Tensor& b, const Tensor& bias = {});
/// Of matrices, into `out` [M, N].
void product_out(Tensor& out_MN, const Tensor& a_MK, const Tensor& b_KN, const Tensor& bias_N = {});

}  // namespace seqvit
