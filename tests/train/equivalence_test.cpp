/// Any mesh trains like one rank: prediction, loss, every gradient, weights after steps; fp64, ranks as
/// threads.
#include <limits>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "train/verify.h"

namespace seqvit::train {
namespace {

struct Layout {
  Sequence sequence;
  int dp, sp, ulysses;
  int zero;
  Recompute recompute;
  int heads;
  Tokens tokens = Tokens::joint;
  int micro_batches = 1;
  int rows = 0;  ///< of the grid; 0: as the problem chooses (overhanging, uneven)
  int pp = 1, tp = 1, interleave = 1;
  int patch_levels = 1, head_layers = 0;
  int rollout = 1;
  bool rotary = false, qk_norm = false;
  bool local = false;  ///< with all parts that read and write neighbours
  bool periodic = false;
  int members = 1;  ///< several: under CRPS, with noise
  int ranks() const { return pp * dp * sp * tp; }
};

std::string name_of(const Layout& l) {
  return fmt::format(
      "{} pp {} x {} dp {} sp {} tp {} zero {} recompute {} heads {} tokens {} x {} head layers {} micro {} "
      "rows {} rollout {} rotary {} norm {} local {} periodic {} members {}",
      to_string(l.sequence), l.pp, l.interleave, l.dp, l.sp, l.tp, l.zero, to_string(l.recompute), l.heads,
      to_string(l.tokens), l.patch_levels, l.head_layers, l.micro_batches, l.rows, l.rollout, l.rotary,
      l.qk_norm, l.local, l.periodic, l.members);
}

VerifyProblem problem_of(const Layout& l) {
  Config config;
  config.data.files = {"none"};
  config.data.split.train = {{"0", "1"}};
  config.model.num_heads = l.heads;
  config.model.embed_dim = 4 * l.heads;
  config.model.depth = 2 * l.pp * l.interleave;
  config.model.patch_size = 2;
  config.model.tokens = l.tokens;
  config.model.aggregated_tokens = l.tokens == Tokens::aggregated ? 2 : 1;
  config.model.patch_levels = l.patch_levels;
  config.model.head_layers = l.head_layers;
  config.model.rotary = l.rotary, config.model.qk_norm = l.qk_norm;
  config.model.drop_path = 0.3;
  if (l.members > 1) {
    config.model.noise_dim = 5;
    config.train.loss = Loss::crps, config.train.members = l.members;
  }
  if (l.local)
    config.model.local = Local::depthwise, config.model.embed_overlap = config.model.head_overlap = true;
  config.train.micro_batches = l.micro_batches;
  config.train.learning_rate = 1e-3;
  config.train.seed = 3;
  config.train.ema = l.heads % 2 == 0 ? 0.7 : 0.0;
  config.parallel.pp = l.pp, config.parallel.dp = l.dp, config.parallel.sp = l.sp, config.parallel.tp = l.tp;
  config.parallel.interleave = l.interleave;
  config.parallel.sequence = l.sequence, config.parallel.ulysses = l.ulysses, config.parallel.zero = l.zero;
  config.memory.recompute = l.recompute;
  config.memory.mlp_chunk = 3;  // leaves a rest in most slabs
  if (l.recompute == Recompute::keep_attention) config.memory.offload = Offload::disk;
  model::ModelShape real;
  real.groups = model::single_inputs(3), real.targets = {0, 2}, real.conditions = 4, real.seed = 3;
  // Three levels of one variable, two of another, a field without: the second token of the first is short.
  if (l.patch_levels == 2) real.groups = {0, 1, 0, 1, 2, 3}, real.targets = {4, 2, 1};
  real.target_weights = {1.0, 0.3};
  if (l.rollout > 1) {
    real.targets = {1, 0};  // all variables, the third input is static
    config.train.rollout_steps = {l.rollout};
    config.memory.recompute_rollout = l.rollout == 3;
  }
  real.periodic = l.periodic;
  VerifyProblem problem = make_verify_problem(config, real);
  if (l.rows > 0) {
    problem.shape.rows = l.rows;
    problem.grid.latitude.clear();
    for (int y = 0; y < l.rows; ++y)
      problem.grid.latitude.push_back(90.0 - 180.0 * y / (l.rows - 1));
    problem.shape.latitude = problem.grid.latitude;
  }
  return problem;
}

void expect_equal(const Layout& layout, const VerifyProblem& problem, int64_t steps, double tolerance) {
  comm::run_ranks(layout.ranks(), [&](comm::Comm& world) {
    const VerifyReport report = verify_layout(problem, world, steps, tolerance);
    if (world.rank() > 0) return;
    EXPECT_TRUE(report.passed()) << name_of(layout) << ": " << report.worst.relative << " at "
                                 << report.worst.element << ", expected " << report.worst.expected
                                 << ", found " << report.worst.found;
    EXPECT_GT(report.tensors, 40);
  });
}

void expect_equal(const Layout& layout, int64_t steps, double tolerance) {
  expect_equal(layout, problem_of(layout), steps, tolerance);
}

/// {strategies} x P x dp x zero x even and uneven x recompute, each value of each axis with many of the
/// others.
std::vector<Layout> table() {
  const Recompute modes[] = {Recompute::none, Recompute::full, Recompute::keep_attention};
  std::vector<Layout> layouts;
  int turn = 0;
  auto add = [&](Sequence sequence, int sp, int ulysses) {
    for (const int dp : {1, 2}) {
      for (const int zero : {0, 1, 2, 3}) {
        if (sp * dp > 8 && zero % 2 == 0) continue;
        const int heads = sequence == Sequence::ulysses  ? sp + turn % 2
                          : sequence == Sequence::hybrid ? ulysses + turn % 2
                                                         : 1 + turn % 3;
        layouts.push_back({sequence, dp, sp, ulysses, zero, modes[turn % 3], heads,
                           static_cast<Tokens>(turn % 3), dp == 2 && turn % 2 == 0 ? 2 : 1});
        ++turn;
      }
    }
  };
  for (const Sequence sequence : {Sequence::ulysses, Sequence::lss, Sequence::lss_kv, Sequence::ring}) {
    for (const int sp : {1, 2, 3, 4, 8})
      add(sequence, sp, 1);
  }
  add(Sequence::hybrid, 4, 2);
  add(Sequence::hybrid, 8, 2);
  add(Sequence::hybrid, 8, 4);
  return layouts;
}

TEST(Equivalence, EveryMeshComputesWhatOneRankDoes) {
  const auto layouts = table();
  EXPECT_GE(layouts.size(), 60U);
  for (const Layout& layout : layouts)
    expect_equal(layout, 1, 1e-10);
}

constexpr Sequence kSequences[] = {Sequence::ulysses, Sequence::lss, Sequence::lss_kv, Sequence::ring};

/// tp {1, 2, 4} x pp {1, 2, 3} x strategies: heads, channels and tokens that divide and that do not.
std::vector<Layout> deep_table() {
  const Recompute modes[] = {Recompute::none, Recompute::full, Recompute::keep_attention};
  std::vector<Layout> layouts;
  int turn = 0;
  for (const Sequence sequence : kSequences) {
    for (const int pp : {1, 2, 3}) {
      for (const int tp : {1, 2, 4}) {
        for (const int sp : {1, 2}) {
          if (pp * tp == 1) continue;
          layouts.push_back({.sequence = sequence,
                             .dp = 1,
                             .sp = sp,
                             .ulysses = 1,
                             .zero = turn % 4,
                             .recompute = modes[turn % 3],
                             .heads = tp * sp + turn % 2,
                             .tokens = static_cast<Tokens>(turn / 2 % 3),
                             .micro_batches = 1 + turn % 4,
                             .pp = pp,
                             .tp = tp});
          ++turn;
        }
      }
    }
  }
  return layouts;
}

TEST(Equivalence, TensorAndPipelineParallelComputeWhatOneRankDoes) {
  for (const Layout& layout : deep_table())
    expect_equal(layout, 1, 1e-10);
}

/// pp 2 x dp 2 x sp 2 x tp 2, each strategy, each stage of ZeRO.
TEST(Equivalence, AllAxesTogether) {
  for (const Sequence sequence : kSequences) {
    for (const int zero : {0, 1, 2, 3}) {
      expect_equal({.sequence = sequence,
                    .dp = 2,
                    .sp = 2,
                    .ulysses = 1,
                    .zero = zero,
                    .recompute = zero % 2 == 0 ? Recompute::keep_attention : Recompute::none,
                    .heads = 4,
                    .micro_batches = 2,
                    .pp = 2,
                    .tp = 2},
                   2, 1e-10);
    }
  }
  expect_equal({.sequence = Sequence::hybrid,
                .dp = 1,
                .sp = 4,
                .ulysses = 2,
                .zero = 3,
                .recompute = Recompute::full,
                .heads = 5,
                .micro_batches = 3,
                .pp = 2,
                .tp = 2},
               2, 1e-10);
}

TEST(Equivalence, InterleavedPipeline) {
  for (const auto& [pp, interleave, micro] : {std::tuple{2, 2, 2}, {2, 3, 4}, {3, 2, 6}}) {
    expect_equal({.sequence = Sequence::ring,
                  .dp = 1,
                  .sp = 2,
                  .ulysses = 1,
                  .zero = micro % 4,
                  .recompute = Recompute::keep_attention,
                  .heads = 2,
                  .micro_batches = micro,
                  .pp = pp,
                  .tp = 1,
                  .interleave = interleave},
                 2, 1e-10);
  }
}

TEST(Equivalence, SixStepsStayTogether) {
  for (const Layout& layout : table()) {
    if (layout.zero == 3 || layout.sp == 3) expect_equal(layout, 6, 1e-9);
  }
}

TEST(Equivalence, SixtyFourRanks) {
  expect_equal({Sequence::ring, 2, 32, 1, 3, Recompute::full, 2, Tokens::joint, 1, 70}, 1, 1e-10);
}

TEST(Equivalence, SevenHeadsOnFourRanks) {
  expect_equal({Sequence::ulysses, 1, 4, 1, 3, Recompute::keep_attention, 7}, 3, 1e-10);
}

TEST(Equivalence, SeventyThreeRowsOnFourRanks) {
  for (const Sequence sequence : {Sequence::ulysses, Sequence::lss, Sequence::ring}) {
    expect_equal({sequence, 1, 4, 1, 2, Recompute::none, 4, Tokens::joint, 1, 73}, 1, 1e-10);
  }
}

TEST(Equivalence, VariableTokensCutInsideAPatch) {
  // 3 variables x 3 columns x 4 rows of patches = 36 tokens over 5 and 7 ranks: shares of 7 or 8 and 5 or 6
  // tokens.
  for (const int sp : {5, 7}) {
    expect_equal({Sequence::ring, 1, sp, 1, 3, Recompute::keep_attention, 2, Tokens::variable, 1, 7}, 3,
                 1e-10);
  }
}

/// What a rank predicts is what its own tokens read in the next step: forecasts are fed back without a
/// message.
TEST(Equivalence, ForecastsFedBack) {
  int turn = 0;
  const Recompute modes[] = {Recompute::keep_attention, Recompute::none, Recompute::full};
  for (const Sequence sequence : kSequences) {
    for (const int tp : {1, 2}) {
      for (const int sp : {2, 3}) {
        expect_equal({.sequence = sequence,
                      .dp = 1 + turn % 2,
                      .sp = sp,
                      .ulysses = 1,
                      .zero = turn % 4,
                      .recompute = modes[turn % 3],
                      .heads = tp * sp,
                      .tokens = static_cast<Tokens>(turn / 3 % 3),
                      .micro_batches = 1 + turn % 2,
                      .tp = tp,
                      .rollout = 2 + turn % 2},
                     2, 1e-10);
        ++turn;
      }
    }
  }
}

/// The parts that read and write neighbours, where shares are rows, half rows, and several ranks in a row,
/// between the variables of a patch, and where a patch's ranks do not meet.
TEST(Equivalence, NeighboursOfOtherRanks) {
  const Recompute modes[] = {Recompute::none, Recompute::keep_attention, Recompute::full};
  int turn = 0;
  for (const Tokens tokens : {Tokens::joint, Tokens::variable, Tokens::aggregated}) {
    for (const auto& [sequence, dp, sp, tp, pp, interleave] : {std::tuple{Sequence::ulysses, 1, 2, 1, 1, 1},
                                                               {Sequence::ring, 1, 3, 1, 1, 1},
                                                               {Sequence::lss, 2, 3, 1, 1, 1},
                                                               {Sequence::lss_kv, 1, 2, 2, 1, 1},
                                                               {Sequence::hybrid, 1, 4, 1, 1, 1},
                                                               {Sequence::ring, 1, 1, 2, 2, 1},
                                                               {Sequence::ring, 1, 1, 3, 1, 1},
                                                               {Sequence::ulysses, 1, 2, 1, 2, 2},
                                                               {Sequence::ring, 1, 8, 1, 1, 1}}) {
      const Layout layout{.sequence = sequence,
                          .dp = dp,
                          .sp = sp,
                          .ulysses = sequence == Sequence::hybrid ? 2 : 1,
                          .zero = turn % 4,
                          .recompute = modes[turn % 3],
                          .heads = 2 * tp,
                          .tokens = tokens,
                          .micro_batches = interleave > 1 ? 2 : 1 + turn % 2,
                          .rows = sp == 8 ? 7 : 0,  // 4 x 3 patches: several ranks in a row
                          .pp = pp,
                          .tp = tp,
                          .interleave = interleave,
                          .rollout = pp > 1 ? 1 : 1 + turn % 3,
                          .local = true,
                          .periodic = turn % 2 == 0};
      expect_equal(layout, 2, 1e-10);
      ++turn;
    }
  }
}

/// Inputs that come from outside at each step, outputs that are not fed back, states before, bounds: one mesh
/// of each kind.
TEST(Equivalence, OfRolesHistoryAndBounds) {
  const double none = std::numeric_limits<double>::infinity();
  for (const Layout& layout : std::vector<Layout>{{.sequence = Sequence::ulysses,
                              .dp = 2,
                              .sp = 2,
                              .ulysses = 1,
                              .zero = 3,
                              .recompute = Recompute::none,
                              .heads = 2,
                              .rollout = 3},
                                                  {.sequence = Sequence::ring,
                                                  .dp = 1,
                                                  .sp = 3,
                                                  .ulysses = 1,
                                                  .zero = 1,
                                                  .recompute = Recompute::full,
                                                  .heads = 2,
                                                  .tokens = Tokens::variable,
                                                  .rollout = 2,
                                                  .local = true},
                                                  {.sequence = Sequence::lss,
                                                  .dp = 1,
                                                  .sp = 2,
                                                  .ulysses = 1,
                                                  .zero = 2,
                                                  .recompute = Recompute::keep_attention,
                                                  .heads = 2,
                                                  .tp = 2,
                                                  .rollout = 3}}) {
    VerifyProblem problem = problem_of(layout);
    // State 0, a forcing 1, a diagnostic 2, the state before 3, static 4.
    problem.shape.groups = {0, 1, 2, 0, 3}, problem.shape.targets = {2, 0};
    problem.shape.target_weights = {1.0, 0.5};
    problem.shape.feedback = {
        .forcings = {1}, .diagnostics = {2}, .shifts = {{3, 0}}, .bounds = {{-0.3, none}, {-1.0, 1.0}}};
    expect_equal(layout, problem, 2, 1e-10);
  }
}

/// Each part alone; the depthwise layer also without rollout.
TEST(Equivalence, EachKindOfNeighbourAlone) {
  for (int part = 0; part < 3; ++part) {
    VerifyProblem problem = problem_of({.sequence = Sequence::ring,
                                        .dp = 1,
                                        .sp = 5,
                                        .ulysses = 1,
                                        .zero = 3,
                                        .recompute = Recompute::full,
                                        .heads = 2,
                                        .tokens = Tokens::variable,
                                        .rollout = 2});
    for (ModelConfig* model : {&problem.config.model, &problem.shape.config}) {
      if (part == 0) model->local = Local::depthwise;
      if (part == 1) model->embed_overlap = true;
      if (part == 2) model->head_overlap = true;
    }
    expect_equal({.sequence = Sequence::ring,
                  .dp = 1,
                  .sp = 5,
                  .ulysses = 1,
                  .zero = 3,
                  .recompute = Recompute::full,
                  .heads = 2},
                 problem, 2, 1e-10);
  }
}

/// As above, of a grid with one column of patches more: 4 x 4 patches of 4 groups over 3 ranks are 21 or 22
/// tokens each, so shares begin between the levels of a patch.
VerifyProblem wider(VerifyProblem problem) {
  problem.shape.columns += 2;
  problem.grid.longitude.assign(problem.shape.columns, 0.0);
  for (size_t x = 0; x < problem.grid.longitude.size(); ++x)
    problem.grid.longitude[x] = 5.0 * static_cast<double>(x);
  problem.shape.longitude = problem.grid.longitude;
  return problem;
}

TEST(Equivalence, LevelsTogetherInATokenCutInsideAPatch) {
  for (const Tokens tokens : {Tokens::variable, Tokens::aggregated}) {
    for (const auto& [sp, tp, pp, recompute] : {std::tuple{3, 1, 1, Recompute::keep_attention},
                                                {1, 2, 1, Recompute::none},
                                                {1, 1, 2, Recompute::full},
                                                {3, 2, 1, Recompute::full},
                                                {3, 1, 2, Recompute::none}}) {
      const Layout layout{.sequence = Sequence::ring,
                          .dp = 1,
                          .sp = sp,
                          .ulysses = 1,
                          .zero = 3,
                          .recompute = recompute,
                          .heads = 2,
                          .tokens = tokens,
                          .pp = pp,
                          .tp = tp,
                          .patch_levels = 2};
      const VerifyProblem problem = wider(problem_of(layout));
      const grid::TokenGrid grid = problem.shape.token_grid();
      EXPECT_EQ(problem.shape.inputs(), 6);
      if (tokens == Tokens::variable) {
        EXPECT_EQ(grid.tokens_per_patch, 4);
        EXPECT_EQ(grid::make_slab(grid, 1, 3).tokens.begin % 4 != 0, sp == 3)
            << "a share begins inside a patch";
      }
      expect_equal(layout, problem, 3, 1e-10);
    }
  }
}

/// Members are more samples: noise of a sample is the same on all of its ranks, whatever shares out samples,
/// tokens, channels, blocks.
TEST(Equivalence, MembersUnderNoise) {
  const Recompute modes[] = {Recompute::none, Recompute::full, Recompute::keep_attention};
  int turn = 0;
  for (const auto& [sequence, dp, sp, tp, pp, interleave] : {std::tuple{Sequence::ulysses, 2, 1, 1, 1, 1},
                                                             {Sequence::ulysses, 1, 3, 1, 1, 1},
                                                             {Sequence::lss, 1, 2, 1, 1, 1},
                                                             {Sequence::lss, 2, 2, 2, 1, 1},
                                                             {Sequence::lss_kv, 1, 2, 1, 1, 1},
                                                             {Sequence::ring, 1, 3, 1, 1, 1},
                                                             {Sequence::hybrid, 1, 4, 1, 1, 1},
                                                             {Sequence::ring, 1, 1, 2, 1, 1},
                                                             {Sequence::ring, 1, 1, 3, 1, 1},
                                                             {Sequence::ring, 1, 2, 2, 1, 1},
                                                             {Sequence::ulysses, 1, 1, 1, 2, 1},
                                                             {Sequence::ring, 1, 2, 1, 2, 2},
                                                             {Sequence::ring, 2, 2, 2, 2, 1}}) {
    expect_equal({.sequence = sequence,
                  .dp = dp,
                  .sp = sp,
                  .ulysses = sequence == Sequence::hybrid ? 2 : 1,
                  .zero = turn % 4,
                  .recompute = modes[turn % 3],
                  .heads = tp * (sequence == Sequence::ulysses ? sp : 2),
                  .tokens = static_cast<Tokens>(turn / 2 % 3),
                  .micro_batches = interleave > 1 ? 2 : 1 + turn % 2,
                  .pp = pp,
                  .tp = tp,
                  .interleave = interleave,
                  .rollout = pp > 1 ? 1 : 1 + turn % 2,
                  .members = 2 + turn % 2},
                 2, 1e-10);
    ++turn;
  }
}

/// Every rank turns its own tokens, whoever attends to them afterwards, and sums its part of the gains'
/// gradients.
TEST(Equivalence, RotaryPositionsAndNormsOfQueriesAndKeys) {
  const Recompute modes[] = {Recompute::none, Recompute::full, Recompute::keep_attention};
  int turn = 0;
  for (const Sequence sequence :
       {Sequence::ulysses, Sequence::lss, Sequence::lss_kv, Sequence::ring, Sequence::hybrid}) {
    for (const auto& [dp, sp, tp, pp] :
         {std::tuple{1, 4, 1, 1}, {2, 2, 1, 1}, {1, 2, 2, 1}, {1, 1, 3, 1}, {1, 4, 2, 1}, {1, 2, 2, 2}}) {
      for (const auto& [rotary, norm] : {std::pair{true, true}, {true, false}, {false, true}}) {
        if (rotary != norm && turn % 2 == 0 && sp * tp > 4) continue;
        expect_equal({.sequence = sequence,
                      .dp = dp,
                      .sp = sp,
                      .ulysses = sequence == Sequence::hybrid ? std::min(sp, 2) : 1,
                      .zero = turn % 4,
                      .recompute = modes[turn % 3],
                      .heads = tp * sp + turn % 2,
                      .tokens = static_cast<Tokens>(turn / 2 % 3),
                      .micro_batches = 1 + turn % 2,
                      .pp = pp,
                      .tp = tp,
                      .rotary = rotary,
                      .qk_norm = norm},
                     2, 1e-10);
        ++turn;
      }
    }
  }
  // Shares that begin inside a patch, and more ranks than rows of patches.
  expect_equal({.sequence = Sequence::ring,
                .dp = 1,
                .sp = 7,
                .ulysses = 1,
                .zero = 3,
                .recompute = Recompute::keep_attention,
                .heads = 2,
                .tokens = Tokens::variable,
                .rows = 7,
                .rotary = true,
                .qk_norm = true},
               3, 1e-10);
  expect_equal({.sequence = Sequence::ring,
                .dp = 2,
                .sp = 32,
                .ulysses = 1,
                .zero = 3,
                .recompute = Recompute::full,
                .heads = 2,
                .rows = 70,
                .rotary = true,
                .qk_norm = true},
               1, 1e-10);
  EXPECT_GE(turn, 60);
}

TEST(Equivalence, HiddenLayersOfTheHead) {
  for (const Tokens tokens : {Tokens::joint, Tokens::variable, Tokens::aggregated}) {
    for (const auto& [sp, tp, pp] : {std::tuple{3, 1, 1}, {1, 2, 1}, {1, 1, 2}, {2, 2, 2}}) {
      expect_equal({.sequence = Sequence::ring,
                    .dp = 1,
                    .sp = sp,
                    .ulysses = 1,
                    .zero = 3,
                    .recompute = sp > 1 ? Recompute::keep_attention : Recompute::none,
                    .heads = 2,
                    .tokens = tokens,
                    .pp = pp,
                    .tp = tp,
                    .head_layers = 2},
                   3, 1e-10);
    }
  }
}

}  // namespace
}  // namespace seqvit::train
