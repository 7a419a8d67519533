/// What ranks do together so that one of them can write a file.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "evaluate/forecaster.h"

namespace seqvit::evaluate {

/// Runs `action` on the rank that writes; the others wait for it, and hear of its failure as Error(data) with
/// `failure`. Waiting also keeps them from reading NetCDF in the meantime, should ranks be threads of one
/// process. Collective.
void on_writing_rank(Forecaster& forecaster, const std::string& failure, const std::function<void()>& action);

/// A whole field from the slabs [Y, X] of all ranks: each point comes from the rank that owns it (`variable`
/// of Forecaster::owned), all others add nothing. `points`: of the grid. Collective.
std::vector<float> whole_field(Forecaster& forecaster, int64_t variable, std::span<const float> slab,
                               int64_t columns, int64_t points);

}  // namespace seqvit::evaluate
