/// The longest sequence that trains within a bound on memory.
#pragma once

#include <nlohmann/json.hpp>

#include "cli/bench_step.h"

namespace seqvit::cli {

/// Bisection, to one part in 64, on the peak of tensor memory of steps that compute nothing
/// (ops/allocate_only.h), from a straight line through two short ones; then, if `confirm`, one real step of
/// the length found. `bytes`: the bound for each rank. Beside it stands the peak of resident memory, in steps
/// that compute nothing without other libraries' buffers, and 0 where the system does not tell. Collective.
nlohmann::ordered_json bench_longest(const Config& config, int64_t bytes, comm::Comm& world, bool confirm);

}  // namespace seqvit::cli
