/// A model laid out over a mesh: my slab of the grid, the strategy behind the seam, the weights' sharing.
#pragma once

#include <memory>

#include "comm/mesh.h"
#include "core/config.h"
#include "model/vit.h"

namespace seqvit {

class MeshModel {
 public:
  /// Collective. `mesh` must outlive the model. `strategy`, if given, replaces the one that the configuration
  /// names.
  MeshModel(const ModelShape& shape, const Config& config, Mesh& mesh,
            std::unique_ptr<SequenceParallel> strategy = nullptr);

  Vit& vit() { return *vit_; }
  const Slab& slab() const { return slab_; }
  const TokenGrid& token_grid() const { return grid_; }
  Mesh& mesh() { return mesh_; }
  /// Name of the kernel that computes attention here.
  const char* attention_kernel() const;
  /// Of weights, inputs and the loss.
  at::ScalarType master() const { return master_; }

 private:
  Mesh& mesh_;
  TokenGrid grid_;
  Slab slab_;
  int64_t head_dim_;
  at::ScalarType compute_, master_;
  std::unique_ptr<SequenceParallel> sequence_;
  std::unique_ptr<Vit> vit_;
};

}  // namespace seqvit
