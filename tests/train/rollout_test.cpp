#include "train/rollout.h"

#include <cmath>
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "core/random.h"
#include "grid/cell_weights.h"
#include "support/source_path.h"
#include "train/model_forecaster.h"
#include "train/trainer.h"
#include "train/verify.h"

namespace seqvit::train {
namespace {

/// Two variables and a static field on one point, two steps; the second variable is missing in sample 1.
LearnerBatch two_samples() {
  LearnerBatch batch;
  batch.input = at::tensor({1.0, 2.0, 7.0, 3.0, 0.0, 8.0}, at::kDouble).view({2, 3, 1, 1});
  batch.missing = at::zeros({2, 3, 1, 1}, at::kBool);
  batch.missing[1][1].fill_(true);
  batch.condition = at::tensor({0.1, 0.2, 0.3, 0.4}, at::kDouble).view({2, 2, 1});
  batch.target = at::arange(8, at::kDouble).view({2, 2, 2, 1, 1});
  batch.scale = at::tensor({0.5, 0.25, 0.5, 0.25}, at::kDouble).view({2, 2});
  batch.shift = at::tensor({0.01, 0.02, 0.03, 0.04}, at::kDouble).view({2, 2});
  return batch;
}

std::vector<double> values(const Tensor& tensor) {
  const Tensor flat = tensor.contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

void expect_near(const Tensor& found, const std::vector<double>& expected) {
  const auto all = values(found);
  ASSERT_EQ(all.size(), expected.size());
  for (size_t i = 0; i < all.size(); ++i)
    EXPECT_NEAR(all[i], expected[i], 1e-14) << i;
}

/// Two variables that come out as (second, first), and a static field; more is said of them by `feedback`.
RolloutRule rule_of(Predict predict, const model::Feedback& feedback = {}) {
  model::ModelShape shape;
  shape.groups = model::single_inputs(3), shape.targets = {1, 0};
  shape.config.predict = predict, shape.feedback = feedback;
  return {shape, at::kDouble};
}

TEST(Rollout, TendenciesAddUp) {
  const LearnerBatch batch = two_samples();
  const RolloutRule rule = rule_of(Predict::tendency);
  Rollout rollout(batch, rule);
  expect_near(rollout.fields(), {1, 2, 7, 3, 0, 8});
  expect_near(rollout.condition(), {0.1, 0.3});
  const Tensor first = at::tensor({10.0, 20.0, 30.0, 40.0}, at::kDouble).view({2, 2, 1, 1});
  expect_near(rollout.advance(first), {10, 20, 30, 40});
  expect_near(rollout.target(), {0, 1, 4, 5});
  ASSERT_FALSE(rollout.done());
  // x + scale c + shift: 1 + 0.25 * 20 + 0.02, 2 + 0.5 * 10 + 0.01, ...
  expect_near(rollout.fields(), {6.02, 7.01, 7, 13.04, 0, 8});
  expect_near(rollout.condition(), {0.2, 0.4});
  expect_near(rollout.advance(first), {20, 40, 60, 80});
  expect_near(rollout.target(), {2, 3, 6, 7});
  EXPECT_TRUE(rollout.done());
}

TEST(Rollout, StatesAreTheNextFields) {
  const LearnerBatch batch = two_samples();
  const RolloutRule rule = rule_of(Predict::state);
  Rollout rollout(batch, rule);
  const Tensor first = at::tensor({10.0, 20.0, 30.0, 40.0}, at::kDouble).view({2, 2, 1, 1});
  expect_near(rollout.advance(first), {10, 20, 30, 40});
  expect_near(rollout.fields(), {20, 10, 7, 40, 0, 8});
  expect_near(rollout.advance(first * 2), {20, 40, 60, 80});
}

/// The first variable is only put out, the static field is a forcing.
TEST(Rollout, DiagnosticsAreNotFedBackAndForcingsComeFromOutside) {
  LearnerBatch batch = two_samples();
  batch.forced = at::tensor({70.0, 80.0}, at::kDouble).view({2, 1, 1, 1, 1});
  batch.input.select(1, 0).zero_();
  const model::Feedback feedback{.forcings = {2}, .diagnostics = {0}, .shifts = {}, .bounds = {}};
  const Tensor first = at::tensor({10.0, 20.0, 30.0, 40.0}, at::kDouble).view({2, 2, 1, 1});
  for (const Predict predict : {Predict::tendency, Predict::state}) {
    const RolloutRule rule = rule_of(predict, feedback);
    Rollout rollout(batch, rule);
    expect_near(rollout.advance(first), {10, 20, 30, 40});
    expect_near(rollout.fields(), {0, predict == Predict::state ? 10 : 7.01, 70, 0, 0, 80});
    // The second variable's changes add up, the first is what it is.
    if (predict == Predict::tendency) expect_near(rollout.advance(first), {20, 20, 60, 40});
    if (predict == Predict::state) expect_near(rollout.advance(first), {10, 20, 30, 40});
  }
}

/// The second input is what the first was one step before, the third what the second was.
TEST(Rollout, StatesBeforeMoveUp) {
  LearnerBatch batch = two_samples();
  batch.target = at::arange(6, at::kDouble).view({2, 3, 1, 1, 1});
  batch.condition = at::zeros({2, 3, 1}, at::kDouble);
  batch.missing = Tensor();
  model::ModelShape shape;
  shape.groups = model::single_inputs(3), shape.targets = {0};
  shape.config.predict = Predict::state;
  shape.feedback.shifts = {{1, 0}, {2, 1}};
  const RolloutRule rule(shape, at::kDouble);
  Rollout rollout(batch, rule);
  expect_near(rollout.fields(), {1, 2, 7, 3, 0, 8});
  rollout.advance(at::tensor({10.0, 30.0}, at::kDouble).view({2, 1, 1, 1}));
  expect_near(rollout.fields(), {10, 1, 2, 30, 3, 0});
  rollout.advance(at::tensor({11.0, 31.0}, at::kDouble).view({2, 1, 1, 1}));
  expect_near(rollout.fields(), {11, 10, 1, 31, 30, 3});
}

TEST(Rollout, BoundsHoldFieldsAndLetThemComeBack) {
  LearnerBatch batch = two_samples();
  batch.missing = Tensor();
  const double none = std::numeric_limits<double>::infinity();
  const model::Feedback feedback{
      .forcings = {}, .diagnostics = {}, .shifts = {}, .bounds = {{-none, 6.0}, {0.0, none}}};
  const RolloutRule rule = rule_of(Predict::tendency, feedback);
  Rollout rollout(batch, rule);
  // 2 + 0.5 * 10 + 0.01 > 6; 1 + 0.25 * -20 + 0.02 < 0; 0 + 0.5 * 2 + 0.03; 3 + 0.25 * 4 + 0.04
  rollout.advance(at::tensor({10.0, -20.0, 2.0, 4.0}, at::kDouble).view({2, 2, 1, 1}));
  const auto found = values(rollout.fields()), expected = std::vector<double>{0, 6, 7, 4.04, 1.03, 8};
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-12) << i;

  // Gradients: inside all of it; outside only what leads back in.
  const Tensor bounds = at::tensor({0.0, 1.0}, at::kDouble).view({1, 2});
  for (const double sign : {1.0, -1.0}) {
    const Tensor x = at::tensor({-2.0, 0.5, 3.0}, at::kDouble).view({3, 1, 1, 1}).requires_grad_();
    (held(x, bounds).sum() * sign).backward();
    expect_near(x.grad(), sign > 0 ? std::vector<double>{0, 1, 1} : std::vector<double>{-1, -1, 0});
  }
}

/// Steps that run again in backward have the gradients of those that are kept, which `kept` has.
void expect_same_run_again(const VerifyProblem& problem, const LearnerBatch& fields, Learner& kept) {
  for (const Recompute recompute : {Recompute::none, Recompute::full, Recompute::keep_attention}) {
    Config config = problem.config;
    config.memory.recompute = recompute, config.memory.recompute_rollout = true;
    const auto self = comm::make_self_comm();
    comm::Mesh mesh(*self, 1, 1, 1, 1);
    Learner again(problem.shape, config, problem.grid, mesh);
    again.backward(fields, 0);
    for (size_t g = 0; g < kept.groups().size(); ++g) {
      const Tensor expected = kept.groups()[g]->sections()[0].gradient,
                   found = again.groups()[g]->sections()[0].gradient;
      EXPECT_TRUE(at::allclose(found, expected, 1e-10, 1e-14)) << kept.groups()[g]->name();
    }
  }
}

/// The gradient goes through every step that fed a forecast back.
TEST(Rollout, GradientIsThatOfTheWholeForecast) {
  for (const Predict predict : {Predict::tendency, Predict::state}) {
    Config config;
    config.model.num_heads = 2, config.model.embed_dim = 8, config.model.depth = 2,
    config.model.patch_size = 2;
    config.model.predict = predict;
    config.parallel.zero = 0;
    config.train.rollout_steps = {3};
    model::ModelShape real;
    real.groups = model::single_inputs(3), real.targets = {1, 0}, real.conditions = 2, real.seed = 4;
    const VerifyProblem problem = make_verify_problem(config, real);
    const LearnerBatch fields = make_verify_fields(problem);
    EXPECT_TRUE(fields.missing.any().item<bool>());
    const auto self = comm::make_self_comm();
    comm::Mesh mesh(*self, 1, 1, 1, 1);
    Learner learner(problem.shape, problem.config, problem.grid, mesh);
    const auto loss = [&] {
      const auto [sum, weight] = learner.loss_and_weight(fields, 0);
      return sum / weight;
    };
    EXPECT_NEAR(learner.backward(fields, 0).loss, loss(), 1e-12);
    expect_same_run_again(problem, fields, learner);
    for (parallel::ParamGroup* group : learner.groups()) {
      parallel::Section& section = group->sections()[0];
      const int64_t element = section.size / 3;
      Tensor weight = section.weight.detach()[element];
      const double at = weight.item<double>(), step = 1e-5, found = section.gradient[element].item<double>();
      weight.fill_(at + step);
      const double above = loss();
      weight.fill_(at - step);
      const double slope = (above - loss()) / (2 * step);
      weight.fill_(at);
      EXPECT_NEAR(found, slope, 1e-7 + 1e-6 * std::abs(slope)) << group->name();
    }
  }
}

/// Under CRPS the gradient is that of all members over all steps, each with noise of its own; a member's
/// noise does not hang on micro-batches.
TEST(Rollout, GradientOfMembersIsThatOfTheWholeEnsemble) {
  Config config;
  config.model.num_heads = 2, config.model.embed_dim = 8, config.model.depth = 2, config.model.patch_size = 2;
  config.model.noise_dim = 3;
  config.parallel.zero = 0;
  config.train.loss = Loss::crps, config.train.members = 3;
  config.train.rollout_steps = {2};
  config.train.micro_batches = 2;
  model::ModelShape real;
  real.groups = model::single_inputs(3), real.targets = {1, 0}, real.conditions = 2, real.seed = 4;
  VerifyProblem problem = make_verify_problem(config, real);
  const LearnerBatch fields = make_verify_fields(problem);
  const auto self = comm::make_self_comm();
  comm::Mesh mesh(*self, 1, 1, 1, 1);
  Learner learner(problem.shape, problem.config, problem.grid, mesh);
  for (parallel::ParamGroup* group : learner.groups()) {
    group->load([](const parallel::Param& param, Range elements, const Tensor& out) {
      const uint64_t key = random_key(5, param.name());
      for (int64_t i = 0; i < elements.size(); ++i)
        out[i] = 0.4 * normal(key, static_cast<uint64_t>(elements.begin + i));
    });
  }
  const auto loss = [&] {
    const auto [sum, weight] = learner.loss_and_weight(fields, 0);
    return sum / weight;
  };
  EXPECT_NEAR(learner.backward(fields, 0).loss, loss(), 1e-12);
  const LearnerBatch forecasts = learner.members_of(fields, 0, 0);
  EXPECT_EQ(forecasts.input.size(0), 3 * fields.input.size(0));
  EXPECT_EQ(forecasts.condition.size(2), 2 + 3);
  EXPECT_NE(forecasts.condition[0][0][4].item<double>(), forecasts.condition[1][0][4].item<double>());
  EXPECT_NE(forecasts.condition[0][0][4].item<double>(), forecasts.condition[0][1][4].item<double>());
  int64_t checked = 0;
  for (parallel::ParamGroup* group : learner.groups()) {
    for (parallel::Section& section : group->sections()) {
      for (int64_t pick = 0; pick < 4; ++pick) {
        const int64_t element = permuted(7, pick, section.size);
        Tensor weight = section.weight.detach()[element];
        const double at = weight.item<double>(), step = 1e-6,
                     found = section.gradient[element].item<double>();
        weight.fill_(at + step);
        const double above = loss();
        weight.fill_(at - step);
        const double slope = (above - loss()) / (2 * step);
        weight.fill_(at);
        EXPECT_NEAR(found, slope, 1e-6 + 1e-5 * std::abs(slope)) << group->name();
        checked += std::abs(slope) > 1e-4 ? 1 : 0;
      }
    }
  }
  EXPECT_GT(checked, 20);
}

Config sample_config() {
  return parse_config(R"(
data:
  files: [)" + source_path("samples/ncep_air_na_6h_2013_2014.nc") +
                          R"(]
  lead_time: 6h
  split: {train: ["2013-01-01", "2013-01-31"], validation: ["2013-02-01", "2013-02-03"]}
model: {embed_dim: 16, depth: 1, num_heads: 2, patch_size: 8}
train: {batch_size: 5, validation_samples: 0, leads: [12h, 6h], rollout_steps: [1, 3], precision: fp64}
)",
                      "test", {});
}

/// The loss of training is the error of the forecasts that the program makes, in units of one step's change.
TEST(Rollout, LossIsTheErrorOfTheForecasts) {
  for (const char* predict : {"tendency", "state"}) {
    Config config = sample_config();
    config.model.predict = std::string_view(predict) == "state" ? Predict::state : Predict::tendency;
    Experiment e = open_experiment(config);
    ASSERT_EQ(e.strides, (std::vector<int64_t>{1, 2}));
    e.statistics = data::compute_statistics(*e.dataset, e.train, e.leads());
    const auto self = comm::make_self_comm();
    comm::Mesh mesh(*self, 1, 1, 1, 1);
    Trainer trainer(e, mesh);
    ModelForecaster forecaster(e, trainer.learner().model());

    double loss = 0, weight = 0;
    const grid::CellWeights rows_of(e.dataset->grid());
    const std::vector<double>& rows = rows_of.values();
    const int64_t points = e.dataset->grid().points();
    const auto samples =
        data::make_training_samples(e.dataset->times(), e.dataset->calendar(), e.validation, e.leads(), 3);
    EXPECT_EQ(samples.size(), 9U + 6U);
    for (const data::TrainingSample& sample : samples) {
      std::vector<float> state(points), truth(points);
      e.dataset->read(0, sample.input, {0, e.dataset->grid().rows()}, state);
      int64_t from = sample.input;
      for (const int64_t target : sample.targets) {
        const data::TimeStamp time = e.dataset->times()[from];
        state = forecaster.step(state, {&time, 1}, e.strides[sample.lead], {});
        e.dataset->read(0, target, {0, e.dataset->grid().rows()}, truth);
        const double scale = config.model.predict == Predict::tendency
                                 ? e.statistics.tendencies[sample.lead][0].std
                                 : e.statistics.variables[0].std;
        for (int64_t i = 0; i < points; ++i) {
          const double w = rows[i / e.dataset->grid().columns()], error = (state[i] - truth[i]) / scale;
          loss += w * error * error;
          weight += w;
        }
        from = target;
      }
    }
    EXPECT_NEAR(trainer.validate(), loss / weight, 1e-5 * loss / weight) << predict;
  }
}

/// The last batch of validation may leave a rank without a sample: it makes the calls of the others all the
/// same.
TEST(Rollout, ValidationOfFewerSamplesThanRanks) {
  for (const Tokens tokens : {Tokens::joint, Tokens::variable, Tokens::aggregated}) {
    Config config = sample_config();
    config.model.tokens = tokens;
    config.model.head_layers = 1;
    config.train.batch_size = 2;
    config.train.leads = {};
    config.data.split.validation = {
        {"2013-02-01", "2013-02-02"}};  // 5 samples: one is left for the last batch
    Experiment e = open_experiment(config);
    e.statistics = data::compute_statistics(*e.dataset, e.train, e.leads());
    const auto losses = [&](int ranks) {
      std::vector<double> all(ranks);
      comm::run_ranks(ranks, [&](comm::Comm& world) {
        Experiment mine = open_experiment(config);
        mine.statistics = e.statistics;
        comm::Mesh mesh(world, 1, ranks, 1, 1);
        all[world.rank()] = Trainer(mine, mesh).validate();
      });
      return all;
    };
    const double alone = losses(1)[0];
    for (const double loss : losses(2))
      EXPECT_NEAR(loss, alone, 1e-12 * alone) << to_string(tokens);
  }
}

}  // namespace
}  // namespace seqvit::train
