/// A training step of one rank of a layout, measured, to hold predictions against.
#pragma once

#include <string>

#include "comm/mesh.h"
#include "plan/rank_part.h"
#include "plan/traffic.h"
#include "train/learner.h"

namespace seqvit::plan {

struct StepCase {
  Config config;
  model::ModelShape shape;
};

/// A model on a grid of 16 x `columns` patches of 2 x 2 points; `overrides` as on the command line.
StepCase make_case(int64_t columns, const std::vector<std::string>& overrides);

int ranks_of(const Config& config);

struct StepMeasured {
  std::map<std::string, int64_t> sent;
  int64_t peak_bytes = 0;  ///< of tensors, over the step
  /// Elements of every section of every group, empty ones left out.
  std::vector<std::vector<int64_t>> weights;
};

/// Runs one step of a rank; `world` may be a phantom.
StepMeasured run_step(const StepCase& one, comm::Comm& world);

/// "pp 2, dp 1, sp 4 ulysses, ...": for messages.
std::string name_of(const Config& config);

}  // namespace seqvit::plan
