#include "train/kernel_choice.h"

#include <algorithm>
#include <limits>

#include <ATen/ops/tensor.h>

#include "core/error.h"
#include "core/log.h"

namespace seqvit::train {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

/// Numbers that only some ranks have make it infinite.
std::vector<double> sum_over_ranks(std::vector<double> mine, comm::Comm& world) {
  const Tensor sum = world.all_reduce(at::tensor(mine, at::kDouble), "attention kernel").wait();
  std::copy_n(sum.const_data_ptr<double>(), mine.size(), mine.begin());
  return mine;
}

/// Seconds of all ranks; infinite where one refuses.
std::vector<double> seconds_of_ranks(const std::vector<ops::KernelTrial>& trials, comm::Comm& world) {
  std::vector<double> seconds;
  for (const ops::KernelTrial& trial : trials)
    seconds.push_back(trial.refused.empty() ? trial.seconds : kInfinite);
  return sum_over_ranks(std::move(seconds), world);
}

void log_choice(const std::vector<ops::KernelTrial>& trials, size_t best) {
  std::string all;
  for (const ops::KernelTrial& t : trials) {
    if (t.refused.empty())
      all += fmt::format("{}{} {:.2f} ms", all.empty() ? "" : ", ", t.name, 1e3 * t.seconds);
  }
  log_info("attention by {}, the fastest of: {}", trials[best].name, all);
}

}  // namespace

std::vector<ops::KernelTrial> agree_on_cpu_kernel(const ops::CpuKernelWish& wish,
                                                  const ops::AttentionSizes& shape, at::ScalarType type,
                                                  comm::Comm& world) {
  if (type != at::kFloat && type != at::kBFloat16) return {};
  std::vector<double> cost;  // by the rule: the place in its order
  for (size_t i = 0; i < wish.allowed.size(); ++i)
    cost.push_back(wish.allowed[i] ? static_cast<double>(i) : kInfinite);
  cost = sum_over_ranks(cost, world);
  const bool measure = sum_over_ranks({wish.measure ? 1.0 : 0.0}, world)[0] > 0.0;
  std::vector<ops::KernelTrial> trials;
  if (measure && shape.head_dim <= ops::flash::kMaxHeadDim) {
    trials = ops::time_cpu_kernels(wish, shape, type);
    cost = seconds_of_ranks(trials, world);
  }
  const auto best = static_cast<size_t>(std::min_element(cost.begin(), cost.end()) - cost.begin());
  if (cost[best] == kInfinite) {
    fail(Exit::usage,
         "SEQVIT_ATTENTION: the ranks share none of the attention kernels that they may use; give all ranks "
         "the same value, one that all their processors have, or libtorch");
  }
  ops::use_cpu_kernel(type, ops::kCpuKernels[best]);
  if (!trials.empty() && world.rank() == 0) log_choice(trials, best);
  return trials;
}

std::vector<ops::KernelTrial> agree_on_gpu_kernel(const ops::AttentionSizes& shape,
                                                  const at::TensorOptions& options, comm::Comm& world) {
  const auto kernels = ops::attention_kernels(options.device(), c10::typeMetaToScalarType(options.dtype()));
  auto trials = ops::try_attention_kernels(kernels, shape, options);
  const std::vector<double> seconds = seconds_of_ranks(trials, world);
  for (size_t i = 0; i < trials.size(); ++i) {
    trials[i].seconds = seconds[i];
    if (seconds[i] == kInfinite && trials[i].refused.empty()) trials[i].refused = "refused on another rank";
  }
  ops::use_attention_kernel(kernels[ops::choose_attention_kernel(trials)]);
  return trials;
}

}  // namespace seqvit::train
