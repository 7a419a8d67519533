#include "train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace seqvit::train {

double learning_rate(const TrainConfig& config, int64_t step) {
  step = std::min(step, config.schedule() - 1);
  if (step < config.warmup_steps) {
    return config.learning_rate * static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps);
  }
  const auto decaying = static_cast<double>(std::max<int64_t>(config.schedule() - config.warmup_steps, 1));
  const double progress = static_cast<double>(step - config.warmup_steps) / decaying;
  return config.learning_rate * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
}

double average_decay(const TrainConfig& config, int64_t step) {
  const auto t = static_cast<double>(step);
  return std::min(config.ema, (1.0 + t) / (10.0 + t));
}

AdamW::AdamW(std::vector<parallel::ParamGroup*> groups, const TrainConfig& config, comm::Comm& world)
    : groups_(std::move(groups)), config_(config), world_(world) {
  for (parallel::ParamGroup* group : groups_) {
    for (const parallel::Section& section : group->sections()) {
      const Tensor zero = at::zeros_like(section.weight.detach());
      moments_.push_back({zero, zero.clone(), {}});
    }
  }
}

double AdamW::clip(double max_norm) {
  const at::NoGradGuard no_grad;
  Tensor mine_here;  // where the gradients are: read once
  for (parallel::ParamGroup* group : groups_) {
    const comm::Comm& sharers = *group->sharding().data;
    for (const parallel::Section& section : group->sections()) {
      if (!section.gradient.defined()) continue;
      // At stage 0 every rank holds the whole gradient: each still counts only its share.
      const Range mine = share(section.size, sharers.rank(), sharers.size());
      const Tensor of_section =
          section.gradient.narrow(0, mine.begin - section.mine.begin, mine.size()).square().sum(at::kDouble);
      mine_here = mine_here.defined() ? mine_here + of_section : of_section;
    }
  }
  Tensor sum = at::zeros({1}, at::kDouble);
  if (mine_here.defined()) sum += world_.to_host(mine_here);
  sum = world_.all_reduce(sum, "gradient norm").wait();
  const double norm = std::sqrt(sum.item<double>());
  if (max_norm > 0.0 && norm > max_norm) {
    for (parallel::ParamGroup* group : groups_) {
      for (parallel::Section& section : group->sections()) {
        if (section.gradient.defined()) section.gradient.mul_(max_norm / norm);
      }
    }
  }
  return norm;
}

void AdamW::step(int64_t step, double rate) {
  const at::NoGradGuard no_grad;
  for (size_t g = 0; g < groups_.size(); ++g) {
    auto sections = groups_[g]->sections();
    for (size_t s = 0; s < sections.size(); ++s) {
      parallel::Section& section = sections[s];
      Moments& state = moments(g, s);
      if (keeps_averages() && !state.average.defined()) state.average = section.weight.detach().clone();
      if (!section.gradient.defined() || section.mine.size() == 0) continue;
      const double decay = section.kind == parallel::ParamKind::matrix ? config_.weight_decay : 0.0;
      Tensor weight = section.weight.detach();
      // libtorch adds one to nothing here: the count is that of this step, which bias correction needs.
      Tensor count = at::scalar_tensor(static_cast<double>(step), weight.options().dtype(at::kFloat));
      at::_fused_adamw_(at::TensorList(weight), at::TensorList(section.gradient), at::TensorList(state.first),
                        at::TensorList(state.second), {}, at::TensorList(count), rate, config_.betas[0],
                        config_.betas[1], decay, 1e-8, /*amsgrad=*/false, /*maximize=*/false);
      if (keeps_averages()) state.average.lerp_(weight, 1.0 - average_decay(config_, step));
    }
  }
}

void AdamW::exchange_averages() {
  for (size_t g = 0; g < groups_.size(); ++g) {
    auto sections = groups_[g]->sections();
    for (size_t s = 0; s < sections.size(); ++s) {
      const Tensor weight = sections[s].weight.detach();
      sections[s].weight = std::exchange(moments(g, s).average, weight).requires_grad_(true);
    }
  }
}

}  // namespace seqvit::train
