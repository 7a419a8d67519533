/// What a rank holds by the planner's account, against the model built.
#include "plan/rank_part.h"

#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "comm/phantom.h"
#include "parallel/pipeline.h"
#include "phantom_step.h"

namespace seqvit::plan {
namespace {

using Settings = std::vector<std::string>;

TEST(RankPart, HoldsTheWeightsOfTheModelBuilt) {
  const Settings models[] = {{},
                             {"model.positions=fixed", "model.head_layers=2"},
                             {"model.tokens=variable"},
                             {"model.local=depthwise"},
                             {"model.embed_overlap=true", "model.head_overlap=true", "model.tokens=variable"},
                             {"model.tokens=aggregated", "model.aggregated_tokens=2", "model.mlp_ratio=1.7"}};
  const Settings meshes[] = {{"parallel.zero=0"},
                             {"parallel.sp=3", "parallel.dp=2", "train.batch_size=3"},
                             {"parallel.tp=3", "parallel.sp=2"},
                             {"parallel.pp=2", "parallel.tp=2", "model.depth=5"}};
  for (const Settings& model : models) {
    for (const Settings& mesh : meshes) {
      Settings settings = model;
      settings.insert(settings.end(), mesh.begin(), mesh.end());
      const StepCase one = make_case(7, settings);
      for (const int rank : std::set<int>{0, ranks_of(one.config) - 1}) {
        std::vector<std::vector<int64_t>> expected;
        const RankPart part(one.shape, one.config, rank);
        const auto add = [&](WeightGroup::Part which) {
          for (const WeightGroup& group : part.groups)
            for (const SharedVector& v : group.part == which ? group.vectors : std::vector<SharedVector>{})
              expected.push_back({v.elements, v.mine()});
        };
        add(WeightGroup::Part::embed);
        for (int64_t block = 0; block < part.blocks(); ++block)
          add(WeightGroup::Part::block);
        add(WeightGroup::Part::head);
        EXPECT_EQ(run_step(one, *comm::make_phantom_comm(ranks_of(one.config), rank)).weights, expected)
            << name_of(one.config) << ", rank " << rank;
      }
    }
  }
}

/// However many micro-batches there are: the whole schedule says the same as its beginning.
TEST(RankPart, KeepsWhatTheScheduleKeeps) {
  for (const int64_t pp : {1, 2, 3, 5}) {
    for (const int64_t interleave : {1, 2, 3}) {
      for (const int64_t rounds : {1, 2, 3, 9}) {
        const StepCase one = make_case(7, {"model.depth=16", fmt::format("parallel.pp={}", pp),
                                           fmt::format("parallel.interleave={}", pp == 1 ? 1 : interleave),
                                           fmt::format("train.micro_batches={}", pp * rounds),
                                           fmt::format("train.batch_size={}", pp * rounds)});
        for (int64_t stage = 0; stage < pp; ++stage) {
          const RankPart part(one.shape, one.config, stage);
          std::vector<int64_t> now(part.chunks.size(), 0);
          std::vector<std::vector<int64_t>> most(part.chunks.size(), now);
          for (const parallel::Action& a : parallel::pipeline_schedule(
                   stage, pp, one.config.parallel.interleave, one.config.train.micro_batches)) {
            const bool forward = a.kind == parallel::Action::Kind::forward;
            for (size_t c = 0; !forward && c < now.size(); ++c)
              most[a.chunk][c] = std::max(most[a.chunk][c], now[c]);
            now[a.chunk] += forward ? 1 : -1;
          }
          for (size_t chunk = 0; chunk < most.size(); ++chunk)
            EXPECT_EQ(part.in_flight(static_cast<int64_t>(chunk)), most[chunk])
                << name_of(one.config) << ", stage " << stage;
        }
      }
    }
  }
}

}  // namespace
}  // namespace seqvit::plan
