#include "train/learner.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include "core/error.h"
#include "core/log.h"
#include "core/profile.h"
#include "core/tensor.h"
#include "ops/memory.h"
#include "ops/recompute.h"

namespace seqvit::train {

Learner::Learner(const model::ModelShape& shape, const Config& config, const grid::Grid& grid,
                 comm::Mesh& mesh, std::unique_ptr<parallel::SequenceParallel> strategy)
    : config_(config.train),
      recompute_rollout_(config.memory.recompute_rollout),
      noise_dim_(config.model.noise_dim),
      mesh_(mesh),
      model_(shape, config, mesh, std::move(strategy)),
      rule_(shape, model_.options()),
      groups_(model_.vit().groups()),
      loss_(grid, model_.slab().rows, model_.owned(), shape.target_weights,
            master_type(config.train.precision), config.train.members),
      optimizer_(groups_, config_, mesh.world()),
      guard_(config_.skip_spikes),
      my_samples_(share(config_.batch_size, mesh.dp().rank(), mesh.dp().size())) {}

std::vector<double> Learner::sum_over_ranks(std::vector<double> values, const char* purpose) {
  const Tensor local = at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::kDouble);
  const Tensor sum = mesh_.world().all_reduce(local.clone(), purpose).wait();
  return {sum.const_data_ptr<double>(), sum.const_data_ptr<double>() + values.size()};
}

StepResult Learner::backward(const LearnerBatch& batch, int64_t step, bool stop) {
  const double weight =
      model_.ends_model() ? batch.weight ? *batch.weight : loss_.weight_of(batch.target) : 0.0;
  const auto totals = sum_over_ranks({weight, stop ? 1.0 : 0.0}, "loss weight");
  StepResult result{.weight = totals[0], .stop = totals[1] > 0.0, .memory = {.before = ops::tensor_bytes()}};
  // A phantom that does not end the model has no weight of its own, and the step of one that has.
  if (result.weight == 0.0 && !mesh_.world().is_phantom()) return result;
  std::vector<int64_t> positions;  // of all forecasts of my samples
  for (int64_t i = my_samples_.begin; i < my_samples_.end; ++i)
    positions.insert(positions.end(), config_.members, i);
  Tensor loss_sum;  // where the model computes, so that the host waits for it once
  ops::reset_peak_tensor_bytes();
  for (const parallel::Action& action : parallel::pipeline_schedule(mesh_.pp().rank(), mesh_.pp().size(),
                                                                    model_.chunks(), config_.micro_batches)) {
    if (action.kind == parallel::Action::Kind::backward) {
      run_backward(action);
      continue;
    }
    const Range mine = share(my_samples_.size(), action.micro, config_.micro_batches);
    const LearnerBatch samples =
        batch.mapped([&](const Tensor& t) { return t.narrow(0, mine.begin, mine.size()); });
    const Tensor loss = run_forward(
        action,
        {members_of(samples, step, my_samples_.begin + mine.begin),
         {step, std::span(positions).subspan(mine.begin * config_.members, mine.size() * config_.members)},
         result.weight});
    if (loss.defined()) loss_sum = loss_sum.defined() ? loss_sum + loss : loss;
    result.memory.kept = std::max(result.memory.kept, ops::tensor_bytes() - result.memory.before);
  }
  model_.wires().finish();
  for (parallel::ParamGroup* group : groups_)
    group->finish_gradients();
  result.memory.peak = ops::peak_tensor_bytes() - result.memory.before;
  const double mine = loss_sum.defined() ? mesh_.world().to_host(loss_sum).item<double>() : 0.0;
  result.loss = sum_over_ranks({mine}, "loss")[0];
  return result;
}

LearnerBatch Learner::members_of(const LearnerBatch& samples, int64_t step, int64_t first_sample) const {
  return with_members(samples, config_.members, noise_dim_, {config_.seed, step, first_sample});
}

/// Returns this micro-batch's part of the loss where the model ends, in fp64 without gradient; else
/// undefined.
Tensor Learner::run_forward(const parallel::Action& action, const Part& part) {
  model::Vit& vit = model_.vit();
  InFlight& here = in_flight_[{action.chunk, action.micro}];
  if (!vit.begins_model(action.chunk)) {
    const auto shape = vit.token_shape(part.fields.input.size(0));
    here.in = model_.wires().receive_activation(shape, model_.options()).requires_grad_();
  }
  // By value: a step that runs again does so in backward.
  const auto chunk = [&vit, chunk = action.chunk, in = here.in, drop = part.drop](const Tensor& fields,
                                                                                  const Tensor& condition) {
    return vit.forward(chunk, in.defined() ? in : fields, condition, drop);
  };
  if (!vit.ends_model(action.chunk)) {
    const Rollout start(part.fields, rule_);
    here.out = chunk(start.fields(), start.condition());
    model_.wires().send_activation(here.out.detach());
    return {};
  }
  here.out = rolled_loss(part.fields, part.total_weight, chunk);
  return here.out.detach().to(at::kDouble);
}

Tensor Learner::rolled_loss(const LearnerBatch& batch, double total_weight, const Model& model) const {
  Tensor loss;
  for (Rollout rollout(batch, rule_); !rollout.done();) {
    const auto step = [model, condition = rollout.condition()](const Tensor& fields) {
      return model(fields, condition);
    };
    // Backward begins at the last step, so what that keeps is used at once.
    const bool again = recompute_rollout_ && !rollout.at_last();
    const Tensor output = again ? ops::run_again(step, rollout.fields()) : step(rollout.fields());
    const Tensor forecast = rollout.advance(output);
    const Tensor of_step = loss_(forecast, rollout.target(), total_weight);
    loss = loss.defined() ? loss + of_step : of_step;
  }
  return loss;
}

std::pair<double, double> Learner::loss_and_weight(const LearnerBatch& samples, int64_t first_sample) {
  const at::NoGradGuard no_grad;
  const LearnerBatch batch = members_of(samples, 0, first_sample);
  // All stages have the prediction, so that it can be fed back; the last one counts it.
  const Tensor loss = rolled_loss(batch, 1.0, [this](const Tensor& fields, const Tensor& condition) {
    return model_.predict(fields, condition);
  });
  if (!model_.ends_model()) return {0.0, 0.0};
  return {loss.item<double>(), loss_.weight_of(batch.target)};
}

void Learner::forget_gradients() {
  for (parallel::ParamGroup* group : groups_)
    group->publish_weights();
}

/// Gradients add up over micro-batches and ranks.
void Learner::run_backward(const parallel::Action& action) {
  InFlight here = std::move(in_flight_.extract({action.chunk, action.micro}).mapped());
  if (model_.vit().ends_model(action.chunk)) {
    here.out.backward();
  } else {
    here.out.backward(model_.wires().receive_gradient(here.out.sizes().vec(), model_.options()));
  }
  if (here.in.defined()) model_.wires().send_gradient(here.in.grad());
}

void Learner::exchange_averages() {
  if (!optimizer_.has_averages()) return;
  optimizer_.exchange_averages();
  for (parallel::ParamGroup* group : groups_)
    group->publish_weights();
}

/// Whether the guard wants the step to change nothing.
bool Learner::skips(int64_t step, const StepResult& result, double norm) {
  if (!guard_.is_on() || result.weight == 0.0) return false;
  const SpikeGuard::State before = guard_.state();
  if (guard_.admits(result.loss, norm)) return false;
  if (guard_.has_failed()) {
    fail(Exit::not_finite,
         "step {}: loss {}, gradient norm {}: {} steps in a row are not finite or train.skip_spikes times "
         "their running means ({:.3g}, {:.3g}); lower train.learning_rate or look at the data with `seqvit "
         "inspect`",
         step + 1, result.loss, norm, SpikeGuard::kMostInARow, before.loss, before.norm);
  }
  log_warn(
      "step {}: loss {:.4g} (running mean {:.4g}), gradient norm {:.4g} (running mean {:.4g}): skipped, "
      "nothing changes; {} so far",
      step + 1, result.loss, before.loss, norm, before.norm, guard_.state().skipped);
  return true;
}

double Learner::update(int64_t step, const StepResult& result) {
  const double norm = optimizer_.clip(config_.max_grad_norm);
  if (skips(step, result, norm)) {
    forget_gradients();
    return norm;
  }
  if (!std::isfinite(result.loss) || !std::isfinite(norm)) {
    fail(Exit::not_finite,
         "step {}: loss {}, gradient norm {}: not finite; lower train.learning_rate or look at the data with "
         "`seqvit inspect`",
         step + 1, result.loss, norm);
  }
  {
    const TimedPart time("optimizer");  // without the collectives around it, which are a part of their own
    optimizer_.step(step + 1, learning_rate(config_, step));
  }
  for (parallel::ParamGroup* group : groups_)
    group->publish_weights();
  return norm;
}

}  // namespace seqvit::train
