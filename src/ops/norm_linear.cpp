#include "ops/norm_linear.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/product.h"
#include "ops/recompute.h"
#include "ops/tiles.h"

namespace seqvit::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Tokens read as one vector.
int64_t group_of(const Tensor& x_BLD, const NormLinearWeights& w) {
  return w.weight.size(1) / x_BLD.size(2);
}

struct Normed {
  Tensor value;       ///< [T, K D], compute type
  Tensor mean, rstd;  ///< of each token
};

Normed normalise(const Tensor& x_TD, const NormLinearWeights& w, int64_t sample) {
  auto [value, mean, rstd] = at::native_layer_norm(x_TD, {x_TD.size(1)}, of_sample(w.norm_weight, sample),
                                                   of_sample(w.norm_bias, sample), kLayerNormEpsilon);
  return {value.to(w.weight.scalar_type()).view({-1, w.weight.size(1)}), mean, rstd};
}

Tensor run(const Tensor& x_BLD, const NormLinearWeights& w) {
  const int64_t group = group_of(x_BLD, w);
  const Tensor result =
      at::empty({x_BLD.size(0), x_BLD.size(1) / group, w.weight.size(0)}, w.weight.options());
  const bool together = w.norm_weight.dim() == 1 && x_BLD.is_contiguous();
  const Tensor x = joined(x_BLD, together), y = joined(result, together);
  const Tensor bias = w.bias.to(w.weight.scalar_type());
  for_each_tile(y.size(0), y.size(1), 0, [&](int64_t sample, int64_t first, int64_t count) {
    Tensor out = y[sample].narrow(0, first, count);
    product_out(out, normalise(x[sample].narrow(0, first * group, count * group), w, sample).value,
                w.weight.t(), bias);
  });
  return result;
}

/// Where backward finds x: here, or from what the recomputed part keeps.
struct Source : torch::CustomClassHolder {
  explicit Source(std::function<Tensor()> r) : read(std::move(r)) {}
  std::function<Tensor()> read;
};

struct NormLinearFunction : torch::autograd::Function<NormLinearFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& norm_weight,
                        const Tensor& norm_bias, const Tensor& weight, const Tensor& bias) {
    if (auto again = part_input(x)) {
      ctx->saved_data["x"] = c10::IValue::make_capsule(c10::make_intrusive<Source>(std::move(again)));
      ctx->save_for_backward({norm_weight, norm_bias, weight, bias});
    } else {
      ctx->save_for_backward({norm_weight, norm_bias, weight, bias, x});
    }
    return run(values(x), {norm_weight, norm_bias, weight, bias});
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const Tensor x_BLD =
        s.size() > 4 ? s[4]
                     : c10::static_intrusive_pointer_cast<Source>(ctx->saved_data["x"].toCapsule())->read();
    const NormLinearWeights w{s[0], s[1], s[2], s[3]};
    const int64_t group = group_of(x_BLD, w);
    const auto master = x_BLD.scalar_type();
    auto zeros = [&](const Tensor& t) { return at::zeros(t.sizes(), t.options().dtype(master)); };
    NormLinearWeights sum{zeros(w.norm_weight), zeros(w.norm_bias), zeros(w.weight), zeros(w.bias)};
    // A copy from the file is nobody else's: its gradient takes its place, tile by tile.
    const bool own = x_BLD.use_count() == 1 && x_BLD.storage().use_count() == 1;
    const Tensor result = own ? x_BLD : at::empty_like(x_BLD);
    const bool together = w.norm_weight.dim() == 1 && x_BLD.is_contiguous() && grads[0].is_contiguous();
    const Tensor all_x = joined(x_BLD, together), grad_y = joined(grads[0], together),
                 grad_x = joined(result, together);
    for_each_tile(grad_y.size(0), grad_y.size(1), 0, [&](int64_t sample, int64_t first, int64_t count) {
      auto tokens = [&](const Tensor& t) { return t[sample].narrow(0, first * group, count * group); };
      const Tensor x = tokens(all_x), grad = grad_y[sample].narrow(0, first, count);
      const Normed normed = normalise(x, w, sample);
      add_product(sum.weight, grad.t(), normed.value);
      sum.bias.add_(grad.sum(0, false, master));
      const Tensor grad_normed = product(grad, w.weight).to(master).view(x.sizes());
      auto [dx, dweight, dbias] = at::native_layer_norm_backward(
          grad_normed, x, {x.size(1)}, normed.mean, normed.rstd, of_sample(w.norm_weight, sample),
          of_sample(w.norm_bias, sample), {true, true, true});
      tokens(grad_x).copy_(dx);
      of_sample(sum.norm_weight, sample).add_(dweight);
      of_sample(sum.norm_bias, sample).add_(dbias);
    });
    return {result, sum.norm_weight, sum.norm_bias, sum.weight, sum.bias};
  }
};

}  // namespace

Tensor norm_linear(const Tensor& x_BLD, const NormLinearWeights& w) {
  if (!at::GradMode::is_enabled()) return run(x_BLD, w);
  return NormLinearFunction::apply(x_BLD, w.norm_weight, w.norm_bias, w.weight, w.bias);
}

}  // namespace seqvit::ops
