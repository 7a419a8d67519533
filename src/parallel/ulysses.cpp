#include "parallel/ulysses.h"

#include "core/partition.h"
#include "parallel/collectives.h"

namespace seqvit {
namespace {

constexpr int64_t kHead = 1, kToken = 2;  // of [B, H, L, E]

class Ulysses final : public SequenceParallel {
 public:
  Ulysses(Comm& comm, Counts token_counts, std::unique_ptr<SequenceParallel> inner)
      : comm_(comm), token_counts_(std::move(token_counts)), inner_(std::move(inner)) {}

  Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v) const override {
    const Counts heads = share_sizes(q.size(kHead), comm_.size());
    const auto whole = all_to_all({q, k, v}, kHead, heads, kToken, token_counts_, comm_, "ulysses");
    const Tensor out = inner_->attend(whole[0], whole[1], whole[2]);
    return all_to_all({out}, kToken, token_counts_, kHead, heads, comm_, "ulysses")[0];
  }

 private:
  Comm& comm_;
  Counts token_counts_;
  std::unique_ptr<SequenceParallel> inner_;
};

}  // namespace

std::unique_ptr<SequenceParallel> make_ulysses(Comm& comm, Counts token_counts,
                                               std::unique_ptr<SequenceParallel> inner) {
  return std::make_unique<Ulysses>(comm, std::move(token_counts), std::move(inner));
}

}  // namespace seqvit
