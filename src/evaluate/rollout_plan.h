/// Which initial times and lead times an evaluation rolls out and scores.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/dataset.h"
#include "data/samples.h"

namespace seqvit::evaluate {

/// One lead time to score: how many steps it takes, and which time each initial time is scored at.
struct LeadPlan {
  data::LeadTime lead;
  int64_t steps = 0;
  std::vector<int64_t> targets;  ///< time index by position in initial_times, -1: not in the period
};

struct RolloutPlan {
  std::vector<int64_t> initial_times;  ///< time indices, increasing
  std::vector<LeadPlan> leads;         ///< by number of steps
};

/// Every `stride`-th initial time that has a valid time of one of `leads` in `period` (time indices). Leads
/// that do not fit into the period are left out with a warning, and so, in one for all, are initial times
/// without the inputs of a forecast. Throws Error(usage) for a lead that is no multiple of `model_lead`, or
/// if there is no initial time.
RolloutPlan make_rollout_plan(const data::Dataset& dataset, const data::LeadTime& model_lead, Range period,
                              const std::vector<data::LeadTime>& leads, int64_t stride, int64_t history = 1);

/// The step, of those from `initial` (a time index) to `steps` steps later, whose inputs the files do not
/// hold: negative where it is one of `history` states, positive where it is forcings. Nothing: the forecast
/// can be made.
std::optional<int64_t> missing_step(const data::Dataset& dataset, const data::LeadTime& step, int64_t history,
                                    int64_t initial, int64_t steps);

/// How many steps of `model_lead` make `lead`. Throws Error(usage) if no whole number does.
int64_t steps_of(const data::LeadTime& lead, const data::LeadTime& model_lead, const char* setting);

}  // namespace seqvit::evaluate
