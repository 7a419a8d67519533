/// Each mistake that peers have made in sharded training, planted on purpose, must show in the comparison
/// with one rank. Most are planted between the ranks, by a communicator that answers wrongly; the rest by
/// hand.
#include <cstring>
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/tensor.h>
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "ops/attention.h"
#include "parallel/collectives.h"
#include "train/verify.h"

namespace seqvit::train {
namespace {

constexpr int kRanks = 4;

/// Changes the result of one kind of collective of one purpose; everything split from it does the same.
class FaultyComm final : public comm::Comm {
 public:
  struct Fault {
    const char* purpose = "";
    std::function<Tensor(const Tensor& result, const Tensor& mine, int size)> change;
    int from = 0, to = std::numeric_limits<int>::max();  ///< of the calls with that purpose
  };
  FaultyComm(std::unique_ptr<comm::Comm> owned, comm::Comm& inner, Fault fault)
      : owned_(std::move(owned)), inner_(inner), fault_(std::move(fault)) {}

  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  comm::Pending all_gather(const Tensor& x, const comm::Counts& counts, const char* purpose) override {
    return changed(inner_.all_gather(x, counts, purpose), x, purpose);
  }
  comm::Pending reduce_scatter(const Tensor& x, const comm::Counts& counts, const char* purpose) override {
    return changed(inner_.reduce_scatter(x, counts, purpose), x, purpose);
  }
  comm::Pending all_reduce(const Tensor& x, const char* purpose) override {
    return changed(inner_.all_reduce(x, purpose), x, purpose);
  }
  comm::Pending all_to_all(const Tensor& x, const comm::Counts& send, const comm::Counts& receive,
                           const char* purpose) override {
    return changed(inner_.all_to_all(x, send, receive, purpose), x, purpose);
  }
  comm::Pending send_recv(const Tensor& x, int to, int from, int64_t count, const char* purpose) override {
    return changed(inner_.send_recv(x, to, from, count, purpose), x, purpose);
  }
  comm::Pending broadcast(const Tensor& x, int root, const char* purpose) override {
    return inner_.broadcast(x, root, purpose);
  }
  void barrier(const char* purpose) override { inner_.barrier(purpose); }
  std::unique_ptr<comm::Comm> split(const comm::Coloring& color_of) override {
    auto part = inner_.split(color_of);
    comm::Comm& reference = *part;
    return std::make_unique<FaultyComm>(std::move(part), reference, fault_);
  }

 private:
  std::unique_ptr<comm::Comm> owned_;
  comm::Comm& inner_;
  Fault fault_;
  int calls_ = 0;

  comm::Pending changed(comm::Pending pending, const Tensor& mine, const char* purpose) {
    if (std::strcmp(purpose, fault_.purpose) != 0) return pending;
    const int call = calls_++;
    if (call < fault_.from || call >= fault_.to) return pending;
    return comm::Pending([this, mine, p = std::make_shared<comm::Pending>(std::move(pending))] {
      return fault_.change(p->wait(), mine, size());
    });
  }
};

VerifyProblem problem_of(const ParallelConfig& parallel, int64_t micro_batches = 1) {
  Config config;
  config.model.num_heads = 4, config.model.embed_dim = 16, config.model.depth = 2,
  config.model.patch_size = 2;
  config.parallel = parallel;
  config.train.micro_batches = micro_batches;
  config.train.seed = 1;
  model::ModelShape real;
  real.groups = model::single_inputs(2), real.targets = {0, 1}, real.conditions = 4, real.seed = 1;
  return make_verify_problem(config, real);
}

ParallelConfig over_tokens(Sequence sequence, int zero) {
  ParallelConfig parallel;
  parallel.sp = kRanks, parallel.sequence = sequence, parallel.zero = zero;
  return parallel;
}

/// The largest relative difference from one rank with a fault on the wires.
double with_wire_fault(const ParallelConfig& parallel, const FaultyComm::Fault& fault,
                       int64_t micro_batches = 1) {
  double worst = 0;
  comm::run_ranks(kRanks, [&](comm::Comm& world) {
    FaultyComm faulty(nullptr, world, fault);
    const VerifyReport report = verify_layout(problem_of(parallel, micro_batches), faulty);
    if (world.rank() == 0) worst = report.worst.relative;
  });
  return worst;
}

double with_wire_fault(Sequence sequence, int zero, const FaultyComm::Fault& fault) {
  return with_wire_fault(over_tokens(sequence, zero), fault);
}

/// The same with a learner and fields spoilt by hand on some rank.
using Spoil = std::function<void(Learner&, LearnerBatch&, int rank)>;
using MakeStrategy =
    std::function<std::unique_ptr<parallel::SequenceParallel>(comm::Comm& sp, const comm::Counts& tokens)>;

double with_fault(const ParallelConfig& layout, const Spoil& spoil, const MakeStrategy& make = nullptr) {
  const VerifyProblem problem = problem_of(layout);
  const LearnerBatch fields = make_verify_fields(problem);
  const auto self = comm::make_self_comm();
  comm::Mesh one(*self, 1, 1, 1, 1);
  Config serial = problem.config;
  serial.parallel = {};
  Learner reference(problem.shape, serial, problem.grid, one);
  const Snapshot expected = take_snapshot(reference, one, fields, 2);
  double worst = 0;
  comm::run_ranks(kRanks, [&](comm::Comm& world) {
    comm::Mesh mesh(world, layout);
    const comm::Counts tokens = grid::token_counts(problem.shape.token_grid(), kRanks);
    Learner learner(problem.shape, problem.config, problem.grid, mesh,
                    make ? make(mesh.sp(), tokens) : nullptr);
    LearnerBatch mine = fields;
    mine.target = fields.target.clone();
    if (spoil) spoil(learner, mine, world.rank());
    const Snapshot found = take_snapshot(learner, mesh, mine, 2);
    if (world.rank() == 0) worst = compare(expected, found).relative;
  });
  return worst;
}

double with_fault(Sequence sequence, int zero, const Spoil& spoil, const MakeStrategy& make = nullptr) {
  return with_fault(over_tokens(sequence, zero), spoil, make);
}

ParallelConfig tensor_parallel() {
  ParallelConfig parallel;
  parallel.tp = kRanks, parallel.zero = 0;
  return parallel;
}

TEST(Faults, NoneIsSeenWhereThereIsNone) {
  const FaultyComm::Fault nothing{"lss", [](const Tensor& result, const Tensor&, int) { return result; }};
  EXPECT_LT(with_wire_fault(Sequence::lss, 3, nothing), 1e-10);
  EXPECT_LT(with_fault(Sequence::ring, 0, nullptr), 1e-10);
  EXPECT_LT(with_fault(tensor_parallel(), nullptr), 1e-10);
}

TEST(Faults, EachIsCaught) {
  const std::pair<const char*, std::function<double()>> faults[] = {
      {"gather left out (own tokens repeated)",
       [] {
         return with_wire_fault(Sequence::lss, 3,
                                {"lss", [](const Tensor& result, const Tensor& mine, int size) {
                                   return mine.numel() < result.numel()
                                              ? mine.repeat({size + 1}).narrow(0, 0, result.numel())
                                              : result;
                                 }});
       }},
      {"all-to-all left out",
       [] {
         return with_wire_fault(Sequence::ulysses, 3,
                                {"ulysses", [](const Tensor& result, const Tensor& mine, int) {
                                   return at::cat({mine, mine}).narrow(0, 0, result.numel());
                                 }});
       }},
      {"ring passes on its own block",
       [] {
         return with_wire_fault(Sequence::ring, 3,
                                {"ring", [](const Tensor& result, const Tensor& mine, int) {
                                   return at::cat({mine, mine}).narrow(0, 0, result.numel());
                                 }});
       }},
      {"gradient averaged instead of summed",
       [] {
         return with_wire_fault(Sequence::ulysses, 0,
                                {"zero", [](const Tensor& result, const Tensor&, int size) {
                                   return result / static_cast<double>(size);
                                 }});
       }},
      {"gradient not summed over ranks",
       [] {
         return with_wire_fault(Sequence::ring, 0,
                                {"zero", [](const Tensor&, const Tensor& mine, int) { return mine; }});
       }},
      {"loss divided by the local count",
       [] {
         return with_wire_fault(Sequence::ring, 1,
                                {"loss weight", [](const Tensor& result, const Tensor& mine, int size) {
                                   return result.numel() == 2 ? mine * static_cast<double>(size) : result;
                                 }});
       }},
      {"mask of another rank",
       [] {
         return with_fault(Sequence::ring, 1, [](Learner& learner, LearnerBatch& fields, int rank) {
           if (rank != 1) return;
           const Range rows = learner.model().slab().rows;
           const Tensor mine = fields.target.slice(-2, rows.begin, rows.end);
           const Tensor others = fields.target.slice(-2, 0, rows.size()).isnan();
           mine.copy_(at::nan_to_num(mine).masked_fill(others, std::nan("")));
         });
       }},
      {"positions of another slab",
       [] {
         return with_fault(Sequence::ring, 0, [](Learner& learner, LearnerBatch&, int rank) {
           if (rank != 1) return;
           parallel::Section& vectors = learner.groups()[0]->sections()[1];
           parallel::for_each_slice(vectors, vectors.mine,
                                    [&](const parallel::Param& param, Range elements, int64_t offset) {
                                      if (param.name() != "pos_embed") return;
                                      const at::NoGradGuard no_grad;
                                      Tensor position = vectors.weight.narrow(0, offset, elements.size());
                                      position.copy_(position.roll({16 * 3}));  // by one row of patches
                                    });
         });
       }},
      {"weights not shared at start",
       [] {
         return with_fault(Sequence::ulysses, 0, [](Learner& learner, LearnerBatch&, int rank) {
           const at::NoGradGuard no_grad;
           if (rank == 2) learner.groups()[1]->sections()[0].weight.mul_(1.001);
         });
       }},
      {"fused projection cut across heads",
       [] {
         return with_fault(tensor_parallel(), [](Learner& learner, LearnerBatch&, int rank) {
           // As if rows 12 r to 12 r + 11 of [q; k; v] went to rank r: all ranks but two get no keys.
           parallel::Section& matrices = learner.groups()[2]->sections()[0];
           parallel::for_each_slice(
               matrices, matrices.mine, [&](const parallel::Param& param, Range elements, int64_t offset) {
                 if (param.name() != "blocks.0.attn.qkv.weight") return;
                 std::vector<float> rows(elements.size());
                 parallel::init_truncated_normal(0.02, 1, param.name())(rows, rank * elements.size());
                 const at::NoGradGuard no_grad;
                 matrices.weight.narrow(0, offset, elements.size()).copy_(at::tensor(rows));
               });
         });
       }},
      {"sum over tensor-parallel ranks left out in backward",
       [] {
         // 8 calls for the prediction, 8 forward, then 8 backward, every second of them a sum.
         return with_wire_fault(tensor_parallel(), {"tp",
                                                    [](const Tensor& result, const Tensor& mine, int) {
                                                      return result.numel() < mine.numel()
                                                                 ? mine.narrow(0, 0, result.numel())
                                                                 : result;
                                                    },
                                                    16, 24});
       }},
      {"stage takes the micro-batch before",
       [] {
         ParallelConfig pipeline;
         pipeline.pp = 2, pipeline.dp = 2;
         return with_wire_fault(pipeline,
                                {"pp",
                                 [](const Tensor& result, const Tensor&, int) {
                                   thread_local Tensor before;
                                   Tensor late =
                                       before.defined() && before.sizes() == result.sizes() ? before : result;
                                   if (result.numel() > 0) before = result;
                                   return late;
                                 }},
                                2);
       }},
      {"ring merges in bf16",
       [] {
         // Attention over everyone's keys, its result rounded as if partial results had been merged in bf16.
         class Rounded final : public parallel::SequenceParallel {
          public:
           Rounded(comm::Comm& comm, comm::Counts tokens) : comm_(comm), tokens_(std::move(tokens)) {}
           Tensor attend(Tensor q, Tensor k, Tensor v) const override {
             const auto whole = parallel::all_gather({k, v}, 2, tokens_, comm_, "ring");
             return ops::attention(q, whole[0], whole[1]).to(at::kBFloat16).to(q.scalar_type());
           }

          private:
           comm::Comm& comm_;
           comm::Counts tokens_;
         };
         return with_fault(Sequence::ring, 0, nullptr, [](comm::Comm& sp, const comm::Counts& tokens) {
           return std::make_unique<Rounded>(sp, tokens);
         });
       }},
  };
  fmt::print("planted fault                                   largest relative difference from one rank\n");
  for (const auto& [name, error] : faults) {
    const double found = error();
    fmt::print("  {:45} {:.1e}\n", name, found);
    EXPECT_GT(found, 1e-6) << name;
  }
}

}  // namespace
}  // namespace seqvit::train
