#include "ops/product.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/flash/kernel.h"
#include "ops/phantom.h"

namespace seqvit {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool widens(const Tensor& t) {
  return t.scalar_type() == at::kBFloat16 && t.is_cpu() && widens_bf16();
}

/// a b + bias for operands as they are multiplied; both are matrices, or both are stacks of as many.
Tensor multiply(const Tensor& a, const Tensor& b, const Tensor& bias) {
  if (Phantom::products()) {
    std::vector<int64_t> shape = a.sizes().vec();
    shape.back() = b.size(-1);
    return at::zeros(shape, a.options());
  }
  if (a.dim() == 3) return bias.defined() ? at::baddbmm(bias, a, b) : at::bmm(a, b);
  return bias.defined() ? at::addmm(bias, a, b) : at::mm(a, b);
}

Tensor wide_product(const Tensor& a, const Tensor& b, const Tensor& bias) {
  return multiply(for_product(a), for_product(b), bias.defined() ? for_product(bias) : bias);
}

/// Keeps its operands as they are given, not as they are multiplied.
struct ProductFunction : torch::autograd::Function<ProductFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& a, const Tensor& b, const Tensor& bias) {
    ctx->save_for_backward({a, b});
    return product(a, b, bias.numel() > 0 ? bias : Tensor());
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto s = ctx->get_saved_variables();
    const Tensor &a = s[0], &b = s[1], &grad = grads[0];
    Tensor of_a, of_b, of_bias;
    if (ctx->needs_input_grad(0)) of_a = product(grad, b.transpose(-2, -1));
    if (ctx->needs_input_grad(1)) of_b = product(a.transpose(-2, -1), grad);
    if (ctx->needs_input_grad(2)) of_bias = grad.sum(-2, grad.dim() > 2, at::kFloat).to(grad.scalar_type());
    return {of_a, of_b, of_bias};
  }
};

Tensor differentiable(const Tensor& a, const Tensor& b, const Tensor& bias) {
  // Autograd functions take no undefined tensors.
  return ProductFunction::apply(a, b, bias.defined() ? bias : at::empty({0}, a.options()));
}

}  // namespace

bool widens_bf16() {
  return flash::instructions_for(flash::Type::bf16) == flash::Instructions::avx2;
}

Tensor for_product(const Tensor& t) {
  return widens(t) ? t.to(at::kFloat) : t;
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!widens(x) && !Phantom::products()) return at::linear(x, weight, bias);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return differentiable(x.reshape({-1, weight.size(1)}), weight.t(), bias).view(shape);
}

Tensor batched_product(const Tensor& a_GMK, const Tensor& b_GKN, const Tensor& bias_G1N) {
  if (widens(a_GMK) || Phantom::products()) return differentiable(a_GMK, b_GKN, bias_G1N);
  return multiply(a_GMK, b_GKN, bias_G1N);
}

Tensor product(const Tensor& a, const Tensor& b, const Tensor& bias) {
  return wide_product(a, b, bias).to(a.scalar_type());
}

void product_out(Tensor& out_MN, const Tensor& a_MK, const Tensor& b_KN, const Tensor& bias_N) {
  if (widens(a_MK)) {
    out_MN.copy_(wide_product(a_MK, b_KN, bias_N));
  } else if (Phantom::products()) {
    out_MN.zero_();
  } else if (bias_N.defined()) {
    at::addmm_out(out_MN, bias_N, a_MK, b_KN);
  } else {
    at::mm_out(out_MN, a_MK, b_KN);
  }
}

}  // namespace seqvit
