#include "ops/mlp.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/norm_linear.h"
#include "ops/product.h"
#include "ops/recompute.h"
#include "ops/tiles.h"

namespace seqvit::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Whether norm, last bias and residual belong to it; empty tensors stand for them where not.
bool is_residual(const MlpWeights& w) {
  return w.norm_weight.numel() > 0;
}

/// The forward pass of one tile [T, D], with what its backward needs.
struct Tile {
  Tensor mean, rstd;  ///< of the norm
  Tensor normed;      ///< [T, D], compute type; x itself where there is no norm
  Tensor hidden;      ///< [T, F] before gelu
  Tensor activated;   ///< [T, F]
};

Tile run_to_hidden(const Tensor& x_TD, const MlpWeights& w) {
  Tile tile;
  const auto compute = w.fc1_weight.scalar_type();
  tile.normed = x_TD;
  if (is_residual(w)) {
    std::tie(tile.normed, tile.mean, tile.rstd) =
        at::native_layer_norm(x_TD, {x_TD.size(1)}, w.norm_weight, w.norm_bias, kLayerNormEpsilon);
    tile.normed = tile.normed.to(compute);
  }
  tile.hidden = product(tile.normed, w.fc1_weight.t(), w.fc1_bias.to(compute));
  tile.activated = at::gelu(tile.hidden);
  return tile;
}

Tensor run_tile(const Tensor& x_TD, const MlpWeights& w) {
  const Tile tile = run_to_hidden(x_TD, w);
  if (!is_residual(w)) return product(tile.activated, w.fc2_weight.t());
  return product(tile.activated, w.fc2_weight.t(), w.fc2_bias.to(tile.normed.scalar_type()));
}

/// Of one sample: its own norm.
MlpWeights weights_of(const MlpWeights& w, int64_t sample) {
  MlpWeights of = w;
  of.norm_weight = of_sample(w.norm_weight, sample), of.norm_bias = of_sample(w.norm_bias, sample);
  return of;
}

/// Gradients of all weights, master type, summed over tiles.
struct WeightGradients {
  MlpWeights sum;

  WeightGradients(const MlpWeights& w, at::ScalarType master) {
    auto zeros = [&](const Tensor& t) { return at::zeros(t.sizes(), t.options().dtype(master)); };
    sum = {zeros(w.norm_weight), zeros(w.norm_bias),  zeros(w.fc1_weight),
           zeros(w.fc1_bias),    zeros(w.fc2_weight), zeros(w.fc2_bias)};
  }
  explicit WeightGradients(MlpWeights sums) : sum(std::move(sums)) {}
  /// The sums that a sample adds to: the norm's may be its own.
  WeightGradients of(int64_t sample) const { return WeightGradients(weights_of(sum, sample)); }
};

/// Gradient in x of one tile's branch, given the gradient of the branch; adds to those of the weights.
Tensor backward_tile(const Tensor& grad_TD, const Tensor& x_TD, const MlpWeights& w,
                     WeightGradients& gradients) {
  const Tile tile = run_to_hidden(x_TD, w);
  const Tensor grad_out = grad_TD.to(tile.normed.scalar_type());
  MlpWeights& sum = gradients.sum;
  add_product(sum.fc2_weight, grad_out.t(), tile.activated);
  if (is_residual(w)) sum.fc2_bias.add_(grad_TD.sum(0));
  const Tensor grad_hidden = at::gelu_backward(product(grad_out, w.fc2_weight), tile.hidden);
  add_product(sum.fc1_weight, grad_hidden.t(), tile.normed);
  sum.fc1_bias.add_(grad_hidden.sum(0, false, sum.fc1_bias.scalar_type()));
  const Tensor grad_normed = product(grad_hidden, w.fc1_weight).to(x_TD.scalar_type());
  if (!is_residual(w)) return grad_normed;
  auto [grad_x, grad_weight, grad_bias] =
      at::native_layer_norm_backward(grad_normed, x_TD, {x_TD.size(1)}, tile.mean, tile.rstd, w.norm_weight,
                                     w.norm_bias, {true, true, true});
  sum.norm_weight.add_(grad_weight);
  sum.norm_bias.add_(grad_bias);
  return grad_x;
}

Tensor run_all(const Tensor& x_BLD, const Tensor& scale_B11, const MlpWeights& w, int64_t tile) {
  const Tensor result = at::empty_like(x_BLD);
  const bool together = w.norm_weight.dim() == 1 && x_BLD.is_contiguous();
  const Tensor all_x = joined(x_BLD, together), y = joined(result, together),
               scale = scale_of_rows(scale_B11, x_BLD.size(1), together);
  for_each_tile(y.size(0), y.size(1), tile, [&](int64_t sample, int64_t first, int64_t count) {
    auto part = [&](const Tensor& t) { return t[sample].narrow(0, first, count); };
    const Tensor x = part(all_x);
    Tensor branch = run_tile(x, weights_of(w, sample)).to(x.scalar_type());
    if (has_scale(scale)) branch.mul_(part(scale));
    part(y).copy_(is_residual(w) ? branch.add_(x) : branch);
  });
  return result;
}

struct MlpFunction : torch::autograd::Function<MlpFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& scale, const Tensor& norm_weight,
                        const Tensor& norm_bias, const Tensor& fc1_weight, const Tensor& fc1_bias,
                        const Tensor& fc2_weight, const Tensor& fc2_bias, int64_t tile) {
    ctx->save_for_backward({x, scale, norm_weight, norm_bias, fc1_weight, fc1_bias, fc2_weight, fc2_bias});
    ctx->saved_data["tile"] = tile;
    ctx->saved_data["last"] = recomputing();
    if (recomputing())
      return at::zeros({1}, x.options()).expand(x.sizes());  // no memory for what nobody reads
    return run_all(x, scale, {norm_weight, norm_bias, fc1_weight, fc1_bias, fc2_weight, fc2_bias}, tile);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const Tensor &x_BLD = s[0], &scale_B11 = s[1];
    const MlpWeights w{s[2], s[3], s[4], s[5], s[6], s[7]};
    WeightGradients gradients(w, w.fc1_bias.scalar_type());  // the master type
    // As the last thing of a part that runs again, the gradient that comes in is its own: it becomes that of
    // x in place.
    const bool own = ctx->saved_data["last"].toBool() && grads[0].is_contiguous();
    const Tensor result = own ? grads[0] : at::empty_like(x_BLD);
    const bool together = w.norm_weight.dim() == 1 && x_BLD.is_contiguous() && grads[0].is_contiguous();
    const Tensor all_x = joined(x_BLD, together), grad_y = joined(grads[0], together),
                 grad_x = joined(result, together), scale = scale_of_rows(scale_B11, x_BLD.size(1), together);
    const int64_t tile = ctx->saved_data["tile"].toInt();
    for_each_tile(grad_x.size(0), grad_x.size(1), tile, [&](int64_t sample, int64_t first, int64_t count) {
      auto part = [&](const Tensor& t) { return t[sample].narrow(0, first, count); };
      const Tensor grad = part(grad_y);
      const Tensor of_branch = has_scale(scale) ? grad * part(scale) : grad;
      WeightGradients of_this = gradients.of(sample);
      const Tensor of_x = backward_tile(of_branch, part(all_x), weights_of(w, sample), of_this);
      part(grad_x).copy_(is_residual(w) ? of_x + grad : of_x);
    });
    const MlpWeights& g = gradients.sum;
    return {result,     Tensor(),     g.norm_weight, g.norm_bias, g.fc1_weight,
            g.fc1_bias, g.fc2_weight, g.fc2_bias,    Tensor()};
  }
};

Tensor apply(const Tensor& x_BLD, const Tensor& scale, const MlpWeights& w, int64_t tile) {
  if (!at::GradMode::is_enabled()) return run_all(x_BLD, scale, w, tile);
  return MlpFunction::apply(x_BLD, scale, w.norm_weight, w.norm_bias, w.fc1_weight, w.fc1_bias, w.fc2_weight,
                            w.fc2_bias, tile);
}

}  // namespace

Tensor mlp_residual(const Tensor& x_BLD, const Tensor& scale_B11, const MlpWeights& w, int64_t tile) {
  return apply(x_BLD, scale_or_empty(scale_B11, x_BLD), w, tile);
}

Tensor mlp(const Tensor& u_BLD, const MlpWeights& weights, int64_t tile) {
  const Tensor none = at::empty({0}, u_BLD.options());
  return apply(u_BLD, none, {none, none, weights.fc1_weight, weights.fc1_bias, weights.fc2_weight, none},
               tile);
}

}  // namespace seqvit::ops
