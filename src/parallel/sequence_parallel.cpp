#include "parallel/sequence_parallel.h"

#include "ops/attention.h"

namespace seqvit::parallel {
namespace {

class LocalAttention final : public SequenceParallel {
 public:
  Tensor attend(Tensor q, Tensor k, Tensor v) const override { return ops::attention(q, k, v); }
};

}  // namespace

std::unique_ptr<SequenceParallel> make_local_attention() {
  return std::make_unique<LocalAttention>();
}

}  // namespace seqvit::parallel
