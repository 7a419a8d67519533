/// The proof that a layout computes what one rank computes: prediction, loss, every gradient, weights after
/// some steps.
///
/// Synthetic fields with missing values, in fp64, through the very code that trains; weights that start at
/// zero or one are moved first, so that what they scale shows. At a size that takes
/// seconds, but with the layout's ranks, heads, tokenisation and uneven shares, so that a mistake in any of
/// them shows.
#pragma once

#include <map>
#include <string>

#include "train/learner.h"

namespace seqvit::train {

/// A small problem for a configuration's layout.
struct VerifyProblem {
  Config config;
  model::ModelShape shape;
  grid::Grid grid;
};

/// Shrinks grid, width, depth and batch of `real`, keeps mesh, heads, tokenisation, patch overhang and
/// micro-batches.
VerifyProblem make_verify_problem(const Config& config, const model::ModelShape& real);

/// Normalised fields of the whole grid and batch, the same on every rank, as a LearnerBatch; target with NaN,
/// for the longest rollout.
LearnerBatch make_verify_fields(const VerifyProblem& problem);
/// Samples and rows of a rank's learner.
LearnerBatch part_of(const LearnerBatch& fields, const Learner& learner);

/// Whole tensors by name, put together from all ranks: "prediction", "loss of step 1", "gradient of NAME",
/// "NAME after 3 steps", under train.ema "NAME averaged after 3 steps".
using Snapshot = std::map<std::string, Tensor>;

/// Runs `steps` optimizer steps; prediction, loss and gradients are those of the first. Before them biases,
/// norms and taps are moved off their initial values, which hide mistakes; with no steps the learner stays as
/// it is. Collective; whole on every rank.
Snapshot take_snapshot(Learner& learner, comm::Mesh& mesh, const LearnerBatch& fields, int64_t steps);

struct Difference {
  double relative = 0.0;  ///< largest |a - b| of a tensor over its largest |a|
  std::string element;    ///< where: "gradient of blocks.0.attn.qkv.weight[17]"
  double expected = 0.0, found = 0.0;
};

/// The worst element of each kind of tensor would be too many: the worst of all.
Difference compare(const Snapshot& expected, const Snapshot& found);

struct VerifyReport {
  Difference worst;
  double tolerance = 0.0;
  int64_t tensors = 0;
  bool passed() const { return worst.relative <= tolerance; }
};

/// Compares the layout of `problem` over `world` with one rank. Collective; the same report on every rank.
VerifyReport verify_layout(const VerifyProblem& problem, comm::Comm& world, int64_t steps = 3,
                           double tolerance = 1e-9);

}  // namespace seqvit::train
