#include "train/inputs.h"

#include <array>
#include <cmath>

#include "data/levels.h"

namespace seqvit::train {
namespace {

/// Of targets, in normalised fields; empty where nothing bounds them, or statistics are not there yet.
std::vector<std::array<double, 2>> normalised_bounds(const data::Dataset& dataset, const ModelConfig& model,
                                                     const std::vector<int64_t>& targets,
                                                     const data::Statistics& statistics) {
  if (model.bounds.empty() || statistics.variables.empty()) return {};
  std::vector<std::array<double, 2>> all;
  for (const int64_t target : targets) {
    const data::VariableInfo& variable = dataset.variables()[target];
    const data::Moments& moments = statistics.variables[target];
    const Bounds* found = data::setting_of(model.bounds, variable);
    const Bounds bounds = found == nullptr ? Bounds{} : *found;
    const auto normalised = [&](double end) {
      return std::isfinite(end) ? (variable.transform.apply(end) - moments.mean) / moments.std : end;
    };
    all.push_back({normalised(bounds.low), normalised(bounds.high)});
  }
  return all;
}

}  // namespace

std::vector<StateBefore> states_before(const data::Dataset& dataset, int64_t history) {
  std::vector<StateBefore> inputs;
  for (int64_t steps = 1; steps < history; ++steps) {
    for (const int64_t v : dataset.of_role(data::Role::state))
      inputs.push_back({v, steps});
  }
  return inputs;
}

std::vector<int64_t> input_groups(const data::Dataset& dataset, const Config& config) {
  std::vector<int64_t> groups =
      data::group_levels(dataset.variables(), std::ssize(dataset.statics()), config.model.patch_levels);
  std::vector<int64_t> before;
  for (const StateBefore& input : states_before(dataset, config.data.history))
    before.push_back(groups[input.variable]);
  groups.insert(groups.begin() + std::ssize(dataset.variables()), before.begin(), before.end());
  return groups;
}

model::Feedback feedback_of(const data::Dataset& dataset, const Config& config,
                            const std::vector<int64_t>& targets, const data::Statistics& statistics) {
  model::Feedback feedback{.forcings = dataset.of_role(data::Role::forcing),
                           .diagnostics = dataset.of_role(data::Role::diagnostic),
                           .shifts = {},
                           .bounds = normalised_bounds(dataset, config.model, targets, statistics)};
  const auto before = states_before(dataset, config.data.history);
  const auto first = std::ssize(dataset.variables()), state = std::ssize(dataset.of_role(data::Role::state));
  for (int64_t i = 0; i < std::ssize(before); ++i)
    feedback.shifts.emplace_back(first + i, before[i].steps == 1 ? before[i].variable : first + i - state);
  return feedback;
}

}  // namespace seqvit::train
