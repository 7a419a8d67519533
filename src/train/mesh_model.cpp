#include "train/mesh_model.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "core/tensor.h"
#include "model/stages.h"
#include "ops/attention.h"
#include "parallel/strategy.h"
#include "train/kernel_choice.h"

namespace seqvit::train {

namespace {

/// The part of `counts` that belongs to my tensor-parallel group.
comm::Counts of_my_group(const comm::Counts& counts, const comm::Mesh& mesh) {
  const auto first = counts.begin() + static_cast<int64_t>(mesh.sp().rank()) * mesh.tp().size();
  return {first, first + mesh.tp().size()};
}

/// What attention is called with on this rank.
ops::AttentionSizes attention_shape(const model::ModelShape& shape, const Config& config,
                                    const comm::Mesh& mesh, int64_t my_tokens) {
  const ParallelConfig& p = config.parallel;
  const int64_t all = shape.token_grid().tokens(), heads = (shape.config.num_heads + p.tp - 1) / p.tp;
  const int64_t samples =
      std::max<int64_t>(1, config.train.forecasts() / (p.dp * config.train.micro_batches));
  ops::AttentionSizes s{samples, heads, all, all, shape.config.embed_dim / shape.config.num_heads};
  const int64_t spread = p.sequence == Sequence::ulysses  ? p.sp
                         : p.sequence == Sequence::hybrid ? p.ulysses
                                                          : 1;
  if (mesh.sp().size() == 1) return s;
  s.heads = (heads + spread - 1) / spread;
  s.queries = my_tokens * p.tp * spread;
  if (p.sequence == Sequence::ring || p.sequence == Sequence::hybrid) s.keys = s.queries;
  return s;
}

}  // namespace

MeshModel::MeshModel(const model::ModelShape& shape, const Config& config, comm::Mesh& mesh,
                     std::unique_ptr<parallel::SequenceParallel> strategy)
    : mesh_(mesh),
      grid_(shape.token_grid()),
      slab_(grid::make_slab(grid_, mesh.tokens().rank(), mesh.tokens().size())),
      head_dim_(shape.config.embed_dim / shape.config.num_heads),
      chunks_(config.parallel.interleave),
      compute_(compute_type(config.train.precision)),
      options_(at::TensorOptions(master_type(config.train.precision)).device(mesh.device())),
      peers_(strategy != nullptr ? std::move(strategy)
                                 : parallel::make_strategy(config.parallel, mesh,
                                                           grid::token_counts(grid_, mesh.tokens().size())),
             mesh.tp(), of_my_group(grid::token_counts(grid_, mesh.tokens().size()), mesh),
             parallel::Halo(
                 mesh.tokens(),
                 grid::Neighbourhood(grid_, shape.periodic, mesh.tokens().rank(), mesh.tokens().size()),
                 mesh.device())),
      wires_(mesh, chunks_),
      owned_(model::owned_points(shape, slab_).to(mesh.device())) {
  const auto attention = attention_shape(shape, config, mesh, slab_.tokens.size());
  attention_trials_ =
      mesh.device().is_cpu()
          ? agree_on_cpu_kernel(ops::cpu_kernel_wish(compute_), attention, compute_, mesh.world())
          : agree_on_gpu_kernel(attention, options_.dtype(compute_), mesh.world());
  const parallel::Sharding whole{.data = &mesh.stage(),
                                 .stage = static_cast<int>(config.parallel.zero),
                                 .compute = compute_,
                                 .master = master_type(config.train.precision),
                                 .device = mesh.device()};
  parallel::Sharding cut = whole;
  cut.data = &mesh.data();
  const model::ModelLayout layout{slab_, &peers_, whole, cut,
                                  model::blocks_of_stage(shape, mesh.pp().rank(), mesh.pp().size(), chunks_)};
  vit_ = std::make_unique<model::Vit>(shape, layout, config.memory);

  Tensor count = at::zeros({1}, at::kDouble);
  for (parallel::ParamGroup* group : vit_->groups()) {
    for (const parallel::Section& section : group->sections()) {
      for (const auto& param : section.params)
        count += parallel::elements_of(param->whole_shape());
    }
  }
  parameters_ = static_cast<int64_t>(mesh.pp().all_reduce(count, "parameters").wait().item<double>());
}

Tensor MeshModel::predict(const Tensor& fields_BVYX, const Tensor& condition_BC) {
  const at::NoGradGuard no_grad;
  const int64_t batch = fields_BVYX.size(0);
  Tensor prediction = at::empty({batch, owned_.size(0), owned_.size(1), owned_.size(2)}, options_);
  for (int64_t chunk = 0; chunk < chunks_; ++chunk) {
    const Tensor in = vit_->begins_model(chunk)
                          ? fields_BVYX
                          : wires_.receive_activation(vit_->token_shape(batch), options_);
    const Tensor out = vit_->forward(chunk, in, condition_BC, {});
    if (vit_->ends_model(chunk)) {
      prediction = out;
    } else {
      wires_.send_activation(out);
    }
  }
  wires_.finish();
  const auto shape = prediction.sizes().vec();
  return mesh_.pp()
      .broadcast(prediction.contiguous().view({-1}), mesh_.pp().size() - 1, "prediction")
      .wait()
      .view(shape);
}

std::string MeshModel::attention_kernel() const {
  return ops::attention_kernel_name(at::empty({1, 1, 1, head_dim_}, options_.dtype(compute_)));
}

}  // namespace seqvit::train
