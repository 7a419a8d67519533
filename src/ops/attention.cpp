#include "ops/attention.h"

#include <optional>

#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/profile.h"
#include "ops/flash_attention.h"
#include "ops/product.h"
#include "ops/recompute.h"

namespace seqvit::ops {

namespace {

AttentionKernel device_kernel;

}  // namespace

void use_attention_kernel(AttentionKernel kernel) {
  device_kernel = std::move(kernel);
}

std::string attention_kernel_name(const Tensor& q) {
  if (!q.is_cpu()) return device_kernel.name;
  return flash_supports(q, q, q) ? flash_name(q) : "libtorch flash attention (CPU)";
}

std::pair<Tensor, Tensor> attention_forward(const Tensor& q, const Tensor& k, const Tensor& v) {
  const TimedPart time("attention forward");
  if (!q.is_cpu()) return device_kernel.forward(q, k, v);
  if (flash_supports(q, k, v)) return flash_forward(q, k, v);
  auto [out, lse] =
      at::_scaled_dot_product_flash_attention_for_cpu(for_product(q), for_product(k), for_product(v));
  return {out.to(q.scalar_type()), lse};
}

AttentionGradients attention_backward(const Tensor& grad_out, const Tensor& q, const Tensor& k,
                                      const Tensor& v, const Tensor& out, const Tensor& lse, bool in_place) {
  const TimedPart time("attention backward");
  if (!q.is_cpu()) return device_kernel.backward(grad_out, q, k, v, out, lse);
  if (flash_supports(q, k, v)) return flash_backward(grad_out, q, k, v, out, lse, in_place);
  auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
      for_product(grad_out), for_product(q), for_product(k), for_product(v), for_product(out), lse,
      /*dropout_p=*/0.0, /*is_causal=*/false);
  const auto type = q.scalar_type();
  return {dq.to(type), dk.to(type), dv.to(type)};
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

/// The tensor [B, M, n H E] whose heads_of_projection these are, if they lie so already.
std::optional<Tensor> fused_storage(const variable_list& parts) {
  const Tensor& first = parts[0];
  if (!first.defined()) return std::nullopt;
  const auto n = static_cast<int64_t>(parts.size());
  const int64_t batch = first.size(0), heads = first.size(1), rows = first.size(2), width = first.size(3),
                row = n * heads * width;
  const std::vector<int64_t> strides = {rows * row, width, row, 1};
  for (int64_t i = 0; i < n; ++i) {
    const Tensor& part = parts[static_cast<size_t>(i)];
    if (!part.defined() || part.strides() != strides || !part.is_alias_of(first) ||
        part.storage_offset() != first.storage_offset() + i * heads * width)
      return std::nullopt;
  }
  return first.as_strided({batch, rows, row}, {rows * row, row, 1}, first.storage_offset());
}

struct SplitHeadsFunction : torch::autograd::Function<SplitHeadsFunction> {
  static variable_list forward(AutogradContext* ctx, const Tensor& x, int64_t n, int64_t heads) {
    ctx->saved_data["shape"] = x.sizes().vec();
    ctx->saved_data["heads"] = heads;
    return heads_of_projection(x, n, heads);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    if (const auto fused = fused_storage(grads)) return {*fused, Tensor(), Tensor()};
    const Tensor grad = at::empty(ctx->saved_data["shape"].toIntVector(), grads[0].options());
    const auto parts =
        heads_of_projection(grad, static_cast<int64_t>(grads.size()), ctx->saved_data["heads"].toInt());
    for (size_t i = 0; i < grads.size(); ++i)
      parts[i].copy_(grads[i]);
    return {grad, Tensor(), Tensor()};
  }
};

}  // namespace

std::vector<Tensor> heads_of_projection(const Tensor& x, int64_t n, int64_t heads) {
  return x.view({x.size(0), x.size(1), n, heads, x.size(2) / (n * heads)}).permute({2, 0, 3, 1, 4}).unbind(0);
}

std::vector<Tensor> split_heads(const Tensor& x, int64_t n, int64_t heads) {
  return SplitHeadsFunction::apply(x, n, heads);
}

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v) {
  return AttentionFunction::apply(q, k, v);
}

}  // namespace seqvit::ops
