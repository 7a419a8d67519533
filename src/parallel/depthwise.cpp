#include "parallel/depthwise.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/depthwise.h"
#include "ops/recompute.h"
#include "ops/to_device.h"

namespace seqvit::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Tokens as the rows of units [B, U, F] that a halo carries.
Tensor of_units(const Tensor& x_BLD, const grid::Neighbourhood& near) {
  return x_BLD.view({x_BLD.size(0), near.size(), -1});
}
Tensor of_tokens(const Tensor& rows_BUF, int64_t width) {
  return rows_BUF.view({rows_BUF.size(0), -1, width});
}

/// Runs f(input, units) over all units of mine: first those that need nobody else's, while the others' are
/// coming.
template <typename F>
void with_neighbours(const Tensor& x_BLD, const Halo& halo, const F& f) {
  const grid::Neighbourhood& near = halo.near();
  const Range inside = near.interior();
  Halo::Coming coming = halo.start(of_units(x_BLD, near));
  f({x_BLD, {}}, inside);
  const Tensor others = of_tokens(coming.wait(), x_BLD.size(2));
  f({x_BLD, others}, {0, inside.begin});
  f({x_BLD, others}, {inside.end, near.size()});
}

Tensor run(const Tensor& input, const ops::DepthwiseWeights& w, const Halo& halo) {
  const Tensor x_BLD = ops::values(input).contiguous(), y_BLD = at::empty_like(x_BLD);
  with_neighbours(x_BLD, halo, [&](const ops::DepthwiseInput& x, Range units) {
    ops::depthwise_forward(x, w, halo.near(), units, y_BLD);
  });
  return y_BLD;
}

/// What backward needs beside tensors: the neighbours, and where it finds x if it is kept elsewhere.
struct Source : torch::CustomClassHolder {
  Source(const Halo& h, std::function<Tensor()> r) : halo(h), read(std::move(r)) {}
  const Halo& halo;
  std::function<Tensor()> read;
};

struct DepthwiseFunction : torch::autograd::Function<DepthwiseFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Halo* halo) {
    auto source = c10::make_intrusive<Source>(*halo, ops::part_input(x));
    const variable_list weights = {weight, bias};
    if (source->read) {
      ctx->save_for_backward(weights);
    } else {
      ctx->save_for_backward({weight, bias, x});
    }
    ctx->saved_data["source"] = c10::IValue::make_capsule(source);
    return run(x, {weight, bias}, *halo);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const auto source = c10::static_intrusive_pointer_cast<Source>(ctx->saved_data["source"].toCapsule());
    const Tensor x_BLD = (s.size() > 2 ? s[2] : source->read()).contiguous(), grad_x = at::empty_like(x_BLD);
    const ops::DepthwiseWeights w{s[0], s[1]}, sums{at::zeros_like(s[0]), at::zeros_like(s[1])};
    const grid::Neighbourhood& near = source->halo.near();
    with_neighbours(grads[0].contiguous(), source->halo, [&](const ops::DepthwiseInput& grad, Range units) {
      ops::depthwise_backward(grad, x_BLD, w, near, units, grad_x, sums);
    });
    return {grad_x, sums.weight_KD, sums.bias_D, Tensor()};
  }
};

/// Where there is no kernel: a sum over taps by libtorch, with as many copies of the tokens.
Tensor by_libtorch(const Tensor& x_BLD, const ops::DepthwiseWeights& w, const Halo& halo) {
  const grid::Neighbourhood& near = halo.near();
  std::vector<int64_t> units(grid::kTaps * near.size());
  near.for_each({0, near.size()}, [&](int64_t unit, const grid::Window& window) {
    for (int tap = 0; tap < grid::kTaps; ++tap)
      units[tap * near.size() + unit] = window.unit[tap];
  });
  const Tensor table = ops::to_device(units, {grid::kTaps, near.size()}, x_BLD.options().dtype(at::kLong));
  const Tensor mine_BUF = of_units(x_BLD, near), all_BUF = at::cat({mine_BUF, halo.gather(mine_BUF)}, 1);
  Tensor y_BLD = x_BLD + w.bias_D;
  for (int tap = 0; tap < grid::kTaps; ++tap)
    y_BLD = y_BLD + of_tokens(all_BUF.index_select(1, table[tap]), x_BLD.size(2)) * w.weight_KD[tap];
  return y_BLD;
}

}  // namespace

Depthwise::Depthwise(BlockParams& params, const Peers& peers, const std::string& name, int64_t width)
    : peers_(peers),
      weight_(params.whole().add(name + ".weight", {grid::kTaps, width}, ParamKind::vector, init_zero())),
      bias_(params.whole().add(name + ".bias", {width}, ParamKind::vector, init_zero())),
      by_kernel_(params.whole().sharding().device.is_cpu()) {}

Tensor Depthwise::operator()(const Tensor& x_BLD) const {
  const ops::DepthwiseWeights w{**weight_, **bias_};
  if (!by_kernel_) return by_libtorch(x_BLD, w, peers_.halo());
  if (!at::GradMode::is_enabled()) return run(x_BLD, w, peers_.halo());
  return DepthwiseFunction::apply(x_BLD, w.weight_KD, w.bias_D, &peers_.halo());
}

}  // namespace seqvit::parallel
