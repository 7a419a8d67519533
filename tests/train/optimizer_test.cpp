#include "train/optimizer.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include "comm/thread.h"

namespace seqvit::train {
namespace {

TEST(LearningRate, WarmsUpAndFollowsHalfACosine) {
  TrainConfig config;
  config.steps = 110, config.warmup_steps = 10, config.learning_rate = 2.0;
  EXPECT_DOUBLE_EQ(learning_rate(config, 0), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(config, 9), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate(config, 10), 2.0);
  EXPECT_NEAR(learning_rate(config, 60), 1.0, 1e-12);
  EXPECT_NEAR(learning_rate(config, 109), 0.0, 1e-3);
}

TEST(LearningRate, FollowsAScheduleOfItsOwnLengthAndStaysAtItsEnd) {
  TrainConfig of_schedule;
  of_schedule.steps = 110, of_schedule.warmup_steps = 10;
  TrainConfig shorter = of_schedule, longer = of_schedule;
  shorter.steps = 60, shorter.schedule_steps = 110;
  longer.steps = 500, longer.schedule_steps = 110;
  for (const int64_t step : {0, 9, 10, 59, 109}) {
    EXPECT_EQ(learning_rate(shorter, step), learning_rate(of_schedule, step));
    EXPECT_EQ(learning_rate(longer, step), learning_rate(of_schedule, step));
  }
  EXPECT_EQ(learning_rate(longer, 110), learning_rate(of_schedule, 109));
  EXPECT_EQ(learning_rate(longer, 499), learning_rate(of_schedule, 109));
  EXPECT_GT(learning_rate(longer, 499), 0.0);
}

/// A matrix and a vector whose gradients are set by hand.
struct Fixture {
  explicit Fixture(comm::Comm& comm, int stage = 0) : group("g", {&comm, stage, at::kDouble, at::kDouble}) {
    matrix = group.add("m", {4}, parallel::ParamKind::matrix, parallel::init_constant(1.0F));
    vector = group.add("v", {3}, parallel::ParamKind::vector, parallel::init_constant(1.0F));
    group.seal();
  }
  void backward(double factor) {
    const auto weights = group.gather();
    ((**matrix).sum() * factor + (**vector).sum() * factor).backward();
  }
  parallel::ParamGroup group;
  const parallel::Param *matrix, *vector;
};

TEST(AdamW, FollowsItsDefinitionAndDecaysMatricesOnly) {
  const auto comm = comm::make_self_comm();
  Fixture f(*comm);
  TrainConfig config;
  config.betas = {0.9, 0.99}, config.weight_decay = 0.1;
  AdamW optimizer({&f.group}, config, *comm);
  double m = 0, v = 0, matrix = 1, vector = 1;
  for (int step = 1; step <= 5; ++step) {
    const double gradient = 0.3 * step, rate = 0.01;
    f.backward(gradient);
    f.group.finish_gradients();
    optimizer.step(step, rate);
    f.group.publish_weights();
    m = 0.9 * m + 0.1 * gradient, v = 0.99 * v + 0.01 * gradient * gradient;
    const double update = m / (1 - std::pow(0.9, step)) / (std::sqrt(v / (1 - std::pow(0.99, step))) + 1e-8);
    matrix = matrix * (1 - rate * 0.1) - rate * update;
    vector -= rate * update;
  }
  EXPECT_NEAR(f.group.sections()[0].weight[2].item<double>(), matrix, 1e-9);
  EXPECT_NEAR(f.group.sections()[1].weight[2].item<double>(), vector, 1e-9);
}

TEST(AdamW, AveragesWeightsOverStepsAndExchangesThem) {
  for (const int stage : {0, 1, 3}) {
    comm::run_ranks(2, [&](comm::Comm& comm) {
      Fixture f(comm, stage);
      TrainConfig config;
      config.ema = 0.25;
      AdamW optimizer({&f.group}, config, comm);
      EXPECT_FALSE(optimizer.has_averages());
      const auto weight = [&] {
        const auto weights = f.group.gather();
        return (**f.matrix)[1].item<double>();
      };
      double expected = 1.0, last = 1.0;
      for (int step = 1; step <= 4; ++step) {
        f.backward(0.5);
        f.group.finish_gradients();
        optimizer.step(step, 0.1 * step);
        f.group.publish_weights();
        last = weight();
        const double decay = std::min(0.25, (1.0 + step) / (10.0 + step));
        EXPECT_DOUBLE_EQ(average_decay(config, step), decay);
        expected = decay * expected + (1 - decay) * last;
      }
      EXPECT_NE(expected, last);
      for (const double now : {expected, last}) {
        optimizer.exchange_averages();
        f.group.publish_weights();
        EXPECT_NEAR(weight(), now, 1e-12);
      }
    });
  }
}

TEST(AdamW, ClipsTheNormOverAllRanks) {
  for (const int stage : {0, 1, 3}) {
    comm::run_ranks(3, [&](comm::Comm& comm) {
      Fixture f(comm, stage);
      AdamW optimizer({&f.group}, TrainConfig{}, comm);
      f.backward(2.0);
      f.group.finish_gradients();  // 7 elements of 3 x 2
      EXPECT_NEAR(optimizer.clip(1.0), 6 * std::sqrt(7.0), 1e-12);
      for (const parallel::Section& section : f.group.sections()) {
        if (section.mine.size() == 0) continue;
        EXPECT_NEAR(section.gradient[0].item<double>(), 1 / std::sqrt(7.0), 1e-12);
      }
      EXPECT_NEAR(optimizer.clip(5.0), 1.0, 1e-12);
    });
  }
}

}  // namespace
}  // namespace seqvit::train
