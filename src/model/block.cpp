#include "model/block.h"

#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>

namespace seqvit {

Block::Block(int64_t index, const ModelShape& shape, const SequenceParallel& sequence,
             const Sharding& sharding)
    : width_(shape.config.embed_dim),
      heads_(shape.config.num_heads),
      sequence_(sequence),
      params_("blocks." + std::to_string(index), sharding),
      norm1_(params_, "norm1", width_),
      qkv_(params_, "attn.qkv", width_, 3 * width_, shape.seed),
      projection_(params_, "attn.proj", width_, width_, shape.seed),
      norm2_(params_, "norm2", width_),
      fc1_(params_, "mlp.fc1", width_, shape.hidden_dim(), shape.seed),
      fc2_(params_, "mlp.fc2", shape.hidden_dim(), width_, shape.seed) {
  params_.seal();
}

Tensor Block::attention(const Tensor& u_BLD) const {
  const Tensor context_BMD = sequence_.context(u_BLD);
  // [B, M, n D] -> n views [B, H, M, E]
  auto heads = [&](const Tensor& t, int64_t n) {
    return t.view({t.size(0), t.size(1), n, heads_, width_ / heads_}).permute({2, 0, 3, 1, 4});
  };
  Tensor q, k, v;
  if (context_BMD.is_same(u_BLD)) {
    const Tensor qkv = heads(qkv_.forward(u_BLD), 3);
    q = qkv.select(0, 0), k = qkv.select(0, 1), v = qkv.select(0, 2);
  } else {  // queries of my tokens, keys and values of everyone's
    q = heads(qkv_.forward_rows(u_BLD, {0, width_}), 1).select(0, 0);
    const Tensor kv = heads(qkv_.forward_rows(context_BMD, {width_, 3 * width_}), 2);
    k = kv.select(0, 0), v = kv.select(0, 1);
  }
  return projection_.forward(sequence_.attend(q, k, v).transpose(1, 2).flatten(2));
}

Tensor Block::mlp(const Tensor& u_BLD) const {
  return fc2_.forward(at::gelu(fc1_.forward(u_BLD)));
}

Tensor Block::forward(const Tensor& x_BLD, const Tensor& keep_B11) const {
  auto add = [&](const Tensor& x, const Tensor& branch) {
    return keep_B11.defined() ? x + branch * keep_B11 : x + branch;
  };
  // The cast to the compute type stands before the seam, so that a strategy moves tokens in their smaller
  // form.
  const auto compute = params_.sharding().compute;
  const Tensor h_BLD = add(x_BLD, attention(norm1_.forward(x_BLD).to(compute)));
  return add(h_BLD, mlp(norm2_.forward(h_BLD)));
}

}  // namespace seqvit
