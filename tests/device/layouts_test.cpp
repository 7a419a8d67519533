/// Training on devices: any layout computes what one rank on the CPU does, and breaks none of the device's
/// rules.
#include <limits>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "device/test_device.h"
#include "train/verify.h"

namespace seqvit::test_device {
namespace {

struct Layout {
  Sequence sequence = Sequence::ulysses;
  int pp = 1, dp = 1, sp = 1, tp = 1;
  int zero = 3;
  Recompute recompute = Recompute::none;
  Offload offload = Offload::none;
  int micro_batches = 1, interleave = 1, ulysses = 2;
  Tokens tokens = Tokens::joint;
  bool local = false;  ///< neighbours, rotary positions, norms of queries and keys
  int rollout = 1;     ///< 3: steps run again in backward
  int members = 1;     ///< several: under CRPS, with noise
  bool roles = false;  ///< forcings, diagnostics, states before, bounds
  int ranks() const { return pp * dp * sp * tp; }
};

std::string name_of(const Layout& l) {
  return fmt::format(
      "{} pp {} x {} dp {} sp {} tp {} zero {} recompute {} offload {} micro {} tokens {} local {} rollout "
      "{} members {} roles {}",
      to_string(l.sequence), l.pp, l.interleave, l.dp, l.sp, l.tp, l.zero, to_string(l.recompute),
      to_string(l.offload), l.micro_batches, to_string(l.tokens), l.local, l.rollout, l.members, l.roles);
}

train::VerifyProblem problem_of(const Layout& l) {
  Config config;
  config.data.files = {"none"};
  config.data.split.train = {{"0", "1"}};
  ModelConfig& m = config.model;
  m.num_heads = 4, m.depth = l.pp * l.interleave, m.patch_size = 2, m.drop_path = 0.3;
  m.tokens = l.tokens;
  if (l.local) {
    m.local = Local::depthwise, m.embed_overlap = m.head_overlap = true;
    m.rotary = m.qk_norm = true;
  }
  config.train.micro_batches = l.micro_batches, config.train.learning_rate = 1e-3, config.train.ema = 0.7;
  ParallelConfig& p = config.parallel;
  p.pp = l.pp, p.dp = l.dp, p.sp = l.sp, p.tp = l.tp, p.interleave = l.interleave;
  p.sequence = l.sequence, p.ulysses = l.ulysses, p.zero = l.zero;
  p.device = DeviceKind::cuda;
  if (l.members > 1) {
    config.model.noise_dim = 5;
    config.train.loss = Loss::crps, config.train.members = l.members;
  }
  config.memory.recompute_rollout = l.rollout == 3;
  config.memory.recompute = l.recompute, config.memory.offload = l.offload;
  config.memory.mlp_chunk = 3;  // leaves a rest
  model::ModelShape real;
  real.groups = model::single_inputs(3), real.targets = {0, 2}, real.conditions = 2, real.seed = 3;
  if (l.rollout > 1) {
    real.targets = {1, 0};
    config.train.rollout_steps = {l.rollout};
  }
  real.target_weights = {1.0, 0.3};
  if (l.roles) {
    // State 0, a forcing 1, a diagnostic 2, the state before 3, static 4.
    const double none = std::numeric_limits<double>::infinity();
    real.groups = {0, 1, 2, 0, 3}, real.targets = {2, 0};
    real.feedback = {
        .forcings = {1}, .diagnostics = {2}, .shifts = {{3, 0}}, .bounds = {{-0.3, none}, {-1.0, 1.0}}};
  }
  return train::make_verify_problem(config, real);
}

void expect_equal(const Layout& layout) {
  SCOPED_TRACE(name_of(layout));
  take_reports();
  comm::run_ranks(layout.ranks(), [&](comm::Comm& world) {
    const auto report = train::verify_layout(problem_of(layout), world, /*steps=*/1, 1e-10);
    if (world.rank() == 0) {
      EXPECT_TRUE(report.passed()) << name_of(layout) << ": " << report.worst.relative << " at "
                                   << report.worst.element << ", expected " << report.worst.expected
                                   << ", found " << report.worst.found;
    }
  });
  EXPECT_TRUE(take_reports().empty());
}

TEST(Layouts, OneRank) {
  expect_equal({.zero = 0});
  expect_equal({.recompute = Recompute::full, .tokens = Tokens::variable});
  expect_equal({.recompute = Recompute::full, .offload = Offload::host, .micro_batches = 2});
  expect_equal(
      {.recompute = Recompute::keep_attention, .offload = Offload::host, .tokens = Tokens::aggregated});
  expect_equal({.recompute = Recompute::keep_attention, .local = true});
  expect_equal({.rollout = 2});
  expect_equal({.local = true, .rollout = 3, .members = 2, .roles = true});
}

TEST(Layouts, StrategiesOfTwoRanks) {
  for (const auto sequence : {Sequence::ulysses, Sequence::lss, Sequence::lss_kv, Sequence::ring})
    expect_equal({.sequence = sequence, .sp = 2, .zero = sequence == Sequence::ring ? 1 : 3});
  expect_equal({.sequence = Sequence::ring,
                .sp = 2,
                .recompute = Recompute::keep_attention,
                .offload = Offload::host});
}

TEST(Layouts, DataAndTensorParallel) {
  for (const int zero : {0, 1, 2, 3})
    expect_equal({.dp = 2,
                  .zero = zero,
                  .recompute = zero == 3 ? Recompute::full : Recompute::none,
                  .micro_batches = 2});
  expect_equal({.tp = 2});
  expect_equal({.tp = 2, .zero = 1, .recompute = Recompute::full});
}

TEST(Layouts, Pipelines) {
  expect_equal({.pp = 2, .micro_batches = 3});
  expect_equal({.pp = 2, .zero = 1, .micro_batches = 2, .interleave = 2});
}

TEST(Layouts, FourRanks) {
  for (const auto sequence : {Sequence::ulysses, Sequence::lss, Sequence::lss_kv, Sequence::ring}) {
    const int zero = static_cast<int>(sequence) % 4;
    expect_equal({.sequence = sequence, .sp = 2, .tp = 2, .zero = zero});
    expect_equal({.sequence = sequence, .pp = 2, .sp = 2, .zero = 3 - zero, .micro_batches = 2});
    expect_equal({.sequence = sequence,
                  .dp = 2,
                  .sp = 2,
                  .zero = 3 - zero,
                  .recompute = Recompute::keep_attention,
                  .offload = Offload::host});
  }
  expect_equal({.sequence = Sequence::hybrid, .sp = 4, .recompute = Recompute::keep_attention});
  expect_equal({.sequence = Sequence::lss, .dp = 2, .sp = 2, .zero = 3, .local = true});
  expect_equal({.pp = 2, .tp = 2, .zero = 1, .micro_batches = 4, .interleave = 2});
  expect_equal({.sequence = Sequence::ring,
                .dp = 2,
                .sp = 2,
                .recompute = Recompute::full,
                .micro_batches = 2,
                .rollout = 2,
                .members = 2,
                .roles = true});
}

}  // namespace
}  // namespace seqvit::test_device
