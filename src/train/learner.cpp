#include "train/learner.h"

#include <cmath>

#include <ATen/ops/from_blob.h>

#include "core/error.h"
#include "core/profile.h"
#include "ops/memory.h"

namespace seqvit {

Learner::Learner(const ModelShape& shape, const Config& config, const Grid& grid, Mesh& mesh,
                 std::unique_ptr<SequenceParallel> strategy)
    : config_(config.train),
      mesh_(mesh),
      model_(shape, config, mesh, std::move(strategy)),
      groups_(model_.vit().groups()),
      loss_(grid, model_.slab().rows, model_.vit().owned()),
      optimizer_(groups_, config_),
      my_samples_(share(config_.batch_size, mesh.dp().rank(), mesh.dp().size())) {}

std::vector<double> Learner::sum_over_data(std::vector<double> values, const char* purpose) {
  const Tensor local = at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::kDouble);
  const Tensor sum = mesh_.data().all_reduce(local.clone(), purpose).wait();
  return {sum.const_data_ptr<double>(), sum.const_data_ptr<double>() + values.size()};
}

double Learner::backward(const LearnerBatch& batch, int64_t step, double* flag) {
  const auto totals =
      sum_over_data({loss_.weight_of(batch.target), flag == nullptr ? 0.0 : *flag}, "loss weight");
  if (flag != nullptr) *flag = totals[1];
  std::vector<int64_t> positions;
  for (int64_t i = my_samples_.begin; i < my_samples_.end; ++i)
    positions.push_back(i);
  double loss_sum = 0.0;
  memory_ = {.before = tensor_bytes()};
  reset_peak_tensor_bytes();
  for (int64_t micro = 0; micro < config_.micro_batches; ++micro) {
    const Range mine = share(my_samples_.size(), micro, config_.micro_batches);
    const DropPathKeys drop{step, std::span(positions).subspan(mine.begin, mine.size())};
    auto part = [&](const Tensor& t) { return t.narrow(0, mine.begin, mine.size()); };
    const Tensor prediction = model_.vit().forward(part(batch.input), part(batch.condition), drop);
    const Tensor loss = loss_(prediction, part(batch.target), totals[0]);
    memory_.kept = std::max(memory_.kept, tensor_bytes() - memory_.before);
    loss.backward();  // gradients add up over micro-batches and ranks
    loss_sum += loss.item<double>();
  }
  for (ParamGroup* group : groups_)
    group->finish_gradients();
  memory_.peak = peak_tensor_bytes() - memory_.before;
  return sum_over_data({loss_sum}, "loss")[0];
}

double Learner::update(int64_t step, double loss) {
  const double norm = optimizer_.clip(config_.max_grad_norm);
  if (!std::isfinite(loss) || !std::isfinite(norm)) {
    fail(Exit::not_finite,
         "step {}: loss {}, gradient norm {}: not finite; lower train.learning_rate or look at the data with "
         "`seqvit inspect`",
         step + 1, loss, norm);
  }
  {
    const TimedPart time("optimizer");  // without the collectives around it, which are a part of their own
    optimizer_.step(step + 1, learning_rate(config_, step));
  }
  for (ParamGroup* group : groups_)
    group->publish_weights();
  return norm;
}

}  // namespace seqvit
