#include "model/vit.h"

#include <ATen/ops/tensor.h>

#include "core/random.h"
#include "ops/recompute.h"

namespace seqvit {

Vit::Vit(const ModelShape& shape, const Slab& slab, const SequenceParallel& sequence,
         const Sharding& sharding, const MemoryConfig& memory)
    : shape_(shape),
      recompute_(memory.recompute),
      embed_(shape, slab, sharding),
      head_(shape, slab, sharding) {
  for (int64_t i = 0; i < shape.config.depth; ++i) {
    blocks_.push_back(std::make_unique<Block>(i, shape, sequence, sharding, memory.mlp_chunk));
  }
  if (memory.offload == Offload::disk) {
    offload_ = std::make_unique<OffloadFile>(memory.offload_directory.empty()
                                                 ? std::filesystem::temp_directory_path()
                                                 : std::filesystem::path(memory.offload_directory));
  }
}

Tensor Vit::forward(const Tensor& fields_BVYX, const Tensor& condition_BC, const DropPathKeys& drop) {
  Tensor x_BLD = embed_.forward(fields_BVYX, condition_BC);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    ParamGroup* next = i + 1 < blocks_.size() ? &blocks_[i + 1]->params() : &head_.params();
    ParamGroup* previous = i > 0 ? &blocks_[i - 1]->params() : nullptr;
    const Tensor keep_B11 = keep_mask(drop, static_cast<int64_t>(i), x_BLD.scalar_type());
    auto body = [block = blocks_[i].get(), next, previous, keep_B11](const Tensor& x) {
      const auto weights = block->params().gather();
      ParamGroup* soon = recomputing() ? previous : next;
      if (soon != nullptr) soon->prefetch();
      return block->forward(x, keep_B11);
    };
    x_BLD = recompute(recompute_, body, x_BLD, offload_.get());
  }
  return head_.forward(x_BLD);
}

Tensor Vit::keep_mask(const DropPathKeys& drop, int64_t layer, at::ScalarType type) const {
  const auto depth = static_cast<double>(std::max<int64_t>(shape_.config.depth - 1, 1));
  const double rate = shape_.config.drop_path * static_cast<double>(layer) / depth;
  if (drop.samples.empty() || rate == 0.0) return {};
  const uint64_t key = mix(mix(random_key(shape_.seed, "drop_path"), static_cast<uint64_t>(drop.step)),
                           static_cast<uint64_t>(layer));
  std::vector<double> keep;
  for (const int64_t sample : drop.samples) {
    keep.push_back(uniform(key, static_cast<uint64_t>(sample)) < rate ? 0.0 : 1.0 / (1.0 - rate));
  }
  return at::tensor(keep, type).view({-1, 1, 1});
}

std::vector<ParamGroup*> Vit::groups() {
  std::vector<ParamGroup*> groups = {&embed_.params()};
  for (const auto& block : blocks_)
    groups.push_back(&block->params());
  groups.push_back(&head_.params());
  return groups;
}

int64_t Vit::parameters() {
  int64_t count = 0;
  for (ParamGroup* group : groups()) {
    for (const Section& section : group->sections())
      count += section.size;
  }
  return count;
}

}  // namespace seqvit
