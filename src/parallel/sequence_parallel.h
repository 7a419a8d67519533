/// The one seam between the model and sequence parallelism.
///
/// In a transformer only attention crosses tokens, so a strategy is two functions. The model hands over its
/// own tokens and gets exact full attention over everybody's; it knows no rank and no communicator.
#pragma once

#include <memory>

#include "core/tensor.h"

namespace seqvit::parallel {

class SequenceParallel {
 public:
  virtual ~SequenceParallel() = default;

  /// Whether keys and values are made from other tokens than queries.
  virtual bool gathers_context() const { return false; }
  /// The tokens that keys and values are made from: u [B, L, D] itself, or (LSS) those of every rank [B, N,
  /// D].
  virtual Tensor context(const Tensor& u_BLD) const { return u_BLD; }

  /// Exact attention of my queries over the whole sequence. q [B, H, L, E]; k, v [B, H, M, E] made from
  /// context(u); result [B, H, L, E]. Differentiable. By value: where no graph holds them, operands that have
  /// been sent need not stay.
  virtual Tensor attend(Tensor q, Tensor k, Tensor v) const = 0;
};

/// The whole sequence is here: nothing to exchange.
std::unique_ptr<SequenceParallel> make_local_attention();

}  // namespace seqvit::parallel
