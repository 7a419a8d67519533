#include "model/vit.h"

#include "core/random.h"
#include "ops/recompute.h"
#include "ops/to_device.h"

namespace seqvit::model {

Vit::Vit(const ModelShape& shape, const ModelLayout& layout, const MemoryConfig& memory)
    : shape_(shape), layout_(layout), recompute_(memory.recompute) {
  if (shape.config.network == Network::unet) {
    unet_.emplace(shape, layout.whole);
    return;
  }
  for (size_t c = 0; c < layout.chunks.size(); ++c) {
    if (begins_model(static_cast<int64_t>(c))) embed_.emplace(shape, layout, memory.recompute);
    auto& blocks = chunks_.emplace_back();
    for (int64_t i = layout.chunks[c].begin; i < layout.chunks[c].end; ++i)
      blocks.push_back(std::make_unique<Block>(i, shape, layout, memory.mlp_chunk));
    std::vector<std::vector<parallel::ParamGroup*>> in_order;
    for (const auto& block : blocks)
      in_order.push_back(block->groups());
    if (ends_model(static_cast<int64_t>(c))) {
      head_.emplace(shape, layout);
      in_order.push_back({&head_->params()});
    }
    parallel::fetch_ahead(in_order);
  }
  if (memory.offload == Offload::disk) {
    store_ = std::make_unique<ops::OffloadFile>(memory.offload_directory.empty()
                                                    ? std::filesystem::temp_directory_path()
                                                    : std::filesystem::path(memory.offload_directory));
  } else if (memory.offload == Offload::host) {
    store_ = std::make_unique<ops::HostStore>();
  }
}

Tensor Vit::forward(int64_t chunk, const Tensor& in, const Tensor& condition_BC, const DropPathKeys& drop) {
  if (unet_) return unet_->forward(in, condition_BC);
  int64_t layer = layout_.chunks[chunk].begin;
  const int64_t noise = shape_.config.noise_dim;
  const Tensor noise_BZ = noise > 0 ? condition_BC.narrow(1, shape_.conditions, noise) : Tensor();
  const Tensor told_BC = noise > 0 ? condition_BC.narrow(1, 0, shape_.conditions) : condition_BC;
  Tensor x_BLD = begins_model(chunk) ? embed_->forward(in, told_BC) : in;
  for (const auto& block : chunks_[chunk]) {
    const auto run = [&block = *block, keep_B11 = keep_mask(drop, layer++, x_BLD),
                      noise_BZ](const Tensor& x) { return block.forward(x, keep_B11, noise_BZ); };
    x_BLD = ops::recompute(recompute_, run, x_BLD, store_.get(), block->takes_input());
  }
  return ends_model(chunk) ? head_->forward(x_BLD) : x_BLD;
}

Tensor Vit::keep_mask(const DropPathKeys& drop, int64_t layer, const Tensor& like) const {
  const auto depth = static_cast<double>(std::max<int64_t>(shape_.config.depth - 1, 1));
  const double rate = shape_.config.drop_path * static_cast<double>(layer) / depth;
  if (drop.samples.empty() || rate == 0.0) return {};
  const uint64_t key = mix(mix(random_key(shape_.seed, "drop_path"), static_cast<uint64_t>(drop.step)),
                           static_cast<uint64_t>(layer));
  std::vector<double> keep;
  for (const int64_t sample : drop.samples) {
    keep.push_back(uniform(key, static_cast<uint64_t>(sample)) < rate ? 0.0 : 1.0 / (1.0 - rate));
  }
  return ops::to_device(keep, {std::ssize(keep), 1, 1}, like.options());
}

std::vector<parallel::ParamGroup*> Vit::groups() {
  std::vector<parallel::ParamGroup*> groups;
  if (unet_) groups.push_back(&unet_->params());
  if (embed_) groups.push_back(&embed_->params());
  for (const auto& blocks : chunks_) {
    for (const auto& block : blocks) {
      for (parallel::ParamGroup* group : block->groups())
        groups.push_back(group);
    }
  }
  if (head_) groups.push_back(&head_->params());
  return groups;
}

}  // namespace seqvit::model
