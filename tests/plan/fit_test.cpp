/// A run that has no room is told what would fit.
#include "plan/fit.h"

#include <sstream>

#include <gtest/gtest.h>

#include "phantom_step.h"

namespace seqvit::plan {
namespace {

constexpr AttentionMemory kKernel = AttentionMemory::separate;

std::string misfit_of(const StepCase& one, int64_t bytes) {
  return misfit(one.shape, one.config, kKernel, bytes);
}

/// With the settings that the message names.
Config changed(const StepCase& one, const std::string& message) {
  std::istringstream words(message);
  std::vector<std::string> overrides;
  for (std::string word; words >> word;)
    if (word.starts_with("--")) overrides.push_back(word.substr(2));
  return parse_config(to_yaml(one.config), "pasted", overrides);
}

int64_t peak_of(const StepCase& one, const Config& config) {
  return predict_most_memory(one.shape, config, kKernel).peak;
}

TEST(Fit, WhatHasRoomIsLeftAlone) {
  const StepCase one = make_case(64, {});
  const int64_t peak = peak_of(one, one.config);
  EXPECT_EQ(misfit_of(one, peak), "");
  EXPECT_NE(misfit_of(one, peak - 1), "");
}

TEST(Fit, TheSmallestChangeThatFitsIsNamed) {
  const StepCase one =
      make_case(128, {"train.batch_size=4", "model.depth=6", "parallel.dp=2", "parallel.zero=0"});
  // With ever less room: each change fits, and first come those that cost least time.
  std::string all;
  for (int64_t room = peak_of(one, one.config) - 1;;) {
    const std::string message = misfit_of(one, room);
    all += message + "\n";
    if (message.find("--parallel.zero=3") != std::string::npos) break;
    const int64_t peak = peak_of(one, changed(one, message));
    ASSERT_LE(peak, room) << all;
    room = peak - 1;
  }
  const size_t again = all.find("each; --memory.recompute="), halves = all.find("--train.micro_batches=2"),
               shared = all.find("--parallel.zero=3");
  EXPECT_LT(again, halves) << all;
  EXPECT_LT(halves, shared) << all;
  EXPECT_NE(halves, std::string::npos) << all;
}

TEST(Fit, WhereNoSettingHelpsAnotherLayoutOfTheSameRanksIs) {
  // Weights on every rank of four samples; four ranks of one sample's tokens and heads need far less.
  const StepCase one = make_case(2, {"train.batch_size=4", "model.embed_dim=256", "model.num_heads=4",
                                     "model.depth=8", "parallel.dp=4"});
  Config smallest = one.config;
  smallest.memory.recompute = Recompute::full;
  const int64_t least = peak_of(one, smallest);
  const std::string message = misfit_of(one, least - 1);
  EXPECT_NE(message.find("--parallel."), std::string::npos) << message;
  const Config config = changed(one, message);
  EXPECT_EQ(ranks_of(config), 4);
  EXPECT_LT(peak_of(one, config), least);
}

TEST(Fit, WhereNothingFitsItSaysSo) {
  EXPECT_NE(misfit_of(make_case(16, {}), 1000).find("use more ranks"), std::string::npos);
}

}  // namespace
}  // namespace seqvit::plan
