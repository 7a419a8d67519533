#include "train/mesh_model.h"

#include "core/tensor.h"

namespace seqvit {

MeshModel::MeshModel(const ModelShape& shape, const Config& config, Mesh& mesh)
    : mesh_(mesh),
      grid_(shape.token_grid()),
      slab_(make_slab(grid_, mesh.sp().rank(), mesh.sp().size())),
      master_(master_type(config.train.precision)),
      sequence_(make_local_attention()) {
  const Sharding sharding{.data = &mesh.data(),
                          .stage = static_cast<int>(config.parallel.zero),
                          .compute = compute_type(config.train.precision),
                          .master = master_};
  vit_ = std::make_unique<Vit>(shape, slab_, *sequence_, sharding, config.memory.recompute);
}

}  // namespace seqvit
