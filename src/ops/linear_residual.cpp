#include "ops/linear_residual.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/product.h"
#include "ops/recompute.h"
#include "ops/tiles.h"

namespace seqvit::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Tensor run(const Tensor& input_BLD, const Tensor& u_BLK, const Tensor& weight, const Tensor& bias,
           const Tensor& scale_B11) {
  const Tensor x_BLD = values(input_BLD);
  // A copy from the store is nobody else's: the result takes its place.
  const Tensor result = x_BLD.is_same(input_BLD) ? at::empty_like(x_BLD) : x_BLD;
  const bool together = x_BLD.is_contiguous() && u_BLK.is_contiguous();
  const Tensor x = joined(x_BLD, together), u = joined(u_BLK, together), y = joined(result, together),
               scale = scale_of_rows(scale_B11, x_BLD.size(1), together);
  const Tensor compute_bias = bias.to(weight.scalar_type());
  for_each_tile(x.size(0), x.size(1), 0, [&](int64_t sample, int64_t first, int64_t count) {
    auto tile = [&](const Tensor& t) { return t[sample].narrow(0, first, count); };
    Tensor branch = product(tile(u), weight.t(), compute_bias).to(x.scalar_type()), out = tile(y);
    if (has_scale(scale)) branch.mul_(tile(scale));
    at::add_out(out, branch, tile(x));
  });
  return result;
}

struct LinearResidualFunction : torch::autograd::Function<LinearResidualFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& u, const Tensor& weight,
                        const Tensor& bias, const Tensor& scale) {
    ctx->save_for_backward({u, weight, scale});
    return run(x, u, weight, bias, scale);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const Tensor &u_BLK = s[0], &weight = s[1], &scale_B11 = s[2], &grad_BLD = grads[0];
    const auto options = grad_BLD.options();
    const Tensor result = at::empty_like(u_BLK), grad_weight = at::zeros(weight.sizes(), options),
                 grad_bias = at::zeros({weight.size(0)}, options);
    const bool together = grad_BLD.is_contiguous() && u_BLK.is_contiguous();
    const Tensor grad_y = joined(grad_BLD, together), u = joined(u_BLK, together),
                 grad_u = joined(result, together),
                 scale = scale_of_rows(scale_B11, grad_BLD.size(1), together);
    for_each_tile(u.size(0), u.size(1), 0, [&](int64_t sample, int64_t first, int64_t count) {
      auto tile = [&](const Tensor& t) { return t[sample].narrow(0, first, count); };
      const Tensor of_branch = has_scale(scale) ? tile(grad_y) * tile(scale) : tile(grad_y);
      const Tensor grad = of_branch.to(weight.scalar_type());
      Tensor out = tile(grad_u);
      product_out(out, grad, weight);
      add_product(grad_weight, grad.t(), tile(u));
      grad_bias.add_(of_branch.sum(0));
    });
    return {grad_BLD, result, grad_weight, grad_bias, Tensor()};
  }
};

}  // namespace

Tensor linear_residual(const Tensor& x_BLD, const Tensor& u_BLK, const Tensor& weight, const Tensor& bias,
                       const Tensor& scale) {
  const Tensor scale_B11 = scale_or_empty(scale, x_BLD);
  if (!at::GradMode::is_enabled()) return run(x_BLD, u_BLK, weight, bias, scale_B11);
  return LinearResidualFunction::apply(x_BLD, u_BLK, weight, bias, scale_B11);
}

}  // namespace seqvit::ops
