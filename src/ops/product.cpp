#include "ops/product.h"

#include <vector>

#include <ATen/ops/addmm.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/tensor.h"
#include "ops/allocate_only.h"
#include "ops/flash/kernel.h"
#include "ops/tiles.h"

namespace seqvit::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool widens(const Tensor& t) {
  return t.scalar_type() == at::kBFloat16 && t.is_cpu() && widens_bf16();
}

/// a b + bias of matrices as they are multiplied.
Tensor matrix_product(const Tensor& a_MK, const Tensor& b_KN, const Tensor& bias = {}) {
  if (AllocateOnly::products()) return at::zeros({a_MK.size(0), b_KN.size(1)}, a_MK.options());
  return bias.defined() ? at::addmm(bias, a_MK, b_KN) : at::mm(a_MK, b_KN);
}

/// The same of matrices as they are given; the result is not rounded.
Tensor wide_matrix_product(const Tensor& a_MK, const Tensor& b_KN, const Tensor& bias = {}) {
  return matrix_product(for_product(a_MK), for_product(b_KN), bias.defined() ? for_product(bias) : bias);
}

/// Products of stacks, tile by tile: no operand is ever widened as a whole but b.
struct ProductFunction : torch::autograd::Function<ProductFunction> {
  /// `bias`: empty for none, since autograd functions take no undefined tensors.
  static Tensor forward(AutogradContext* ctx, const Tensor& a_GMK, const Tensor& b_GKN, const Tensor& bias) {
    ctx->save_for_backward({a_GMK, b_GKN});
    const Tensor y_GMN = at::empty({a_GMK.size(0), a_GMK.size(1), b_GKN.size(2)}, a_GMK.options());
    for_each_tile(a_GMK.size(0), a_GMK.size(1), 0, [&](int64_t g, int64_t first, int64_t count) {
      Tensor y = y_GMN[g].narrow(0, first, count);
      product_out(y, a_GMK[g].narrow(0, first, count), b_GKN[g], bias.numel() > 0 ? bias[g] : Tensor());
    });
    return y_GMN;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto s = ctx->get_saved_variables();
    const Tensor &a_GMK = s[0], &b_GKN = s[1], &grad_GMN = grads[0];
    const auto type = a_GMK.scalar_type();
    Tensor of_a, of_b, of_bias;
    if (ctx->needs_input_grad(0)) of_a = at::empty_like(a_GMK);
    if (ctx->needs_input_grad(1)) of_b = at::zeros(b_GKN.sizes(), b_GKN.options().dtype(sum_type(b_GKN)));
    if (ctx->needs_input_grad(2)) of_bias = grad_GMN.sum(1, true, sum_type(grad_GMN)).to(type);
    for_each_tile(a_GMK.size(0), a_GMK.size(1), 0, [&](int64_t g, int64_t first, int64_t count) {
      auto tile = [&](const Tensor& t) { return t[g].narrow(0, first, count); };
      const Tensor grad = for_product(tile(grad_GMN));
      if (of_a.defined()) tile(of_a).copy_(matrix_product(grad, for_product(b_GKN[g]).t()));
      if (of_b.defined()) of_b[g].add_(matrix_product(for_product(tile(a_GMK)).t(), grad));
    });
    return {of_a, of_b.defined() ? of_b.to(type) : of_b, of_bias};
  }
};

Tensor product_in_tiles(const Tensor& a_GMK, const Tensor& b_GKN, const Tensor& bias_G1N) {
  return ProductFunction::apply(a_GMK, b_GKN,
                                bias_G1N.defined() ? bias_G1N : at::empty({0}, a_GMK.options()));
}

}  // namespace

bool widens_bf16() {
  return flash::best_instructions(flash::Type::bf16) == flash::Instructions::avx2;
}

Tensor for_product(const Tensor& t) {
  return widens(t) ? t.to(at::kFloat) : t;
}

Tensor linear_product(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!widens(x) && !AllocateOnly::products()) return at::linear(x, weight, bias);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return product_in_tiles(x.reshape({1, -1, weight.size(1)}), weight.t().unsqueeze(0),
                          bias.defined() ? bias.view({1, 1, -1}) : bias)
      .view(shape);
}

Tensor batched_product(const Tensor& a_GMK, const Tensor& b_GKN, const Tensor& bias_G1N) {
  if (widens(a_GMK) || AllocateOnly::products()) return product_in_tiles(a_GMK, b_GKN, bias_G1N);
  return bias_G1N.defined() ? at::baddbmm(bias_G1N, a_GMK, b_GKN) : at::bmm(a_GMK, b_GKN);
}

Tensor product(const Tensor& a_MK, const Tensor& b_KN, const Tensor& bias) {
  return wide_matrix_product(a_MK, b_KN, bias).to(a_MK.scalar_type());
}

void product_out(Tensor& out_MN, const Tensor& a_MK, const Tensor& b_KN, const Tensor& bias) {
  if (widens(a_MK)) {
    out_MN.copy_(wide_matrix_product(a_MK, b_KN, bias));
  } else if (AllocateOnly::products()) {
    out_MN.zero_();
  } else if (bias.defined()) {
    at::addmm_out(out_MN, bias, a_MK, b_KN);
  } else {
    at::mm_out(out_MN, a_MK, b_KN);
  }
}

void add_product(const Tensor& sum_MN, const Tensor& a_MK, const Tensor& b_KN) {
  if (sum_MN.scalar_type() == a_MK.scalar_type() && !AllocateOnly::products())
    sum_MN.addmm_(a_MK, b_KN);
  else
    sum_MN.add_(wide_matrix_product(a_MK, b_KN));
}

}  // namespace seqvit::ops
