#include "train/experiment.h"

#include <algorithm>
#include <filesystem>

#include <ATen/ops/empty.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "data/levels.h"
#include "data/phases.h"

namespace seqvit {

ModelShape Experiment::model_shape() const {
  ModelShape shape;
  shape.rows = dataset->grid().rows();
  shape.columns = dataset->grid().columns();
  shape.groups = groups;
  shape.targets = targets;
  shape.conditions = config.model.time_embedding ? kPhases : 0;
  shape.config = config.model;
  shape.seed = config.train.seed;
  return shape;
}

Experiment open_experiment(const Config& config) {
  Experiment e;
  e.config = config;
  e.lead = LeadTime::parse(config.data.lead_time);
  e.dataset = std::make_unique<Dataset>(DatasetOptions{.files = config.data.files,
                                                       .variables = config.data.variables,
                                                       .statics = config.data.statics,
                                                       .cache_bytes = config.data.cache_bytes});
  auto period = [&](const std::vector<std::string>& bounds, const char* name) {
    if (bounds.empty()) return Range{};
    return resolve_split(bounds, e.dataset->times(), e.dataset->calendar(),
                         std::string("data.split.") + name);
  };
  e.train = period(config.data.split.train, "train");
  e.validation = period(config.data.split.validation, "validation");
  e.test = period(config.data.split.test, "test");
  if (config.data.targets.empty()) {
    for (size_t i = 0; i < e.dataset->variables().size(); ++i)
      e.targets.push_back(static_cast<int64_t>(i));
  }
  for (const std::string& name : config.data.targets)
    e.targets.push_back(e.dataset->variable_index(name));
  e.groups = group_levels(e.dataset->variables(), static_cast<int64_t>(e.dataset->statics().size()),
                          config.model.patch_levels);
  if (make_samples(e.dataset->times(), e.dataset->calendar(), e.train, e.lead).empty()) {
    fail(Exit::usage,
         "data.lead_time {}: no two times of data.split.train are that far apart; look at `seqvit inspect`",
         config.data.lead_time);
  }
  if (config.train.roll_longitude && !e.dataset->grid().periodic()) {
    fail(Exit::usage,
         "train.roll_longitude: expected longitudes that go round the globe, found {} to {}; turn it off",
         e.dataset->grid().longitude.front(), e.dataset->grid().longitude.back());
  }
  return e;
}

Tensor conditions(const Experiment& e, std::span<const TimeStamp> times) {
  const int64_t count = e.model_shape().conditions;
  const Tensor out = at::empty({static_cast<int64_t>(times.size()), count}, at::kDouble);
  double* values = out.mutable_data_ptr<double>();
  for (size_t b = 0; count > 0 && b < times.size(); ++b) {
    const auto phases = calendar_phases(times[b], e.dataset->calendar());
    values = std::copy(phases.begin(), phases.end(), values);
  }
  return out;
}

TimeStamp valid_time(const Experiment& e, const Sample& sample) {
  const TimeStamp time = e.dataset->times()[sample.input];
  if (sample.roll == 0) return time;
  const auto& longitude = e.dataset->grid().longitude;
  return rolled_time(time, static_cast<double>(sample.roll) * (longitude[1] - longitude[0]));
}

Config resolved_config(const Experiment& e) {
  Config config = e.config;
  config.data.files.clear();
  for (const std::string& path : e.dataset->paths())
    config.data.files.push_back(std::filesystem::absolute(path));
  config.data.variables.clear();
  for (const VariableInfo& variable : e.dataset->variables())
    config.data.variables.push_back(variable.name);
  config.data.targets.clear();
  for (const int64_t target : e.targets)
    config.data.targets.push_back(config.data.variables[target]);
  return config;
}

Experiment open_run(const std::string& run, const std::vector<std::string>& overrides) {
  const std::filesystem::path directory(run);
  if (!std::filesystem::exists(directory / "config.yaml")) {
    fail(Exit::usage, "{}: not a run directory (no config.yaml); `seqvit train CONFIG --run DIR` makes one",
         run);
  }
  Experiment e = open_experiment(load_config(directory / "config.yaml", overrides));
  const std::filesystem::path path = directory / "normalization.json";
  const auto json =
      nlohmann::json::parse(read_text(path, Exit::checkpoint), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) fail(Exit::checkpoint, "{}: not JSON; the file is corrupt", path.string());
  e.statistics = statistics_from_json(json, *e.dataset);
  return e;
}

}  // namespace seqvit
