/// Work is conserved over ranks, and time follows the machine.
#include "plan/time.h"

#include <gtest/gtest.h>

#include "phantom_step.h"

namespace seqvit::plan {
namespace {

using Settings = std::vector<std::string>;

/// Rates of 1: seconds are operations and bytes.
Machine unit_machine() {
  return {.name = "unit",
          .ranks_per_node = 4,
          .memory_bytes = 1,
          .bf16_rate = 1,
          .fp32_rate = 1,
          .attention_share = 1,
          .memory_rate = 1e300,
          .inside = {1e300, 0},
          .between = {1e300, 0}};
}

std::map<std::string, double> summed(const Settings& settings) {
  const StepCase one = make_case(8, settings);
  std::map<std::string, double> sum;
  for (int rank = 0; rank < ranks_of(one.config); ++rank) {
    const RankPart part(one.shape, one.config, rank);
    for (const auto& [name, seconds] :
         predict_time(part, one.shape, one.config, unit_machine()).parts.by_name())
      sum[name] += seconds;
  }
  return sum;
}

TEST(Time, CountsTheWorkOfTheModel) {
  const StepCase one = make_case(8, {});
  const auto parts = summed({});
  const double tokens = 16 * 8, width = 64, depth = 2;
  // 3.5 passes of attention, 3 of products and of the head, 2 of the embedding: two variables of 4 points
  // each.
  EXPECT_DOUBLE_EQ(parts.at("attention"), 3.5 * depth * 4 * tokens * tokens * width);
  EXPECT_DOUBLE_EQ(parts.at("products"),
                   3 * depth * 24 * tokens * width * width + (4 + 6) * tokens * width * 8);
  EXPECT_DOUBLE_EQ(parts.at("products") - (4 + 6) * tokens * width * 8 + parts.at("attention") * 3.0 / 3.5,
                   one.shape.training_operations());
}

TEST(Time, OfAllRanksTogetherIsThatOfOne) {
  const auto alone = summed({"train.batch_size=6"});
  for (const Settings& mesh : {Settings{"parallel.sp=3"},
                               {"parallel.sp=5", "parallel.sequence=ring"},
                               {"parallel.sp=4", "parallel.sequence=lss_kv"},
                               {"parallel.sp=6", "parallel.sequence=hybrid"},
                               {"parallel.tp=3", "parallel.sp=2"},
                               {"parallel.dp=4"},
                               {"parallel.pp=2"}}) {
    Settings settings = mesh;
    settings.emplace_back("train.batch_size=6");
    const auto parts = summed(settings);
    EXPECT_NEAR(parts.at("attention") / alone.at("attention"), 1.0, 1e-12) << mesh[0];
    EXPECT_NEAR(parts.at("products") / alone.at("products"), 1.0, 1e-12) << mesh[0];
  }
  // Every rank projects keys and values of the whole sequence: a third of the block's products once per rank.
  EXPECT_GT(summed({"train.batch_size=6", "parallel.sp=4", "parallel.sequence=lss"}).at("products"),
            1.4 * alone.at("products"));
}

TEST(Time, OfAPipelineStandsStillForItsBubble) {
  const auto parts = summed({"parallel.pp=2", "train.batch_size=8", "train.micro_batches=8"});
  EXPECT_NEAR(parts.at("bubble") / (parts.at("products") + parts.at("attention")), 1.0 / 8.0, 1e-12);
}

TEST(Time, OfMessagesBetweenNodesIsLonger) {
  const auto seconds = [](int64_t ranks_per_node, const char* strategy) {
    Machine machine = unit_machine();
    machine.ranks_per_node = ranks_per_node;
    machine.inside = {100.0, 1e-6}, machine.between = {1.0, 1e-5};
    const StepCase one =
        make_case(8, {"parallel.sp=8", "parallel.zero=0", std::string("parallel.sequence=") + strategy});
    const RankPart part(one.shape, one.config, 0);
    return predict_time(part, one.shape, one.config, machine).parts.sp;
  };
  for (const char* strategy : {"ulysses", "lss", "lss_kv"}) {
    EXPECT_GT(seconds(4, strategy), 2.0 * seconds(8, strategy)) << strategy;
    EXPECT_GT(seconds(1, strategy), seconds(4, strategy)) << strategy;
  }
}

TEST(Time, PartsAddUp) {
  const StepCase one = make_case(8, {"parallel.sp=2", "parallel.tp=2", "parallel.pp=2"});
  Machine machine = unit_machine();
  machine.inside = machine.between = {7.0, 0.1}, machine.memory_rate = 3.0;
  const TimePrediction time =
      predict_time(RankPart(one.shape, one.config, 0), one.shape, one.config, machine);
  double sum = 0.0, communication = 0.0;
  for (const auto& [name, seconds] : time.parts.by_name()) {
    EXPECT_GE(seconds, 0.0) << name;
    sum += seconds;
    communication += name.starts_with("communication") ? seconds : 0.0;
  }
  EXPECT_DOUBLE_EQ(sum, time.total);
  EXPECT_DOUBLE_EQ(communication, time.parts.communication());
}

}  // namespace
}  // namespace seqvit::plan
