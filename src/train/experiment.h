/// A configuration opened: its data set, periods, statistics and the shape of its model.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/config.h"
#include "data/dataset.h"
#include "data/samples.h"
#include "data/statistics.h"
#include "model/shape.h"

namespace seqvit {

using at::Tensor;

struct Experiment {
  Config config;
  std::unique_ptr<Dataset> dataset;
  LeadTime lead;
  Range train, validation, test;  ///< time indices; empty where the split is not set
  std::vector<int64_t> targets;   ///< indices into Dataset::variables()
  std::vector<int64_t> groups;    ///< of variables and static fields, as ModelShape's
  Statistics statistics;          ///< of the training period

  ModelShape model_shape() const;
  /// True when every variable is predicted, so that forecasts can be fed back.
  bool can_roll_out() const { return targets.size() == dataset->variables().size(); }
};

/// Opens the files and resolves everything but the statistics. Throws Error(usage) or Error(data).
Experiment open_experiment(const Config& config);
/// What the model is told of samples beside their fields, which are valid at `times`: [B, conditions] in
/// fp64.
Tensor conditions(const Experiment& experiment, std::span<const TimeStamp> times);
/// When the fields of a sample, rolled as it says, are valid.
TimeStamp valid_time(const Experiment& experiment, const Sample& sample);

/// The configuration with every path absolute and every list that was left empty filled in: what a run
/// directory keeps.
Config resolved_config(const Experiment& experiment);

/// Opens a finished or running run: RUN/config.yaml with `overrides`, statistics from RUN/normalization.json.
Experiment open_run(const std::string& run, const std::vector<std::string>& overrides);

}  // namespace seqvit
