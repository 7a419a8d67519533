/// A model laid out over a mesh: my slab of the grid, the strategy behind the seam, the weights' sharing.
#pragma once

#include <memory>

#include "comm/mesh.h"
#include "core/config.h"
#include "model/vit.h"
#include "ops/attention_choice.h"
#include "parallel/pipeline.h"

namespace seqvit::train {

class MeshModel {
 public:
  /// Collective. `mesh` must outlive the model. `strategy`, if given, replaces the one that the configuration
  /// names.
  MeshModel(const model::ModelShape& shape, const Config& config, comm::Mesh& mesh,
            std::unique_ptr<parallel::SequenceParallel> strategy = nullptr);

  /// A forecast without gradient: normalised inputs on my slab, conditions -> targets (as Vit::forward),
  /// through all pipeline stages and the same on each. Collective.
  Tensor predict(const Tensor& fields_BVYX, const Tensor& condition_BC);

  model::Vit& vit() { return *vit_; }
  parallel::PipelineWires& wires() { return wires_; }
  const grid::Slab& slab() const { return slab_; }
  const grid::TokenGrid& token_grid() const { return grid_; }
  comm::Mesh& mesh() { return mesh_; }
  /// 1 where my tokens predict the point: [T, Y, X]. The same on all pipeline stages.
  const Tensor& owned() const { return owned_; }
  int64_t chunks() const { return chunks_; }
  /// Whether targets and loss are known here.
  bool ends_model() const { return vit_->ends_model(chunks_ - 1); }
  /// Weights of the whole model.
  int64_t parameters() const { return parameters_; }
  /// Name of the kernel that computes attention here.
  std::string attention_kernel() const;
  /// How it was chosen, where it was by trial (on GPUs; on the CPU where SEQVIT_ATTENTION=measure).
  const std::vector<ops::KernelTrial>& attention_trials() const { return attention_trials_; }
  /// Type and device of weights, inputs and the loss.
  const at::TensorOptions& options() const { return options_; }

 private:
  comm::Mesh& mesh_;
  grid::TokenGrid grid_;
  grid::Slab slab_;
  int64_t head_dim_, chunks_, parameters_ = 0;
  at::ScalarType compute_;
  at::TensorOptions options_;
  parallel::Peers peers_;
  std::unique_ptr<model::Vit> vit_;
  parallel::PipelineWires wires_;
  Tensor owned_;
  std::vector<ops::KernelTrial> attention_trials_;
};

}  // namespace seqvit::train
