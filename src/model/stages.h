/// Which blocks go to which part of a pipeline.
///
/// When to use it: by whoever builds a stage, and by the planner for stages that nobody builds. Parts are as
/// even in counted operations as whole blocks allow; the embedding counts with the first, the head with the
/// last. A count is the same on every rank and run, which measured times are not.
#pragma once

#include <vector>

#include "core/partition.h"
#include "model/shape.h"

namespace seqvit::model {

/// Blocks of each of `parts` consecutive parts of the model.
std::vector<Range> divide_model(const ModelShape& shape, int64_t parts);

/// Those of one stage, a range for each chunk that it holds: chunk c of stage s is part c * stages + s.
std::vector<Range> blocks_of_stage(const ModelShape& shape, int64_t stage, int64_t stages, int64_t chunks);

}  // namespace seqvit::model
