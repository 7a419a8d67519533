/// What `bench` and `plan` look at: the training step of a configuration's model, or of a plain encoder of a
/// given shape: one variable (or data.variables, all of them predicted) on a nearly square grid, patches of
/// 8 x 8 (64 outputs a token). Fields are synthetic.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "comm/mesh.h"
#include "train/learner.h"

namespace seqvit::cli {

struct BenchShape {
  int64_t tokens = 4096, embed_dim = 384, depth = 4, num_heads = 6, batch_size = 1;
  std::string precision = "fp32", recompute = "none";
};

/// Which model, as on the command line.
struct BenchModel {
  std::string config;
  BenchShape shape;  ///< without a configuration
  CLI::Option* tokens = nullptr;
  std::vector<CLI::Option*> others;  ///< of the shape
};
/// CONFIG, --tokens, --embed_dim, --depth, --num_heads, --batch_size, --precision.
void add_model(CLI::App& command, BenchModel& model);

struct BenchProblem {
  Config config;
  model::ModelShape shape;
  int64_t tokens() const { return shape.token_grid().tokens(); }
};
/// With a configuration its model on its data's grid, or on --tokens if they are given. Throws Error(usage)
/// for options of a shape beside a configuration.
BenchProblem make_problem(const char* command, const BenchModel& model,
                          const std::vector<std::string>& overrides);

/// The model of a configuration and so many tokens, on a nearly square grid. Throws Error(usage) where they
/// are not whole patches.
model::ModelShape bench_model(const Config& config, int64_t tokens);

/// A model of the shape on a mesh, ready to step. Collective.
class BenchStep {
 public:
  BenchStep(const Config& config, const model::ModelShape& shape, comm::Mesh& mesh);
  /// One step: forward, backward, optimizer, barrier. Returns its seconds.
  double operator()();
  const train::Learner& learner() const { return *learner_; }
  const train::StepResult& result() const { return result_; }  ///< of the last step
  double operations() const { return operations_; }  ///< of a step, as ModelShape::training_operations counts

 private:
  comm::Mesh& mesh_;
  std::unique_ptr<train::Learner> learner_;
  train::LearnerBatch batch_;
  int64_t step_ = 0;
  train::StepResult result_;
  double operations_ = 0.0;
};

}  // namespace seqvit::cli
