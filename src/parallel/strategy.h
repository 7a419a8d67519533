/// The strategy that a configuration names, composed over the mesh's sequence axis.
#pragma once

#include <memory>

#include "comm/mesh.h"
#include "core/model_config.h"
#include "core/parallel_config.h"
#include "parallel/sequence_parallel.h"

namespace seqvit::parallel {

/// `token_counts`: tokens of each rank of mesh.sp(). Local attention where that has one rank. Collective the
/// first time.
std::unique_ptr<SequenceParallel> make_strategy(const ParallelConfig& config, comm::Mesh& mesh,
                                                const comm::Counts& token_counts);

}  // namespace seqvit::parallel
