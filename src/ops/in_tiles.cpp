#include "ops/in_tiles.h"

#include <algorithm>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/tensor.h"
#include "ops/tiles.h"

namespace seqvit::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Work : torch::CustomClassHolder {
  RowFunction f;
  int64_t tile = 0;
};

Tensor run(const Work& work, const Tensor& x, const std::vector<Tensor>& weights) {
  if (x.size(0) == 0) return work.f(x, weights);  // for the shape
  Tensor y;
  for_each_tile(1, x.size(0), work.tile, [&](int64_t, int64_t first, int64_t count) {
    const Tensor part = work.f(x.narrow(0, first, count), weights);
    if (!y.defined()) {
      std::vector<int64_t> shape = part.sizes().vec();
      shape[0] = x.size(0);
      y = at::empty(shape, part.options());
    }
    y.narrow(0, first, count).copy_(part);
  });
  return y;
}

struct InTilesFunction : torch::autograd::Function<InTilesFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, at::TensorList weights,
                        const c10::intrusive_ptr<Work>& work) {
    ctx->saved_data["work"] = c10::IValue::make_capsule(work);
    variable_list saved = weights.vec();
    saved.push_back(x);
    ctx->save_for_backward(saved);
    return run(*work, x, weights.vec());
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto work = c10::static_intrusive_pointer_cast<Work>(ctx->saved_data["work"].toCapsule());
    variable_list weights = ctx->get_saved_variables();
    const Tensor x = weights.back();
    weights.pop_back();
    // Of x where it is asked for: the fields of a forecast that is fed back.
    const bool of_x = ctx->needs_input_grad(0);
    variable_list sums = {of_x ? at::empty_like(x) : Tensor()};
    for (Tensor& weight : weights) {
      sums.push_back(at::zeros(weight.sizes(), weight.options().dtype(sum_type(weight))));
      weight = weight.detach().requires_grad_();
    }
    for_each_tile(1, x.size(0), work->tile, [&](int64_t, int64_t first, int64_t count) {
      const Tensor rows = x.narrow(0, first, count).detach().requires_grad_(of_x);
      Tensor y;
      {
        const at::AutoGradMode graph(true);
        y = work->f(rows, weights);
      }
      variable_list inputs = weights;
      if (of_x) inputs.push_back(rows);
      const auto parts = torch::autograd::grad({y}, inputs, {grads[0].narrow(0, first, count)});
      for (size_t i = 0; i < weights.size(); ++i)
        sums[i + 1].add_(parts[i]);
      if (of_x) sums[0].narrow(0, first, count).copy_(parts.back());
    });
    sums.emplace_back();  // of the work: none
    return sums;
  }
};

}  // namespace

Tensor in_tiles(const RowFunction& f, const Tensor& x, const std::vector<Tensor>& weights, int64_t tile) {
  auto work = c10::make_intrusive<Work>();
  work->f = f;
  work->tile = tile;
  if (!at::GradMode::is_enabled()) return run(*work, x, weights);
  return InTilesFunction::apply(x, at::TensorList(weights), work);
}

}  // namespace seqvit::ops
