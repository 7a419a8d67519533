#include "train/model_forecaster.h"

#include <algorithm>
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "train/device_batches.h"

namespace seqvit::train {
namespace {

struct MomentTensors {
  Tensor mean, std;  // [n, 1, 1]
};

MomentTensors tensors_of(const std::vector<data::Moments>& moments) {
  std::vector<double> means, stds;
  for (const data::Moments& m : moments) {
    means.push_back(m.mean);
    stds.push_back(m.std);
  }
  return {at::tensor(means, at::kDouble).view({-1, 1, 1}), at::tensor(stds, at::kDouble).view({-1, 1, 1})};
}

}  // namespace

ModelForecaster::ModelForecaster(const Experiment& experiment, MeshModel& model)
    : experiment_(experiment), model_(model) {
  const data::Dataset& dataset = *experiment.dataset;
  const Range slab = rows();
  const int64_t columns = dataset.grid().columns(), points = slab.size() * columns;
  const auto statics = static_cast<int64_t>(dataset.statics().size());
  std::vector<float> values(statics * points);
  for (int64_t s = 0; s < statics; ++s) {
    dataset.read_static(s, slab, std::span(values).subspan(s * points, points));
  }
  const auto [mean, std] = tensors_of(experiment.statistics.statics);
  statics_ = at::nan_to_num(
      (at::from_blob(values.data(), {1, statics, slab.size(), columns}, at::kFloat).to(at::kDouble) - mean) /
      std);

  Tensor owned =
      at::zeros({static_cast<int64_t>(dataset.variables().size()), slab.size(), columns}, at::kFloat);
  const Tensor of_targets = model.owned().cpu();
  for (size_t t = 0; t < experiment.targets.size(); ++t)
    owned[experiment.targets[t]].copy_(of_targets[t]);
  owned_.assign(owned.const_data_ptr<float>(), owned.const_data_ptr<float>() + owned.numel());
}

std::vector<float> ModelForecaster::step(std::span<const float> states,
                                         std::span<const data::TimeStamp> times, int64_t stride) {
  const at::NoGradGuard no_grad;
  const data::Dataset& dataset = *experiment_.dataset;
  const data::Statistics& statistics = experiment_.statistics;
  const auto variables = static_cast<int64_t>(dataset.variables().size()),
             batch = static_cast<int64_t>(times.size());
  // Physical fields in double: the tendency of a temperature in K would lose digits in fp32 sums over a long
  // rollout.
  const Tensor state =
      to_device(states, {batch, variables, rows().size(), dataset.grid().columns()}, at::kDouble);
  const auto [mean, std] = tensors_of(statistics.variables);
  const Tensor fields = at::nan_to_num((state - mean) / std);
  const Tensor input = at::cat({fields, statics_.expand({batch, -1, -1, -1})}, 1).to(model_.options());
  const auto& strides = experiment_.strides;
  const int64_t lead = std::find(strides.begin(), strides.end(), stride) - strides.begin();
  check(lead < std::ssize(strides), "a forecast over a lead time that the model does not know");
  std::vector<Request> requests;
  for (const data::TimeStamp time : times)
    requests.push_back({time, lead});
  const Tensor prediction =
      model_.predict(input, conditions(experiment_, requests).to(model_.options())).to(at::kCPU, at::kDouble);

  Tensor next = at::full_like(state, std::numeric_limits<double>::quiet_NaN());
  const bool tendency = experiment_.config.model.predict == Predict::tendency;
  for (size_t t = 0; t < experiment_.targets.size(); ++t) {
    const int64_t v = experiment_.targets[t];
    const data::Moments& m = tendency ? statistics.tendencies[lead][v] : statistics.variables[v];
    const Tensor now = state.select(1, v),
                 change = prediction.select(1, static_cast<int64_t>(t)) * m.std + m.mean;
    next.select(1, v).copy_(tendency ? now + change : at::where(now.isnan(), now, change));
  }
  const Tensor out = next.to(at::kFloat).contiguous();
  return {out.const_data_ptr<float>(), out.const_data_ptr<float>() + out.numel()};
}

int64_t ModelForecaster::patch_columns() const {
  const ModelConfig& model = experiment_.config.model;
  return model.network == Network::vit ? model.patch_size : 0;
}

void ModelForecaster::sum_over_ranks(std::span<double> values) {
  const Tensor local = at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::kDouble);
  const Tensor sum = model_.mesh().tokens().all_reduce(local.clone(), "scores").wait();
  std::copy_n(sum.const_data_ptr<double>(), values.size(), values.begin());
}

}  // namespace seqvit::train
