/// Which fields a model is given, in which order, and what becomes of them from one step of a forecast to the
/// next.
///
/// Inputs are the variables of the data set, then those of its state one, two, ... lead times before
/// (`data.history`), then static fields. Here is the order of those in the middle; whatever needs it asks.
#pragma once

#include <cstdint>
#include <vector>

#include "core/config.h"
#include "data/dataset.h"
#include "data/statistics.h"
#include "model/shape.h"

namespace seqvit::train {

/// An input that is a variable of the state, some lead times before.
struct StateBefore {
  int64_t variable = 0;  ///< index into Dataset::variables()
  int64_t steps = 1;     ///< before
};

/// Those that follow the variables, in their order.
std::vector<StateBefore> states_before(const data::Dataset& dataset, int64_t history);

/// Of each input the token that it is a part of (ModelShape::groups): a state before is where the state is.
std::vector<int64_t> input_groups(const data::Dataset& dataset, const Config& config);

/// Roles, states before and bounds of `targets`; without bounds where statistics are not there yet.
model::Feedback feedback_of(const data::Dataset& dataset, const Config& config,
                            const std::vector<int64_t>& targets, const data::Statistics& statistics);

}  // namespace seqvit::train
