/// Bytes by purpose: predicted, of a phantom rank, of the real rank. All three are the same numbers.
#include "plan/traffic.h"

#include <gtest/gtest.h>

#include "comm/phantom.h"
#include "comm/thread.h"
#include "phantom_step.h"

namespace seqvit::plan {
namespace {

using Settings = std::vector<std::string>;

/// Shares are uneven: 16 x 7 tokens, 7 heads over 2 to 4 ranks, batches that do not divide.
const Settings kLayouts[] = {
    {"parallel.sp=3", "parallel.sequence=ulysses", "parallel.zero=0"},
    {"parallel.sp=4", "parallel.sequence=ulysses", "memory.recompute=full", "parallel.zero=1"},
    {"parallel.sp=3", "parallel.sequence=lss", "memory.recompute=keep_attention"},
    {"parallel.sp=4", "parallel.sequence=lss_kv", "parallel.zero=2", "train.precision=fp64"},
    {"parallel.sp=3", "parallel.sequence=ring", "memory.recompute=keep_attention"},
    {"parallel.sp=4", "parallel.sequence=ring", "memory.recompute=full", "parallel.zero=1"},
    {"parallel.sp=6", "parallel.sequence=hybrid", "parallel.ulysses=3"},
    {"parallel.sp=6", "parallel.sequence=hybrid", "parallel.ulysses=2", "memory.recompute=full"},
    {"parallel.dp=3", "parallel.sp=2", "train.batch_size=7", "train.micro_batches=2", "parallel.zero=0"},
    {"parallel.dp=2", "parallel.sp=2", "train.batch_size=5", "train.micro_batches=2", "parallel.zero=2"},
    {"parallel.tp=3", "parallel.sp=2", "parallel.sequence=ring"},
    {"parallel.tp=2", "parallel.sp=3", "parallel.sequence=ulysses", "memory.recompute=keep_attention"},
    {"parallel.tp=2", "parallel.sp=2", "parallel.sequence=lss", "memory.recompute=full"},
    {"parallel.tp=2", "parallel.sp=2", "parallel.sequence=lss_kv", "parallel.zero=1"},
    {"parallel.pp=2", "parallel.dp=2", "train.batch_size=6", "train.micro_batches=3", "parallel.zero=1"},
    {"parallel.pp=2", "parallel.interleave=2", "model.depth=5", "train.batch_size=4",
     "train.micro_batches=4"},
    {"parallel.pp=2", "parallel.sp=2", "parallel.tp=2", "parallel.sequence=ulysses",
     "memory.recompute=keep_attention"},
    {"parallel.sp=2", "train.rollout_steps=[2]", "memory.recompute=full"},
    {"parallel.sp=2", "train.rollout_steps=[3]", "memory.recompute_rollout=true", "memory.recompute=full"},
    {"parallel.sp=4", "parallel.sequence=lss_kv", "train.rollout_steps=[2]", "memory.recompute_rollout=true"},
    {"parallel.sp=3", "parallel.sequence=lss", "train.rollout_steps=[2]", "memory.recompute_rollout=true"},
    {"parallel.tp=2", "parallel.sp=2", "parallel.sequence=ulysses", "train.rollout_steps=[3]",
     "memory.recompute_rollout=true", "memory.recompute=keep_attention"},
    {"parallel.sp=5", "parallel.sequence=ring", "model.tokens=variable", "model.local=depthwise",
     "model.embed_overlap=true", "model.head_overlap=true", "train.rollout_steps=[3]",
     "memory.recompute_rollout=true"},
    {"parallel.sp=3", "parallel.sequence=ulysses", "model.local=depthwise"},
    {"parallel.sp=4", "parallel.tp=3", "parallel.sequence=ring", "model.local=depthwise",
     "memory.recompute=full"},
    {"parallel.sp=5", "parallel.sequence=ring", "model.tokens=variable", "model.local=depthwise",
     "model.embed_overlap=true", "model.head_overlap=true", "train.rollout_steps=[3]",
     "memory.recompute=keep_attention"},
    {"parallel.sp=20", "parallel.sequence=ring", "model.embed_overlap=true", "train.rollout_steps=[2]"},
    {"parallel.sp=3", "parallel.dp=2", "train.batch_size=3", "parallel.sequence=lss",
     "model.tokens=aggregated", "model.aggregated_tokens=2", "model.local=depthwise",
     "model.embed_overlap=true", "model.head_overlap=true"},
    {"parallel.pp=2", "parallel.sp=2", "train.batch_size=4", "train.micro_batches=2", "model.local=depthwise",
     "model.embed_overlap=true", "model.head_overlap=true"}};

StepCase case_of(const Settings& layout) {
  Settings settings = {"model.embed_dim=28", "model.num_heads=7", "model.mlp_ratio=1.7"};
  settings.insert(settings.end(), layout.begin(), layout.end());
  return make_case(7, settings);
}

TEST(Traffic, IsPredictedToTheByteOnEveryRank) {
  for (const Settings& layout : kLayouts) {
    const StepCase one = case_of(layout);
    for (int rank = 0; rank < ranks_of(one.config); ++rank) {
      const RankPart part(one.shape, one.config, rank);
      EXPECT_EQ(predict_traffic(part, one.shape, one.config).by_name(),
                run_step(one, *comm::make_phantom_comm(ranks_of(one.config), rank)).sent)
          << name_of(one.config) << ", rank " << rank;
    }
  }
}

TEST(Traffic, OfAPhantomIsThatOfTheRealRank) {
  for (const Settings& layout : kLayouts) {
    const StepCase one = case_of(layout);
    std::vector<StepMeasured> real(ranks_of(one.config));
    comm::run_ranks(ranks_of(one.config),
                    [&](comm::Comm& world) { real[world.rank()] = run_step(one, world); });
    for (int rank = 0; rank < ranks_of(one.config); ++rank) {
      const StepMeasured phantom = run_step(one, *comm::make_phantom_comm(ranks_of(one.config), rank));
      EXPECT_EQ(phantom.sent, real[rank].sent) << name_of(one.config) << ", rank " << rank;
      EXPECT_EQ(phantom.weights, real[rank].weights) << name_of(one.config) << ", rank " << rank;
    }
  }
}

}  // namespace
}  // namespace seqvit::plan
