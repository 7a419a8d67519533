/// A configuration opened: its data set, periods, statistics and the shape of its model.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/tensor.h"
#include "data/dataset.h"
#include "data/samples.h"
#include "data/statistics.h"
#include "model/shape.h"

namespace seqvit::train {

struct Experiment {
  Config config;
  std::unique_ptr<data::Dataset> dataset;
  data::LeadTime lead;  ///< data.lead_time: one step of a forecast
  /// Lead times that the model knows, in steps: 1 and, by train.leads, longer ones.
  std::vector<int64_t> strides;
  Range train, validation, test;  ///< time indices; empty where the split is not set
  std::vector<int64_t> targets;   ///< indices into Dataset::variables()
  std::vector<int64_t> groups;    ///< of inputs (inputs.h), as ModelShape's
  data::Statistics statistics;    ///< of the training period

  /// The lead times that the model knows.
  std::vector<data::LeadTime> leads() const;
  model::ModelShape model_shape() const;
  /// Whether the model is told time of day and year: where it should be and times are dates.
  bool tells_time() const { return config.model.time_embedding && dataset->dated(); }
  /// True when all of the state is predicted, so that forecasts can be fed back.
  bool can_roll_out() const;
  /// Numbers that the model is told beside the fields, see conditions() below.
  int64_t condition_count() const;
  /// Whether a forecast can go so many steps: in one stride or by being fed back.
  bool reaches(int64_t steps) const;
  /// Throws Error(usage), naming `setting`, if not.
  void check_reach(int64_t steps, const std::string& setting) const;
};

/// Which of data.split are looked at: a forecast needs no periods, and files of one time have none; a score
/// needs one.
struct Periods {
  bool train = true, validation = true, test = true;

  static Periods none() { return {false, false, false}; }
  static Periods only(const std::string& split) {
    return {split == "train", split == "validation", split == "test"};
  }
};

/// What the configuration says of files that leave it open.
data::FileReading reading_of(const DataConfig& config);

/// The data alone. `frame`: see DatasetOptions.
std::unique_ptr<data::Dataset> open_dataset(const Config& config, data::Frame frame = {});

/// Opens the files and resolves everything but the statistics. `frame`: see DatasetOptions. Throws
/// Error(usage) or Error(data).
Experiment open_experiment(const Config& config, Periods periods = {}, data::Frame frame = {});
/// The periods that are set, how their bounds were read, and what becomes of their times; a line each.
std::vector<std::string> describe_periods(const Experiment& experiment);
/// A forecast that the model is asked for: from fields valid at `time`, `lead` as an index into strides.
struct Request {
  data::TimeStamp time = 0;
  int64_t lead = 0;
};
/// What the model is told beside the fields, [B, conditions] in fp64: where the time stands in day and year,
/// and a one for the lead time if there are several.
Tensor conditions(const Experiment& experiment, std::span<const Request> requests);
/// What a training sample asks for at each step; its fields, and with them the sun, are rolled as it says.
std::vector<Request> requests(const Experiment& experiment, const data::TrainingSample& sample);

/// The configuration with every path absolute and every list that was left empty filled in: what a run
/// directory keeps.
Config resolved_config(const Experiment& experiment);

/// Throws Error(usage) where the run in `run` was made with another value of a setting that `matters`; `why`
/// ends the message.
void check_settings_kept(const std::filesystem::path& run, const Experiment& experiment,
                         const std::function<bool(const std::string& path)>& matters, const char* why);

/// Grid and units of the run in `run`. Throws Error(checkpoint) for a broken file.
data::Frame frame_of(const std::filesystem::path& run);

/// Makes `experiment` one that checkpoints of the run serve: fields are normalised as in its
/// normalization.json. Throws Error(usage) where a setting that gives checkpoints their meaning is another,
/// Error(data) where grid or units of the data are, Error(checkpoint) for a broken file.
void take_meaning(const std::filesystem::path& run, Experiment& experiment);

/// Opens a finished or running run: RUN/config.yaml with `overrides`, and takes its meaning.
Experiment open_run(const std::string& run, const std::vector<std::string>& overrides, Periods periods = {});

}  // namespace seqvit::train
