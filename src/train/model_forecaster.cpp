#include "train/model_forecaster.h"

#include <algorithm>
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/clone.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "ops/to_device.h"
#include "train/members.h"

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

using OneValue = double (data::Transform::*)(double) const;

/// `field` with `one` of `transform` done to each of its values.
Tensor with_each(const Tensor& field, const data::Transform& transform, OneValue one) {
  const Tensor out = field.clone(at::MemoryFormat::Contiguous);
  double* values = out.mutable_data_ptr<double>();
  for (int64_t i = 0; i < out.numel(); ++i)
    values[i] = (transform.*one)(values[i]);
  return out;
}

/// [B, Z]
Tensor noise_of(std::span<const uint64_t> keys, int64_t dim) {
  std::vector<double> all;
  for (const uint64_t key : keys) {
    const std::vector<double> noise = draw_noise(key, dim);
    all.insert(all.end(), noise.begin(), noise.end());
  }
  return at::tensor(all, at::kDouble).view({std::ssize(keys), dim});
}

}  // namespace

ModelForecaster::ModelForecaster(const Experiment& experiment, MeshModel& model)
    : experiment_(experiment), model_(model), state_(experiment.dataset->of_role(data::Role::state)) {
  const data::Dataset& dataset = *experiment.dataset;
  const Range slab = rows();
  const int64_t columns = dataset.grid().columns(), points = slab.size() * columns;
  const auto statics = static_cast<int64_t>(dataset.statics().size());
  std::vector<float> values(statics * points);
  for (int64_t s = 0; s < statics; ++s) {
    const auto field = std::span(values).subspan(s * points, points);
    dataset.read_static(s, slab, field);
    dataset.statics()[s].transform.apply(field);
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
                                         std::span<const data::TimeStamp> times, int64_t stride,
                                         std::span<const uint64_t> noise) {
  const at::NoGradGuard no_grad;
  const data::Dataset& dataset = *experiment_.dataset;
  const data::Statistics& statistics = experiment_.statistics;
  const auto variables = static_cast<int64_t>(dataset.variables().size()),
             batch = static_cast<int64_t>(times.size());
  // Physical fields in double: the tendency of a temperature in K would lose digits in fp32 sums over a long
  // rollout.
  const Tensor states_BHVYX = ops::to_device(
      states, {batch, history(), variables, rows().size(), dataset.grid().columns()}, at::kDouble);
  for (int64_t v = 0; v < variables; ++v) {
    const data::Transform& transform = dataset.variables()[v].transform;
    const Tensor field = states_BHVYX.select(2, v);
    if (!transform.identity()) field.copy_(with_each(field, transform, OneValue(&data::Transform::apply)));
  }
  const Tensor state = states_BHVYX.select(1, 0);
  const auto [mean, std] = tensors_of(statistics.variables);
  Tensor fields = at::nan_to_num((state - mean) / std);
  for (const int64_t unseen : dataset.of_role(data::Role::diagnostic))
    fields.select(1, unseen).zero_();
  std::vector<Tensor> inputs = {fields};
  for (int64_t before = 1; before < history(); ++before)
    inputs.push_back(at::nan_to_num((states_BHVYX.select(1, before) - mean) / std)
                         .index_select(1, at::tensor(state_, at::kLong)));
  inputs.push_back(statics_.expand({batch, -1, -1, -1}));
  const Tensor input = at::cat(inputs, 1).to(model_.options());
  const auto& strides = experiment_.strides;
  const int64_t lead = std::find(strides.begin(), strides.end(), stride) - strides.begin();
  check(lead < std::ssize(strides), "a forecast over a lead time that the model does not know");
  std::vector<Request> requests;
  for (const data::TimeStamp time : times)
    requests.push_back({time, lead});
  Tensor told = conditions(experiment_, requests);
  if (const int64_t dim = experiment_.config.model.noise_dim; dim > 0)
    told = at::cat({told, noise_of(noise, dim)}, 1);
  const Tensor prediction = model_.predict(input, told.to(model_.options())).to(at::kCPU, at::kDouble);

  Tensor next = at::full_like(state, std::numeric_limits<double>::quiet_NaN());
  const bool tendency = experiment_.config.model.predict == Predict::tendency;
  for (size_t t = 0; t < experiment_.targets.size(); ++t) {
    const int64_t v = experiment_.targets[t];
    const data::VariableInfo& variable = dataset.variables()[v];
    const bool diagnostic = variable.role == data::Role::diagnostic, change = tendency && !diagnostic;
    const data::Moments& m = change ? statistics.tendencies[lead][v] : statistics.variables[v];
    const Tensor now = state.select(1, v),
                 made = prediction.select(1, static_cast<int64_t>(t)) * m.std + m.mean;
    // What was missing stays so; of a diagnostic nothing was there to be missing.
    Tensor field = change ? now + made : diagnostic ? made : at::where(now.isnan(), now, made);
    if (!variable.transform.identity())
      field = with_each(field, variable.transform, &data::Transform::invert);
    if (const Bounds* ends = data::setting_of(experiment_.config.model.bounds, variable))
      field = field.clamp(ends->low, ends->high);
    next.select(1, v).copy_(field);
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
