#include "ops/product.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mm.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/flash/kernel.h"

namespace seqvit {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool widens(const Tensor& t) {
  return t.scalar_type() == at::kBFloat16 && t.is_cpu() && widens_bf16();
}

/// a b + bias in fp32; both operands are matrices, or both are stacks of as many.
Tensor wide_product(const Tensor& a, const Tensor& b, const Tensor& bias) {
  const Tensor y = at::matmul(a.to(at::kFloat), b.to(at::kFloat));
  return bias.defined() && bias.numel() > 0 ? y.add_(bias) : y;
}

struct WideProductFunction : torch::autograd::Function<WideProductFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& a, const Tensor& b, const Tensor& bias) {
    ctx->save_for_backward({a, b});
    return wide_product(a, b, bias).to(a.scalar_type());
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto s = ctx->get_saved_variables();
    const Tensor &a = s[0], &b = s[1], &grad = grads[0];
    auto wide = [&](bool wanted, const Tensor& x, const Tensor& y) {
      return wanted ? wide_product(x, y, {}).to(x.scalar_type()) : Tensor();
    };
    Tensor of_bias;
    if (ctx->needs_input_grad(2)) of_bias = grad.sum(-2, grad.dim() > 2, at::kFloat).to(grad.scalar_type());
    return {wide(ctx->needs_input_grad(0), grad, b.transpose(-2, -1)),
            wide(ctx->needs_input_grad(1), a.transpose(-2, -1), grad), of_bias};
  }
};

Tensor wide(const Tensor& a, const Tensor& b, const Tensor& bias) {
  // Autograd functions take no undefined tensors.
  return WideProductFunction::apply(a, b, bias.defined() ? bias : at::empty({0}, a.options()));
}

}  // namespace

bool widens_bf16() {
  return flash::instructions_for(flash::Type::bf16) == flash::Instructions::avx2;
}

Tensor for_product(const Tensor& t) {
  return widens(t) ? t.to(at::kFloat) : t;
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!widens(x)) return at::linear(x, weight, bias);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return wide(x.reshape({-1, weight.size(1)}), weight.t(), bias).view(shape);
}

Tensor batched_product(const Tensor& a_GMK, const Tensor& b_GKN, const Tensor& bias_G1N) {
  if (widens(a_GMK)) return wide(a_GMK, b_GKN, bias_G1N);
  return bias_G1N.defined() ? at::baddbmm(bias_G1N, a_GMK, b_GKN) : at::bmm(a_GMK, b_GKN);
}

Tensor product(const Tensor& a_MK, const Tensor& b_KN, const Tensor& bias_N) {
  if (widens(a_MK)) return wide_product(a_MK, b_KN, bias_N).to(a_MK.scalar_type());
  return bias_N.defined() ? at::addmm(bias_N, a_MK, b_KN) : at::mm(a_MK, b_KN);
}

void product_out(Tensor& out_MN, const Tensor& a_MK, const Tensor& b_KN, const Tensor& bias_N) {
  if (widens(a_MK)) {
    out_MN.copy_(wide_product(a_MK, b_KN, bias_N));
  } else if (bias_N.defined()) {
    at::addmm_out(out_MN, bias_N, a_MK, b_KN);
  } else {
    at::mm_out(out_MN, a_MK, b_KN);
  }
}

}  // namespace seqvit
