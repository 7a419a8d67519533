/// All that a model may ask of other ranks, made once for a layout: every exchange of a block is one of these
/// five.
///
/// | function | who | forward | backward |
/// |---|---|---|---|
/// | `attend` | sequence parallelism (sequence_parallel.h) | the strategy's | the strategy's |
/// | `context` | the same | nothing, or (LSS) gather of tokens | sum and scatter |
/// | `widen` | tensor parallelism | gather of tokens | sum and scatter |
/// | `narrow` | tensor parallelism | sum and scatter | gather of tokens |
/// | `halo` | ranks that share out a sample's tokens (halo.h) | tokens next to mine | home, and a sum; or
/// theirs again |
///
/// Tensor parallelism (Megatron-LM, Shoeybi et al., arXiv 1909.08053) with tokens that stay split between
/// blocks (Korthikanti et al., arXiv 2205.05198): ranks share out a block's heads and hidden channels, and
/// outside of its two halves the tokens. Each half begins with `widen` of normalised tokens and ends with
/// `narrow` of everyone's part: nothing is held or computed twice but the norms' few weights. Elements sent
/// by a rank a layer, L tokens of the group, h channels, P ranks: 4 L h (P-1)/P forward and as many backward;
/// three more forward under recomputation (the sum that ends a block is not made again). Sums are sent in
/// fp32.
#pragma once

#include <memory>
#include <utility>

#include "comm/comm.h"
#include "core/partition.h"
#include "core/tensor.h"
#include "parallel/halo.h"
#include "parallel/sequence_parallel.h"

namespace seqvit::parallel {

/// Queries [B, H, L, E], keys and values [B, H, M, E].
struct QueriesKeysValues {
  Tensor q, k, v;
};

class Peers {
 public:
  /// `tensor`: ranks that share out heads and channels, `token_counts`: tokens of each of them; outlives
  /// this.
  Peers(std::unique_ptr<SequenceParallel> sequence, comm::Comm& tensor, comm::Counts token_counts, Halo halo)
      : sequence_(std::move(sequence)),
        tensor_(tensor),
        token_counts_(std::move(token_counts)),
        halo_(std::move(halo)) {}

  /// Exact attention of my queries over the whole sequence, heads side by side: [B, L, H E].
  Tensor attend(QueriesKeysValues of) const {
    return sequence_->attend(std::move(of.q), std::move(of.k), std::move(of.v)).transpose(1, 2).flatten(2);
  }
  bool gathers_context() const { return sequence_->gathers_context(); }
  /// The tokens [B, M, D] that keys and values are made from, of mine [B, L, D].
  Tensor context(const Tensor& u_BLD) const { return sequence_->context(u_BLD); }

  /// Whether weights are cut: else `widen` and `narrow` return what they are given.
  bool cuts_weights() const { return tensor_.size() > 1; }
  /// My part of `n` heads or channels.
  Range share_of(int64_t n) const { return share(n, tensor_.rank(), tensor_.size()); }
  /// Tokens of all that share my heads, [B, N, D], of mine.
  Tensor widen(const Tensor& u_BLD) const;
  /// The place in the sequence of the first of those, where mine begin at `mine`.
  int64_t widened_begin(int64_t mine) const;
  /// The sum of everyone's part [B, N, D] at my tokens, in the type of sums; `unread` as in reduce_scatter.
  Tensor narrow(const Tensor& part_BND, bool unread = false) const;

  /// What stands next to my tokens.
  const Halo& halo() const { return halo_; }

 private:
  std::unique_ptr<SequenceParallel> sequence_;
  comm::Comm& tensor_;
  comm::Counts token_counts_;
  Halo halo_;
};

}  // namespace seqvit::parallel
