/// What is listed starts, what cannot start is rejected with its reason, and more machine is never slower.
#include "plan/layouts.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "phantom_step.h"

namespace seqvit::plan {
namespace {

constexpr int64_t kGibibyte = int64_t{1} << 30;

Machine small_machine(int64_t memory_bytes = 64 * kGibibyte) {
  Machine machine = find_machine("a100");
  machine.memory_bytes = memory_bytes;
  return machine;
}

StepCase climate_model() {
  return make_case(256,
                   {"model.embed_dim=512", "model.depth=8", "train.batch_size=4", "train.precision=bf16"});
}

LayoutPlan plan(const StepCase& one, const Machine& machine, int64_t ranks) {
  return plan_layouts(one.shape, one.config, machine, ranks, AttentionMemory::separate);
}

/// The settings that a layout is printed with, on top of the configuration.
Config with(const StepCase& one, const Layout& layout) {
  std::istringstream words(layout.settings());
  std::vector<std::string> overrides;
  for (std::string word; words >> word;)
    overrides.push_back(word.substr(2));
  return parse_config(to_yaml(one.config), "pasted", overrides);
}

TEST(Layouts, ListedPassValidationAsTheyArePrinted) {
  const StepCase one = climate_model();
  const Machine machine = small_machine();
  const LayoutPlan all = plan(one, machine, 24);
  ASSERT_GT(all.layouts.size(), 20u);
  double before = 0.0;
  std::set<std::string> meshes;
  for (const Layout& layout : all.layouts) {
    const Config config = with(one, layout);
    EXPECT_EQ(ranks_of(config), layout.ranks());
    EXPECT_NO_THROW(RankPart(one.shape, config, layout.ranks() - 1)) << layout.settings();
    EXPECT_LE(layout.memory.peak, machine.memory_bytes);
    EXPECT_GE(layout.time.total, before);
    EXPECT_TRUE(meshes.insert(describe(layout.parallel)).second) << describe(layout.parallel) << " twice";
    before = layout.time.total;
  }
}

TEST(Layouts, PredictionsHoldForEveryRankOfTheLayout) {
  const StepCase one = climate_model();
  const Machine machine = small_machine();
  for (const Layout& layout : plan(one, machine, 12).layouts) {
    const Config config = with(one, layout);
    for (int64_t rank = 0; rank < layout.ranks(); ++rank) {
      const Layout of_rank = predict_rank(RankPart(one.shape, config, rank), one.shape, config, machine,
                                          AttentionMemory::separate);
      EXPECT_LE(of_rank.time.total, layout.time.total * 1.001) << layout.settings() << ", rank " << rank;
      EXPECT_LE(static_cast<double>(of_rank.memory.peak), static_cast<double>(layout.memory.peak) * 1.01)
          << layout.settings() << ", rank " << rank;
    }
  }
}

/// 8 heads: 16 ranks of Ulysses cannot share them.
TEST(Layouts, RejectedSayWhy) {
  const StepCase one = climate_model();
  const LayoutPlan all = plan(one, small_machine(), 16);
  const auto found = std::find_if(all.rejected.begin(), all.rejected.end(), [](const Rejected& each) {
    return each.reason.find("ulysses divides heads") != std::string::npos;
  });
  ASSERT_NE(found, all.rejected.end());
  EXPECT_GE(found->count, 1);
  EXPECT_NE(found->nearest.find("use ring, lss or hybrid"), std::string::npos) << found->nearest;
  for (const Layout& layout : all.layouts)
    EXPECT_FALSE(layout.parallel.sp == 16 && layout.parallel.sequence == Sequence::ulysses);
}

TEST(Layouts, WithoutRoomNoneFitsAndTheNearestIsNamed) {
  const LayoutPlan all = plan(climate_model(), small_machine(10 << 20), 4);
  EXPECT_TRUE(all.layouts.empty());
  const auto found = std::find_if(all.rejected.begin(), all.rejected.end(), [](const Rejected& each) {
    return each.reason == "more memory than a rank has";
  });
  ASSERT_NE(found, all.rejected.end());
  EXPECT_NE(found->nearest.find("--parallel."), std::string::npos) << found->nearest;
  EXPECT_NE(found->nearest.find("most of it"), std::string::npos) << found->nearest;
}

TEST(Layouts, MoreMachineIsNeverSlower) {
  const StepCase one = climate_model();
  double before = 1e300;
  // The second is too small to gain by 32 ranks: then fewer of them are the best.
  for (const StepCase& model : {one, make_case(4, {})}) {
    before = 1e300;
    for (const int64_t ranks : {1, 2, 4, 8, 16, 32}) {
      const double best = plan(model, small_machine(), ranks).layouts.front().time.total;
      EXPECT_LE(best, before) << ranks << " ranks";
      before = best;
    }
  }
  before = 1e300;
  for (const int64_t memory : {kGibibyte, 4 * kGibibyte, 64 * kGibibyte}) {
    const auto layouts = plan(one, small_machine(memory), 8).layouts;
    const double best = layouts.empty() ? 1e300 : layouts.front().time.total;
    EXPECT_LE(best, before) << memory;
    before = best;
  }
  EXPECT_LT(before, 1e300);
}

/// By mesh the least seconds of what fits: every rank of every layout, nothing left out, nothing remembered.
std::map<std::string, double> exhaustive(const StepCase& one, const Machine& machine, int64_t ranks) {
  std::map<std::string, double> best;
  Config config = one.config;
  ParallelConfig& p = config.parallel;
  const auto take = [&] {
    try {
      validate(config, "test");
      double time = 0.0;
      for (int64_t rank = 0; rank < ranks; ++rank) {
        const Layout of_rank = predict_rank(RankPart(one.shape, config, rank), one.shape, config, machine,
                                            AttentionMemory::separate);
        if (of_rank.memory.peak > machine.memory_bytes) return;
        time = std::max(time, of_rank.time.total);
      }
      const auto [mesh, is_new] = best.emplace(describe(p), time);
      mesh->second = std::min(mesh->second, time);
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), Exit::usage);
    }
  };
  const auto settings = [&] {
    for (int64_t micro = 1; micro <= config.train.batch_size; ++micro)
      for (const int64_t interleave : {1, 2})
        for (const int64_t zero : {0, 1, 2, 3})
          for (const Recompute recompute : {Recompute::none, Recompute::keep_attention, Recompute::full}) {
            config.train.micro_batches = micro, p.interleave = interleave, p.zero = zero;
            config.memory.recompute = recompute;
            take();
          }
  };
  for (p.pp = 1; p.pp <= ranks; ++p.pp)
    for (p.dp = 1; p.pp * p.dp <= ranks; ++p.dp)
      for (p.sp = 1; p.pp * p.dp * p.sp <= ranks; ++p.sp) {
        p.tp = ranks / (p.pp * p.dp * p.sp);
        if (p.pp * p.dp * p.sp * p.tp != ranks) continue;
        for (const Sequence each : {Sequence::ulysses, Sequence::lss, Sequence::lss_kv, Sequence::ring}) {
          p.sequence = each;
          if (p.sp > 1 || each == Sequence::ulysses) settings();
        }
        p.sequence = Sequence::hybrid;
        for (p.ulysses = 2; p.ulysses < p.sp; ++p.ulysses)
          settings();
        p.ulysses = ParallelConfig{}.ulysses;
      }
  return best;
}

TEST(Layouts, TheBestTenAreThoseOfAnExhaustiveSearch) {
  std::mt19937 random(28);
  const auto one_of = [&](std::initializer_list<int64_t> values) {
    return *(values.begin() + random() % values.size());
  };
  int compared = 0;
  for (int repeat = 0; repeat < 30; ++repeat) {
    const int64_t heads = one_of({4, 6, 8}), ranks = one_of({3, 4, 6, 8, 12});
    const StepCase one =
        make_case(one_of({16, 64, 192}),
                  {fmt::format("model.embed_dim={}", heads * one_of({16, 32})),
                   fmt::format("model.num_heads={}", heads), fmt::format("model.depth={}", one_of({2, 3, 8})),
                   fmt::format("train.batch_size={}", one_of({1, 4, 6})),
                   fmt::format("train.precision={}", random() % 2 == 0 ? "fp32" : "bf16")});
    Machine machine = small_machine(one_of({16, 64, 1024}) << 20);
    machine.ranks_per_node = one_of({1, 4});
    std::map<std::string, double> all;
    for (int64_t n = ranks;; n /= 2) {
      all.merge(exhaustive(one, machine, n));
      if (n % 2 != 0) break;
    }
    std::vector<double> times;
    for (const auto& [mesh, time] : all)
      times.push_back(time);
    std::ranges::sort(times);
    const auto found = plan(one, machine, ranks).layouts;
    ASSERT_EQ(found.size(), times.size()) << "case " << repeat;
    for (size_t place = 0; place < std::min<size_t>(10, times.size()); ++place, ++compared) {
      const Layout& layout = found[place];
      // Times within a thousandth are the same to the search, one after another.
      EXPECT_NEAR(layout.time.total, times[place], 0.005 * times[place])
          << "case " << repeat << ": " << place;
      const double least = all.at(describe(layout.parallel));
      EXPECT_NEAR(layout.time.total, least, 0.005 * least) << "case " << repeat << ": " << layout.settings();
    }
  }
  EXPECT_GT(compared, 100);
}

}  // namespace
}  // namespace seqvit::plan
