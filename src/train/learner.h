/// Everything of a training step but where the data come from and where results go: model, loss and optimizer
/// on a mesh.
///
/// The trainer feeds it samples, `verify` synthetic fields; so what is proven is what trains.
#pragma once

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "grid/grid.h"
#include "train/loss.h"
#include "train/members.h"
#include "train/mesh_model.h"
#include "train/optimizer.h"
#include "train/rollout.h"
#include "train/spike_guard.h"

namespace seqvit::train {

/// What a step took from libtorch's allocator, in bytes: held before it; more at the end of forward
/// (what is kept for backward); more at its peak.
struct StepMemory {
  int64_t before = 0, kept = 0, peak = 0;
};

struct StepResult {
  double loss = 0.0;    ///< over all ranks; 0 where no target is valid
  double weight = 0.0;  ///< of all valid target points
  bool stop = false;    ///< some rank was asked to stop
  StepMemory memory;    ///< `kept` for all micro-batches that were in flight together
};

class Learner {
 public:
  /// Collective. `strategy`, if given, replaces the one that the configuration names.
  Learner(const model::ModelShape& shape, const Config& config, const grid::Grid& grid, comm::Mesh& mesh,
          std::unique_ptr<parallel::SequenceParallel> strategy = nullptr);

  /// My samples of a step's batch: a share of train.batch_size.
  Range my_samples() const { return my_samples_; }

  /// Forward and backward over my samples, in micro-batches; the gradients of my shares are complete
  /// afterwards. `step` counts from 0. `stop`: this rank was asked to stop, which all ranks then know. Where
  /// no rank has a valid target, nothing is computed, on any mesh: there are no gradients, and update()
  /// leaves weights and moments as they are.
  StepResult backward(const LearnerBatch& batch, int64_t step, bool stop = false);
  /// Clips, updates my shares, makes the new weights readable; a step that the guard does not admit changes
  /// nothing, and is said. Returns the gradient norm before clipping. Throws Error(not_finite), with weights
  /// untouched, if loss or gradient is not finite, or under the guard where step after step is not admitted.
  double update(int64_t step, const StepResult& result);

  /// The part of backward()'s loss that my samples on my slab have, without gradient, and its weight before
  /// it is divided; 0 where the model does not end. `first_sample`: what noise is drawn by, as that of step
  /// 0, where the model has some. Collective.
  std::pair<double, double> loss_and_weight(const LearnerBatch& batch, int64_t first_sample);
  /// My samples as the model sees them: with their members, and noise for step `step`; `first_sample` is the
  /// position of the first.
  LearnerBatch members_of(const LearnerBatch& samples, int64_t step, int64_t first_sample) const;
  /// Makes backward() as if it had not been: for one whose gradients are not wanted. Collective.
  void forget_gradients();
  /// Weights and their moving averages change places, where there are averages: once to use them, once more
  /// to go on. Collective.
  void exchange_averages();

  /// Sums over all ranks; what is known on several of them (the loss, where the model ends) one must
  /// contribute, the others 0. Collective.
  std::vector<double> sum_over_ranks(std::vector<double> values, const char* purpose);

  int64_t members() const { return config_.members; }
  MeshModel& model() { return model_; }
  const MeshModel& model() const { return model_; }
  const WeightedLoss& loss() const { return loss_; }
  AdamW& optimizer() { return optimizer_; }
  SpikeGuard& guard() { return guard_; }
  const std::vector<parallel::ParamGroup*>& groups() const { return groups_; }

 private:
  TrainConfig config_;
  bool recompute_rollout_;
  int64_t noise_dim_;
  comm::Mesh& mesh_;
  MeshModel model_;
  RolloutRule rule_;
  std::vector<parallel::ParamGroup*> groups_;
  WeightedLoss loss_;
  AdamW optimizer_;
  SpikeGuard guard_;
  Range my_samples_;
  /// A micro-batch on its way through one chunk of my stage: what came in (undefined where the model begins)
  /// and what went out (the loss where it ends).
  struct InFlight {
    Tensor in, out;
  };
  std::map<std::pair<int64_t, int64_t>, InFlight> in_flight_;  // by chunk and micro-batch

  /// What a micro-batch's forward needs.
  struct Part {
    LearnerBatch fields;
    model::DropPathKeys drop;
    double total_weight;
  };
  using Model = std::function<Tensor(const Tensor& fields_BVYX, const Tensor& condition_BC)>;
  Tensor run_forward(const parallel::Action& action, const Part& part);
  Tensor rolled_loss(const LearnerBatch& batch, double total_weight, const Model& model) const;
  void run_backward(const parallel::Action& action);
  bool skips(int64_t step, const StepResult& result, double norm);
};

}  // namespace seqvit::train
