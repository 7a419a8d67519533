/// Tensor parallelism (Megatron-LM, Shoeybi et al., arXiv 1909.08053) with tokens that stay split between
/// blocks (Korthikanti et al., arXiv 2205.05198).
///
/// Ranks share out a block's heads and hidden channels, and outside of its two halves the tokens. Each half
/// begins with a gather of normalised tokens and ends with a sum of everyone's part, of which a rank keeps
/// its tokens: nothing is held or computed twice but the norms' few weights.
///
/// Elements sent by a rank a layer, L tokens of the group, h channels, P ranks: 4 L h (P-1)/P forward and as
/// many backward; three more forward under recomputation (the sum that ends a block is not made again). Sums
/// are sent in fp32.
#pragma once

#include "core/partition.h"
#include "parallel/collectives.h"

namespace seqvit::parallel {

class TensorParallel {
 public:
  /// `token_counts`: tokens of each rank of `comm`.
  TensorParallel(comm::Comm& comm, comm::Counts token_counts)
      : comm_(comm), token_counts_(std::move(token_counts)) {}

  bool is_alone() const { return comm_.size() == 1; }
  /// My part of `n` heads or channels.
  Range share_of(int64_t n) const { return share(n, comm_.rank(), comm_.size()); }
  /// Everyone's tokens [B, L, D] from mine.
  Tensor gather(const Tensor& u_BLD) const { return all_gather({u_BLD}, 1, token_counts_, comm_, "tp")[0]; }
  /// The sum of everyone's part [B, L, D] at my tokens, in the type of sums; `unread` as in reduce_scatter.
  Tensor sum(const Tensor& part_BLD, bool unread = false) const {
    return reduce_scatter(part_BLD, 1, token_counts_, comm_, "tp", unread);
  }

 private:
  comm::Comm& comm_;
  comm::Counts token_counts_;
};

}  // namespace seqvit::parallel
