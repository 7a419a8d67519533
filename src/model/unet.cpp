#include "model/unet.h"

#include <cmath>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/pad.h>
#include <ATen/ops/upsample_nearest2d.h>

#include "grid/neighbourhood.h"

namespace seqvit::model {
namespace {

/// A convolution: channels in and out, points along its side, and how many times it halves the grid that it
/// works on.
struct Layer {
  int64_t in, out, side, halvings;
};

/// In the order of use.
std::vector<Layer> layers_of(const ModelShape& shape, int64_t w) {
  const int64_t in = shape.inputs() + shape.conditions, out = std::ssize(shape.targets);
  return {{in, w, 3, 0},        {w, w, 3, 0},         {w, 2 * w, 3, 1},     {2 * w, 2 * w, 3, 1},
          {2 * w, 4 * w, 3, 2}, {4 * w, 4 * w, 3, 2}, {6 * w, 2 * w, 3, 1}, {2 * w, 2 * w, 3, 1},
          {3 * w, w, 3, 0},     {w, w, 3, 0},         {w, out, 1, 0}};
}

int64_t transformer_weights(const ModelShape& shape) {
  const ModelConfig& c = shape.config;
  const int64_t d = c.embed_dim, f = shape.hidden_dim(), targets = std::ssize(shape.targets);
  const int64_t block = 4 * d * d + 2 * d * f + 9 * d + f + (c.qk_norm ? 2 * d / c.num_heads : 0) +
                        (c.local == Local::depthwise ? (grid::kTaps + 1) * d : 0);
  const int64_t ends = shape.inputs() * shape.read_points() * d + d + shape.conditions * d +
                       (shape.conditions > 0 ? d : 0) +
                       (c.positions == Positions::learned ? shape.token_grid().patches() * d : 0) + 2 * d +
                       targets * shape.written_points() * (d + 1);
  return c.depth * block + ends;
}

}  // namespace

int64_t unet_weights(const ModelShape& shape, int64_t width) {
  int64_t sum = 0;
  for (const Layer& layer : layers_of(shape, width))
    sum += layer.out * (layer.in * layer.side * layer.side + 1);
  return sum;
}

int64_t unet_width(const ModelShape& shape) {
  const int64_t most = transformer_weights(shape);
  int64_t width = 2;
  while (unet_weights(shape, width + 1) <= most)
    ++width;
  return width;
}

double unet_operations(const ModelShape& shape) {
  double sum = 0.0;
  for (const Layer& layer : layers_of(shape, unet_width(shape))) {
    const double points =
        static_cast<double>(shape.rows * shape.columns) / std::pow(4.0, static_cast<double>(layer.halvings));
    sum += 2.0 * points * static_cast<double>(layer.in * layer.out * layer.side * layer.side);
  }
  return sum;
}

UNet::UNet(const ModelShape& shape, const parallel::Sharding& sharding)
    : periodic_(shape.periodic), params_("unet", sharding) {
  for (const Layer& layer : layers_of(shape, unet_width(shape))) {
    const std::string name = "layers." + std::to_string(convolutions_.size());
    const int64_t read = layer.in * layer.side * layer.side;
    const double std = layer.side == 1 ? 0.02 : std::sqrt(2.0 / static_cast<double>(read));
    convolutions_.push_back(
        {params_.add(name + ".weight", {layer.out, layer.in, layer.side, layer.side},
                     parallel::ParamKind::matrix,
                     parallel::init_truncated_normal(std, shape.seed, "unet." + name)),
         params_.add(name + ".bias", {layer.out}, parallel::ParamKind::vector, parallel::init_zero())});
  }
  params_.seal();
}

Tensor UNet::convolved(const Tensor& x_BCYX, size_t index) const {
  const Convolution& c = convolutions_[index];
  const Tensor& weight = **c.weight;
  Tensor x = x_BCYX;
  if (weight.size(2) > 1) {
    x = at::pad(x, {1, 1, 0, 0}, periodic_ ? "circular" : "replicate");
    x = at::pad(x, {0, 0, 1, 1}, "replicate");
  }
  return at::conv2d(x, weight, (**c.bias).to(weight.scalar_type()));
}

Tensor UNet::twice(const Tensor& x_BCYX, size_t first) const {
  return at::gelu(convolved(at::gelu(convolved(x_BCYX, first)), first + 1));
}

Tensor UNet::forward(const Tensor& fields_BVYX, const Tensor& condition_BC) {
  const auto weights = params_.gather();
  const auto compute = params_.sharding().compute;
  const auto halved = [](const Tensor& x) {
    return at::avg_pool2d(x, {2, 2}, {2, 2}, {0, 0}, /*ceil_mode=*/true, /*count_include_pad=*/false);
  };
  const auto joined = [](const Tensor& coarse, const Tensor& fine) {
    return at::cat({at::upsample_nearest2d(coarse, {fine.size(2), fine.size(3)}), fine}, 1);
  };
  const Tensor told =
      condition_BC.unsqueeze(-1).unsqueeze(-1).expand({-1, -1, fields_BVYX.size(2), fields_BVYX.size(3)});
  const Tensor whole = twice(at::cat({fields_BVYX, told}, 1).to(compute), 0);
  const Tensor half = twice(halved(whole), 2);
  const Tensor quarter = twice(halved(half), 4);
  const Tensor up = twice(joined(twice(joined(quarter, half), 6), whole), 8);
  return convolved(up, 10).to(fields_BVYX.scalar_type());
}

}  // namespace seqvit::model
