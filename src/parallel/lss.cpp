#include "parallel/lss.h"

#include "ops/attention.h"
#include "parallel/collectives.h"

namespace seqvit::parallel {
namespace {

class Lss final : public SequenceParallel {
 public:
  Lss(comm::Comm& comm, comm::Counts token_counts) : comm_(comm), token_counts_(std::move(token_counts)) {}
  bool gathers_context() const override { return true; }
  Tensor context(const Tensor& u_BLD) const override {
    return all_gather({u_BLD}, 1, token_counts_, comm_, "lss")[0];
  }
  Tensor attend(Tensor q, Tensor k, Tensor v) const override { return ops::attention(q, k, v); }

 private:
  comm::Comm& comm_;
  comm::Counts token_counts_;
};

class LssKv final : public SequenceParallel {
 public:
  LssKv(comm::Comm& comm, comm::Counts token_counts) : comm_(comm), token_counts_(std::move(token_counts)) {}
  Tensor attend(Tensor q, Tensor k, Tensor v) const override {
    const auto whole = all_gather({k, v}, 2, token_counts_, comm_, "lss_kv");
    return ops::attention(q, whole[0], whole[1]);
  }

 private:
  comm::Comm& comm_;
  comm::Counts token_counts_;
};

}  // namespace

std::unique_ptr<SequenceParallel> make_lss(comm::Comm& comm, comm::Counts token_counts) {
  return std::make_unique<Lss>(comm, std::move(token_counts));
}
std::unique_ptr<SequenceParallel> make_lss_kv(comm::Comm& comm, comm::Counts token_counts) {
  return std::make_unique<LssKv>(comm, std::move(token_counts));
}

}  // namespace seqvit::parallel
