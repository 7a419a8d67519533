#include "train/mesh_model.h"

#include <ATen/ops/empty.h>

#include "core/tensor.h"
#include "ops/attention.h"
#include "parallel/strategy.h"

namespace seqvit {

namespace {

Counts token_counts(const TokenGrid& grid, int ranks) {
  Counts counts;
  for (int rank = 0; rank < ranks; ++rank)
    counts.push_back(make_slab(grid, rank, ranks).tokens.size());
  return counts;
}

}  // namespace

MeshModel::MeshModel(const ModelShape& shape, const Config& config, Mesh& mesh,
                     std::unique_ptr<SequenceParallel> strategy)
    : mesh_(mesh),
      grid_(shape.token_grid()),
      slab_(make_slab(grid_, mesh.sp().rank(), mesh.sp().size())),
      head_dim_(shape.config.embed_dim / shape.config.num_heads),
      compute_(compute_type(config.train.precision)),
      master_(master_type(config.train.precision)),
      sequence_(strategy != nullptr
                    ? std::move(strategy)
                    : make_strategy(config.parallel, mesh, token_counts(grid_, mesh.sp().size()))) {
  const Sharding sharding{.data = &mesh.data(),
                          .stage = static_cast<int>(config.parallel.zero),
                          .compute = compute_,
                          .master = master_};
  vit_ = std::make_unique<Vit>(shape, slab_, *sequence_, sharding, config.memory);
}

const char* MeshModel::attention_kernel() const {
  return attention_kernel_name(at::empty({1, 1, 1, head_dim_}, compute_));
}

}  // namespace seqvit
