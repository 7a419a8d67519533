#include "ops/attention.h"

#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/flash_attention.h"
#include "ops/recompute.h"

namespace seqvit {

const char* attention_kernel_name(const Tensor& q) {
  if (!flash_supports(q, q, q)) return "libtorch flash attention (CPU)";
  return q.scalar_type() == at::kBFloat16 ? "seqvit AVX512-BF16" : "seqvit AVX-512 fp32";
}

std::pair<Tensor, Tensor> attention_forward(const Tensor& q, const Tensor& k, const Tensor& v) {
  if (flash_supports(q, k, v)) return flash_forward(q, k, v);
  auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(q, k, v);
  return {out, lse};
}

AttentionGradients attention_backward(const Tensor& grad_out, const Tensor& q, const Tensor& k,
                                      const Tensor& v, const Tensor& out, const Tensor& lse) {
  if (flash_supports(q, k, v)) return flash_backward(grad_out, q, k, v, out, lse);
  auto [dq, dk, dv] =
      at::_scaled_dot_product_flash_attention_for_cpu_backward(grad_out, q, k, v, out, lse,
                                                               /*dropout_p=*/0.0, /*is_causal=*/false);
  return {dq, dk, dv};
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& q, const Tensor& k, const Tensor& v) {
    const auto kept = remember([&] {
      auto [out, lse] = attention_forward(q, k, v);
      return std::vector<Tensor>{out, lse};
    });
    ctx->save_for_backward({q, k, v, kept[0], kept[1]});
    return kept[0];
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    auto gradients = attention_backward(grads[0], saved[0], saved[1], saved[2], saved[3], saved[4]);
    return {gradients.q, gradients.k, gradients.v};
  }
};

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v) {
  return AttentionFunction::apply(q, k, v);
}

}  // namespace seqvit
