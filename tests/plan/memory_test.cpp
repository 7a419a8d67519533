/// The predicted peak against the allocator's, of phantom ranks over strategies, ZeRO stages, recomputation,
/// depth, and all axes of the mesh.
#include "plan/memory.h"

#include <set>

#include <gtest/gtest.h>

#include "comm/phantom.h"
#include "ops/allocate_only.h"
#include "ops/memory.h"
#include "phantom_step.h"

namespace seqvit::plan {
namespace {

using Settings = std::vector<std::string>;

/// Sequences of 1,024 tokens: at much less, the buffers of libtorch's attention, which do not grow with it
/// and are left out, would count.
constexpr double kBound = 0.11;

const Settings kLayouts[] = {
    {"parallel.zero=0", "model.depth=4"},
    {"parallel.zero=0", "memory.recompute=full", "model.depth=3"},
    {"memory.recompute=keep_attention", "model.depth=1"},
    {"model.embed_dim=128", "memory.recompute=keep_attention"},
    {"model.embed_dim=128", "train.batch_size=2", "train.micro_batches=2"},
    {"parallel.sp=4", "parallel.sequence=ulysses", "parallel.zero=3"},
    {"parallel.sp=4", "parallel.sequence=ulysses", "parallel.zero=1", "memory.recompute=full"},
    {"parallel.sp=3", "parallel.sequence=ulysses", "memory.recompute=keep_attention", "model.depth=5"},
    {"parallel.sp=4", "parallel.sequence=ulysses", "train.precision=fp64"},
    {"parallel.sp=4", "parallel.sequence=ulysses", "train.batch_size=2"},
    {"parallel.sp=4", "parallel.sequence=lss", "parallel.zero=2"},
    {"parallel.sp=4", "parallel.sequence=lss", "parallel.zero=0", "memory.recompute=keep_attention"},
    {"parallel.sp=8", "parallel.sequence=lss", "memory.recompute=full", "model.depth=4"},
    {"parallel.sp=4", "parallel.sequence=lss_kv", "parallel.zero=1", "model.depth=4"},
    {"parallel.sp=8", "parallel.sequence=lss_kv", "memory.recompute=keep_attention", "model.depth=1"},
    {"parallel.sp=4", "parallel.sequence=ring", "model.depth=4"},
    {"parallel.sp=4", "parallel.sequence=ring", "parallel.zero=2", "memory.recompute=full"},
    {"parallel.sp=2", "parallel.sequence=ring", "parallel.zero=0", "memory.recompute=keep_attention"},
    {"parallel.sp=8", "parallel.sequence=hybrid", "parallel.ulysses=4", "model.depth=3"},
    {"parallel.sp=4", "parallel.sequence=hybrid", "memory.recompute=keep_attention"},
    {"parallel.tp=2", "parallel.zero=1", "model.depth=4"},
    {"parallel.tp=2", "parallel.sp=2", "parallel.sequence=ring", "memory.recompute=full"},
    {"parallel.tp=4", "parallel.sp=2", "parallel.sequence=lss", "memory.recompute=keep_attention"},
    {"parallel.dp=4", "train.batch_size=4", "parallel.zero=3", "model.embed_dim=256"},
    {"parallel.dp=2", "train.batch_size=4", "parallel.zero=2", "model.embed_dim=128", "train.micro_batches=2",
     "memory.recompute=full"},
    {"parallel.pp=2", "train.batch_size=4", "train.micro_batches=4", "model.depth=4"},
    {"parallel.pp=2", "train.batch_size=4", "train.micro_batches=4", "model.depth=6",
     "memory.recompute=keep_attention", "parallel.sp=2"},
    {"train.rollout_steps=[4]"},
    {"train.rollout_steps=[8]", "memory.recompute_rollout=true"},
    {"train.rollout_steps=[4]", "memory.recompute_rollout=true", "memory.recompute=full", "parallel.sp=2"},
    {"model.local=depthwise", "model.depth=4"},
    {"model.local=depthwise", "memory.recompute=full", "parallel.sp=4", "parallel.sequence=ulysses",
     "model.depth=4"},
    {"model.local=depthwise", "parallel.tp=2", "memory.recompute=keep_attention"},
    {"model.local=depthwise", "parallel.sp=8", "parallel.sequence=ring"},
    {"model.embed_overlap=true", "model.head_overlap=true", "parallel.sp=2", "parallel.sequence=ring"},
    {"train.rollout_steps=[2]", "memory.recompute=full", "parallel.sp=2", "model.depth=4"},
    {"train.precision=bf16", "model.depth=1"},
    {"train.precision=bf16", "parallel.sp=4", "parallel.sequence=lss", "memory.recompute=keep_attention"},
    {"train.precision=bf16", "parallel.tp=2"},
    {"train.precision=fp64", "model.depth=2", "parallel.sp=2", "parallel.sequence=ring"},
    {"model.qk_norm=true", "model.rotary=true", "model.depth=4"},
    {"model.qk_norm=true", "memory.recompute=keep_attention", "parallel.sp=4", "parallel.sequence=ulysses"},
    {"model.qk_norm=true", "parallel.sp=4", "parallel.sequence=lss", "model.depth=4"},
    {"model.qk_norm=true", "parallel.tp=2", "parallel.zero=1", "memory.recompute=full"},
    {"train.loss=crps", "train.members=2", "model.noise_dim=8", "model.depth=4"},
    {"train.loss=crps", "train.members=3", "model.noise_dim=8", "parallel.tp=2", "memory.recompute=full"},
    {"train.loss=crps", "train.members=2", "model.noise_dim=8", "parallel.sp=4", "parallel.sequence=lss"},
    {"train.ema=0.99", "parallel.dp=2", "train.batch_size=2", "parallel.zero=1", "model.embed_dim=256"},
};

/// First and last rank of a case, alone.
void expect_predicted(const StepCase& one, double bound) {
  ops::install_tensor_allocator();
  const int ranks = ranks_of(one.config);
  for (const int rank : std::set<int>{0, ranks - 1}) {
    const int64_t before = ops::tensor_bytes();
    const auto found =
        static_cast<double>(run_step(one, *comm::make_phantom_comm(ranks, rank)).peak_bytes - before);
    const MemoryPrediction predicted = predict_memory(RankPart(one.shape, one.config, rank), one.shape,
                                                      one.config, attention_memory_here(one.config));
    int64_t sum = 0;
    for (const auto& [part, bytes] : predicted.parts.by_name()) {
      EXPECT_GE(bytes, 0) << part;
      sum += bytes;
    }
    EXPECT_EQ(sum, predicted.peak);
    EXPECT_NEAR(static_cast<double>(predicted.peak) / found, 1.0, bound)
        << name_of(one.config) << ", rank " << rank << " of " << ranks << ": " << found << " bytes";
  }
}

TEST(Memory, IsPredictedWithinABoundOfTheAllocatorsPeak) {
  for (const Settings& layout : kLayouts)
    expect_predicted(make_case(64, layout), kBound);
}

/// A block's input waits in its file during backward where the norm reads it again: long sequences show it,
/// and what is left out at short ones does not count here. Ulysses' tensors travel together in the second
/// case, one by one in the third.
TEST(Memory, OfLongSequencesWhoseTokensWaitInAFile) {
  struct Long {
    int64_t rows;
    Settings settings;
  };
  const std::vector<Long> cases = {
      {2048, {"model.embed_dim=128", "model.num_heads=2"}},
      {2048, {"model.embed_dim=128", "model.num_heads=4", "parallel.sp=4", "parallel.sequence=ulysses"}},
      {4096, {"model.embed_dim=512", "model.num_heads=8", "parallel.sp=4", "parallel.sequence=ulysses"}},
      {2048, {"model.embed_dim=128", "model.num_heads=2", "parallel.sp=4", "parallel.sequence=ring"}},
      {2048, {"model.embed_dim=128", "model.num_heads=2", "model.local=depthwise"}},
      {2048,
       {"model.embed_dim=128", "model.num_heads=4", "parallel.sp=4", "parallel.sequence=ulysses",
        "model.local=depthwise"}}};
  const ops::AllocateOnly only(ops::AllocateOnly::In::attention_and_products);
  for (const char* recompute : {"memory.recompute=keep_attention", "memory.recompute=full"}) {
    for (const Long& one : cases) {
      Settings settings = {recompute, "memory.offload=disk", "model.positions=fixed"};
      settings.insert(settings.end(), one.settings.begin(), one.settings.end());
      expect_predicted(make_case(one.rows, settings), 0.02);
    }
  }
}

TEST(Memory, OfTwentyStepsRunAgainIsLessThanOfTwoThatAreKept) {
  ops::install_tensor_allocator();
  const auto peak = [](const char* steps, const char* again) {
    const int64_t before = ops::tensor_bytes();
    const StepCase one = make_case(64, {"model.depth=4", std::string("train.rollout_steps=") + steps,
                                        std::string("memory.recompute_rollout=") + again});
    return run_step(one, *comm::make_phantom_comm(1, 0)).peak_bytes - before;
  };
  EXPECT_LT(peak("[20]", "true"), peak("[2]", "false"));
}

TEST(Memory, OfStrategiesOrdersAsTheirKeysAndValuesDo) {
  const auto peak = [](const char* strategy) {
    const StepCase one = make_case(
        512, {"parallel.sp=8", "memory.recompute=full", std::string("parallel.sequence=") + strategy});
    return predict_memory(RankPart(one.shape, one.config, 0), one.shape, one.config,
                          AttentionMemory::separate)
        .peak;
  };
  EXPECT_LT(peak("ulysses"), peak("lss"));  // one in eight of keys and values against all of them
  EXPECT_LT(peak("ring"), peak("lss_kv"));
}

}  // namespace
}  // namespace seqvit::plan
