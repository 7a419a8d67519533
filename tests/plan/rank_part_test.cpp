/// What a rank holds by the planner's account, against the model built.
#include "plan/rank_part.h"

#include <set>

#include <gtest/gtest.h>

#include "comm/phantom.h"
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

}  // namespace
}  // namespace seqvit::plan
