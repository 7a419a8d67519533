/// Exact softmax attention of one rank, with the log-sum-exp that lets partial results be merged.
///
/// out = softmax(q k^T / sqrt(E)) v over all given keys; lse = log sum exp of the scaled scores, natural
/// logarithm. Cost: 4 B H L M E operations forward, 2.5 times that backward; memory O(L) beside inputs and
/// outputs (Dao et al., arXiv 2205.14135). Shapes: q [B, H, L, E]; k, v [B, H, M, E]; out [B, H, L, E]; lse
/// [B, H, L] in fp32 (fp64 for fp64). Inputs may be strided as long as E is dense.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace seqvit::ops {

struct AttentionGradients {
  Tensor q, k, v;
};

struct AttentionKernel {
  std::string name;
  /// q [B, H, L, E], k, v [B, H, M, E] -> result [B, H, L, E] and log-sum-exp [B, H, L].
  std::function<std::pair<Tensor, Tensor>(const Tensor& q, const Tensor& k, const Tensor& v)> forward;
  std::function<AttentionGradients(const Tensor& grad_out, const Tensor& q, const Tensor& k, const Tensor& v,
                                   const Tensor& out, const Tensor& lse)>
      backward;
};

/// Computes attention of all tensors that are not on the CPU from here on (see attention_choice.h).
void use_attention_kernel(AttentionKernel kernel);

/// libtorch's for the CPU. bf16 is widened where the processor has no instructions for it.
AttentionKernel libtorch_cpu_kernel();

/// Which kernel computes attention of inputs like these here: on the CPU ours (ops/flash) or
/// libtorch's.
std::string attention_kernel_name(const Tensor& q);

/// (out, lse). No autograd.
std::pair<Tensor, Tensor> attention_forward(const Tensor& q, const Tensor& k, const Tensor& v);
/// Gradients given the *complete* softmax's out and lse: with a block of the keys in k, v it gives that
/// block's share. `in_place`: q, k and v are not needed any more, and kernels that can write over them.
AttentionGradients attention_backward(const Tensor& grad_out, const Tensor& q, const Tensor& k,
                                      const Tensor& v, const Tensor& out, const Tensor& lse,
                                      bool in_place = false);

/// Differentiable attention on one rank. Inside recompute(keep_attention) its result is kept and not computed
/// again.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v);

}  // namespace seqvit::ops
