#include "plan/block_memory.h"

#include <algorithm>

#include <ATen/ops/empty.h>

#include "core/tensor.h"
#include "ops/flash_attention.h"
#include "ops/tiles.h"
#include "parallel/exchange.h"
#include "plan/traffic.h"

namespace seqvit::plan {
namespace {

/// Sizes that a block's tensors come in, bytes of one micro-batch.
struct Sizes {
  int64_t stream;        ///< my tokens, master type
  int64_t tokens;        ///< my tokens, compute type
  int64_t group;         ///< tokens of my tensor-parallel group, compute type
  int64_t sum;           ///< the same in the type of sums
  int64_t all, all_sum;  ///< everyone's tokens
  int64_t q;             ///< queries of my heads, of the group's tokens
  int64_t inner;         ///< queries that attention is given
  int64_t together;      ///< of queries, keys and values, those that Ulysses sends in one message
  int64_t kv, kv_sum;    ///< keys and values that attention is given
  int64_t lse, hidden, tile;
  int64_t halo;  ///< messages of a halo of tokens, out and in
  bool cut;      ///< tensor parallelism
};

Sizes sizes_of(const RankPart& part, const model::ModelShape& shape, const Config& config) {
  const int64_t B = part.micro_samples, c = compute_bytes(config), m = master_bytes(config);
  const int64_t D = shape.config.embed_dim, E = D / shape.config.num_heads;
  const int64_t group = part.group_tokens[part.sp];
  Sizes s{};
  s.cut = config.parallel.tp > 1;
  s.stream = B * part.tokens * D * m, s.tokens = B * part.tokens * D * c;
  s.halo = B * (part.halo_gives + part.halo_takes) * (part.tokens / part.units) * D * m;
  s.group = B * group * D * c, s.sum = B * group * D * m;
  s.all = B * part.all_tokens * D * c, s.all_sum = B * part.all_tokens * D * m;
  s.q = B * group * part.heads * E * c;
  const int64_t heads = part.ulysses_heads();
  s.inner = B * part.ulysses_tokens() * heads * E * c;
  const int64_t in_message =
      parallel::tensors_in_message(B * part.ulysses_tokens() * part.heads * E * c / part.ulysses);
  s.together = std::min<int64_t>(in_message, 3);
  const bool everyone = config.parallel.sp > 1 && (config.parallel.sequence == Sequence::lss ||
                                                   config.parallel.sequence == Sequence::lss_kv);
  s.kv = everyone ? 2 * B * part.all_tokens * part.heads * E * c : 2 * s.inner;
  s.kv_sum = s.kv / c * m;
  s.lse = s.inner / (E * c) * std::max<int64_t>(4, c);
  s.hidden = B * (s.cut ? group : part.tokens) * part.hidden * c;
  const int64_t rows = config.memory.mlp_chunk > 0 ? config.memory.mlp_chunk : ops::kDefaultTile;
  // Hidden before and after gelu, and their gradients; the normalised tokens in both types.
  const int64_t normed = s.cut ? 0 : D * (m + (c != m ? c : 0));
  const int64_t together = shape.config.noise_dim > 0 ? 1 : B;  // samples whose rows share tiles
  s.tile = std::min(rows, together * (s.cut ? group : part.tokens)) * (4 * part.hidden * c + normed);
  return s;
}

ops::FlashMemory packed_bytes(const RankPart& part, const Sizes& s, const model::ModelShape& shape,
                              const Config& config, AttentionMemory attention) {
  const int64_t heads = part.ulysses_heads() * part.micro_samples;
  if (attention != AttentionMemory::flash || heads == 0) return {};
  const int64_t width = shape.config.embed_dim / shape.config.num_heads,
                head = heads * width * compute_bytes(config);
  return ops::flash_memory(compute_type(config.train.precision), heads, s.inner / head, s.kv / (2 * head),
                           width);
}

/// A point of a block's backward: bytes held beside weights, messages and packed operands among them, and the
/// share of the block's weights whose gradient is there.
struct Moment {
  int64_t held, buffers;
  double weights;
  int64_t packed = 0;
};

/// Elements of the weights of one block that are here.
int64_t block_elements(const RankPart& part) {
  int64_t sum = 0;
  for (const WeightGroup& group : part.groups)
    sum += group.part == WeightGroup::Part::block ? group.elements() : 0;
  return sum;
}

class Block {
 public:
  Block(const RankPart& part, const Config& config, const Sizes& sizes, AttentionMemory kernel, bool qk_norm)
      : s_(sizes),
        part_(part),
        local_(config.model.local == Local::depthwise),
        again_(config.memory.recompute != Recompute::none),
        waits_(config.memory.offload != Offload::none),
        flash_(kernel == AttentionMemory::flash),
        over_(flash_ && again_ && part.ring == 1) {
    const ParallelConfig& p = config.parallel;
    lss_ = p.sp > 1 && p.sequence == Sequence::lss;
    lss_kv_ = p.sp > 1 && p.sequence == Sequence::lss_kv;
    // What attention's backward needs, result and log-sum-exp first.
    const int64_t own = lss_ ? s_.q + s_.kv : lss_kv_ ? 3 * s_.q + s_.kv : 3 * s_.inner;
    operands_ = s_.inner + s_.lse + own;
    // What made them: the normalised tokens where they are not made again from the stream.
    source_ = (s_.cut ? s_.group : lss_ ? s_.tokens : 0) + (lss_ ? s_.all : 0);
    // The result in the order of tokens, where an exchange has taken it from that of heads.
    joined_ = part.ulysses > 1 ? s_.q : 0;
    // A recomputed block's input waits in its file where the norm reads it again (norm_linear).
    // What the depthwise layer makes of it does not.
    const bool elsewhere = again_ && waits_ && (local_ || source_ == 0);
    input_ = (elsewhere ? 0 : s_.stream) + (local_ ? s_.stream : 0);
    // Queries and keys as they came, where they are normalised.
    if (qk_norm) source_ += lss_ ? s_.q + s_.kv / 2 : 2 * s_.q;
  }

  int64_t kept(Recompute mode) const {
    switch (mode) {
      case Recompute::full:
        return s_.stream;
      case Recompute::keep_attention:
        return s_.stream + s_.inner + s_.lse;
      default:
        return attention_half() + s_.stream + (s_.cut ? s_.group : s_.tokens) + 2 * s_.hidden;
    }
  }

  /// Shows every moment to `see`, a function of Moment.
  template <typename See>
  void moments(const ops::FlashMemory& packed, Recompute mode, const See& see) const {
    mlp(see);
    if (again_) second_run(mode, see);
    // Forward of the last block, or once more with the gradient that waits for it.
    const int64_t base = s_.stream + (mode == Recompute::full ? s_.stream : 0);
    if (part_.ulysses > 1) see({base + exchanged(), s_.together * (s_.q + s_.inner), 0.0});
    // In a ring the sum over blocks, and what is added to it.
    const int64_t sum = part_.ring > 1 ? s_.kv_sum : 0;
    see({base + source_ + operands_ + ring_blocks() + sum, ring_blocks(), 0.0, packed.forward});
    attention(packed.backward, see);
  }

 private:
  const Sizes& s_;
  const RankPart& part_;
  bool local_;  ///< begins with a depthwise layer
  bool again_, waits_, flash_;
  bool over_;  ///< gradients take the place of q, k and v
  bool lss_ = false, lss_kv_ = false;
  int64_t operands_ = 0, source_ = 0, joined_ = 0, input_ = 0;

  int64_t attention_half() const { return input_ + source_ + operands_ + joined_; }

  /// Keys and values in a ring: the block that is here, and the next on its way.
  int64_t ring_blocks() const { return std::clamp<int64_t>(part_.ring - 1, 0, 2) * s_.kv; }

  /// The projection on its way to the ranks that have its heads: what arrives is not copied.
  int64_t exchanged() const { return 3 * s_.q + 3 * s_.inner + s_.together * s_.q; }

  /// The block's forward once more. A gather holds what goes in, both messages and what comes out.
  template <typename See>
  void second_run(Recompute mode, const See& see) const {
    const int64_t results = mode == Recompute::keep_attention && !waits_ ? s_.inner + s_.lse : 0;
    const int64_t block = input_ + s_.stream, base = block + results;
    if (part_.ulysses > 1) {
      see({base + exchanged(), s_.together * (s_.q + s_.inner), 0.0});
      // Attention's result, one of the operands of its backward, on its way back.
      see({block + operands_ + 2 * s_.q, s_.q + s_.inner, 0.0});
    }
    if (lss_) see({base + 2 * s_.tokens + 2 * s_.all, s_.all + s_.tokens, 0.0});
    if (lss_kv_) see({base + 5 * s_.q + 2 * s_.kv, s_.kv + 2 * s_.q, 0.0});
  }

  template <typename See>
  void mlp(const See& see) const {
    const int64_t gradient = s_.stream;
    const int64_t below = attention_half() + s_.stream;  // with the stream between the halves
    if (!s_.cut && again_) return see({below + gradient + s_.tile, 0, 2.0 / 3.0});
    if (!s_.cut) return see({below + s_.tokens + 2 * s_.hidden + gradient + s_.hidden, 0, 1.0 / 3.0});
    const int64_t input = s_.group, of_sum = s_.group;  // gathered tokens; the gradient of my part of the sum
    const int64_t hidden = again_ ? s_.tile : 3 * s_.hidden;
    see({below + input + gradient + of_sum + hidden, 0, 2.0 / 3.0});
    see({below + gradient + s_.group + s_.group + 2 * s_.sum, 2 * s_.sum, 2.0 / 3.0});
  }

  template <typename See>
  void attention(int64_t packed, const See& see) const {
    const int64_t base = input_ + s_.stream + source_;  // the block's input, the gradient that comes in
    const int64_t of_result = part_.ulysses > 1 ? s_.inner : s_.q;
    const int64_t dq = over_ ? 0 : s_.inner, dkv = over_ ? 0 : s_.kv;
    const double most = 3.0 / 4.0;
    see({base + operands_ + of_result + dq + dkv, 0, most, packed});
    if (part_.ulysses > 1) {
      see({base + operands_ + s_.q + std::max(s_.q, s_.inner), s_.q + s_.inner, most});
      // Gradients that lie otherwise than they travel are copied.
      const bool copied = !over_ && (!flash_ || part_.ring > 1 || part_.micro_samples > 1 || s_.together < 3);
      const int64_t message = copied ? s_.together * s_.inner : 0, arriving = s_.together * s_.q;
      see({base + 3 * s_.inner + message + 3 * s_.q + arriving, message + arriving, most});
    }
    if (part_.ring > 1) {
      // A block's part of the gradients; those under way out and in, and all that the queries have so far.
      const int64_t under_way = ring_blocks() + 2 * s_.kv_sum;
      see({base + operands_ + of_result + s_.inner + s_.kv + s_.kv_sum / 2 + under_way, under_way, most,
           packed});
    }
    if (lss_kv_) see({base + s_.q + 2 * s_.kv + s_.kv_sum, s_.kv + s_.kv_sum, most});
    // Gradients side by side, as the projection's backward wants them.
    const int64_t projected = lss_ ? s_.q + s_.kv : 3 * s_.q;
    const bool fused = part_.ulysses > 1 || (flash_ && part_.ring == 1 && !lss_kv_);
    const int64_t apart = fused ? 0 : projected;
    see({base + projected + apart, 0, most});
    const int64_t of_tokens = s_.cut ? s_.group : s_.stream;
    see({base + projected + of_tokens + (lss_ ? s_.all : 0), 0, 1.0});
    if (s_.cut) see({base + 2 * s_.group + 2 * s_.sum, 2 * s_.sum, 1.0});
    if (lss_) see({base + 2 * s_.all + 2 * s_.all_sum, s_.all + s_.all_sum, 1.0});
    if (local_) see({3 * s_.stream + 2 * s_.halo, 2 * s_.halo, 1.0});
  }
};

}  // namespace

AttentionMemory attention_memory_here(const Config& config) {
  if (config.parallel.device != DeviceKind::cpu) return AttentionMemory::separate;
  const Tensor q = at::empty({1, 1, 1, config.model.embed_dim / config.model.num_heads},
                             compute_type(config.train.precision));
  return ops::flash_supports(q, q, q) ? AttentionMemory::flash : AttentionMemory::separate;
}

BlockMemory predict_block(const RankPart& part, const model::ModelShape& shape, const Config& config,
                          AttentionMemory attention) {
  const Sizes s = sizes_of(part, shape, config);
  const Block block(part, config, s, attention, shape.config.qk_norm);
  BlockMemory memory;
  memory.kept = block.kept(config.memory.recompute);
  const auto weights = static_cast<double>(block_elements(part) * master_bytes(config));
  const ops::FlashMemory packed = packed_bytes(part, s, shape, config, attention);
  block.moments(packed, config.memory.recompute, [&](const Moment& moment) {
    const int64_t held = moment.held + moment.packed + static_cast<int64_t>(moment.weights * weights);
    if (held <= memory.at_work) return;
    memory.at_work = held, memory.buffers = moment.buffers, memory.packed = moment.packed;
  });
  return memory;
}

}  // namespace seqvit::plan
