#include "parallel/ulysses.h"

#include "core/partition.h"
#include "parallel/exchange.h"

namespace seqvit::parallel {
namespace {

class Ulysses final : public SequenceParallel {
 public:
  Ulysses(comm::Comm& comm, comm::Counts token_counts, std::unique_ptr<SequenceParallel> inner)
      : comm_(comm), token_counts_(std::move(token_counts)), inner_(std::move(inner)) {}

  Tensor attend(Tensor q, Tensor k, Tensor v) const override {
    const Shares shares{share_sizes(q.size(1), comm_.size()), token_counts_};
    std::vector<Tensor> mine{std::move(q), std::move(k), std::move(v)};
    auto whole = gather_tokens(std::move(mine), shares, comm_, "ulysses");
    std::vector<Tensor> out{inner_->attend(std::move(whole[0]), std::move(whole[1]), std::move(whole[2]))};
    return gather_heads(std::move(out), shares, comm_, "ulysses")[0];
  }

 private:
  comm::Comm& comm_;
  comm::Counts token_counts_;
  std::unique_ptr<SequenceParallel> inner_;
};

}  // namespace

std::unique_ptr<SequenceParallel> make_ulysses(comm::Comm& comm, comm::Counts token_counts,
                                               std::unique_ptr<SequenceParallel> inner) {
  return std::make_unique<Ulysses>(comm, std::move(token_counts), std::move(inner));
}

}  // namespace seqvit::parallel
