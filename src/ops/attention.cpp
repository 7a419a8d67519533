#include "ops/attention.h"

#include <atomic>
#include <memory>

#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/profile.h"
#include "ops/flash_attention.h"
#include "ops/product.h"
#include "ops/recompute.h"

namespace seqvit::ops {

namespace {

// Replaced as a whole: ranks that are threads each choose, the same one.
std::atomic<std::shared_ptr<const AttentionKernel>> device_kernel;

}  // namespace

void use_attention_kernel(AttentionKernel kernel) {
  device_kernel = std::make_shared<const AttentionKernel>(std::move(kernel));
}

namespace {

const char* const kLibtorchName = "libtorch flash attention (CPU)";

std::pair<Tensor, Tensor> libtorch_forward(const Tensor& q, const Tensor& k, const Tensor& v) {
  auto [out, lse] =
      at::_scaled_dot_product_flash_attention_for_cpu(for_product(q), for_product(k), for_product(v));
  return {out.to(q.scalar_type()), lse};
}

AttentionGradients libtorch_backward(const Tensor& grad_out, const Tensor& q, const Tensor& k,
                                     const Tensor& v, const Tensor& out, const Tensor& lse) {
  auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
      for_product(grad_out), for_product(q), for_product(k), for_product(v), for_product(out), lse,
      /*dropout_p=*/0.0, /*is_causal=*/false);
  const auto type = q.scalar_type();
  return {dq.to(type), dk.to(type), dv.to(type)};
}

}  // namespace

AttentionKernel libtorch_cpu_kernel() {
  return {kLibtorchName, libtorch_forward, libtorch_backward};
}

std::string attention_kernel_name(const Tensor& q) {
  if (!q.is_cpu()) return device_kernel.load()->name;
  return flash_supports(q, q, q) ? flash_name(q) : kLibtorchName;
}

std::pair<Tensor, Tensor> attention_forward(const Tensor& q, const Tensor& k, const Tensor& v) {
  const TimedPart time("attention forward");
  if (!q.is_cpu()) return device_kernel.load()->forward(q, k, v);
  return flash_supports(q, k, v) ? flash_forward(q, k, v) : libtorch_forward(q, k, v);
}

AttentionGradients attention_backward(const Tensor& grad_out, const Tensor& q, const Tensor& k,
                                      const Tensor& v, const Tensor& out, const Tensor& lse, bool in_place) {
  const TimedPart time("attention backward");
  if (!q.is_cpu()) return device_kernel.load()->backward(grad_out, q, k, v, out, lse);
  return flash_supports(q, k, v) ? flash_backward(grad_out, q, k, v, out, lse, in_place)
                                 : libtorch_backward(grad_out, q, k, v, out, lse);
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
    // What a part makes again is read by nobody after this backward.
    ctx->saved_data["in place"] = recomputing();
    return kept[0];
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    auto gradients = attention_backward(grads[0], saved[0], saved[1], saved[2], saved[3], saved[4],
                                        ctx->saved_data["in place"].toBool());
    return {gradients.q, gradients.k, gradients.v};
  }
};

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v) {
  return AttentionFunction::apply(q, k, v);
}

}  // namespace seqvit::ops
