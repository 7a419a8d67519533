#include "train/experiment.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <ATen/ops/zeros.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "comm/comm.h"
#include "core/error.h"
#include "core/file.h"
#include "data/inspect_times.h"
#include "data/levels.h"
#include "data/period.h"
#include "data/phases.h"
#include "data/samples.h"
#include "evaluate/rollout_plan.h"
#include "train/inputs.h"

namespace seqvit::train {

namespace {

/// The lead times to learn, in steps of data.lead_time, from the shortest.
std::vector<int64_t> resolve_leads(const TrainConfig& train, const data::LeadTime& step) {
  std::set<int64_t> strides;
  for (const std::string& text : train.leads)
    strides.insert(evaluate::steps_of(data::LeadTime::parse(text), step, "train.leads"));
  if (!train.leads.empty() && !strides.contains(1)) {
    fail(Exit::usage,
         "train.leads: expected data.lead_time {} among them, found [{}]; longer forecasts are "
         "made of shorter ones",
         step.text(), fmt::join(train.leads, ", "));
  }
  strides.insert(1);
  return {strides.begin(), strides.end()};
}

}  // namespace

std::vector<data::LeadTime> Experiment::leads() const {
  std::vector<data::LeadTime> leads;
  for (const int64_t stride : strides)
    leads.push_back(lead.times(stride));
  return leads;
}

bool Experiment::can_roll_out() const {
  const auto predicted = [&](int64_t v) { return std::ranges::find(targets, v) != targets.end(); };
  return std::ranges::all_of(dataset->of_role(data::Role::state), predicted);
}

bool Experiment::reaches(int64_t steps) const {
  return can_roll_out() || std::find(strides.begin(), strides.end(), steps) != strides.end();
}

void Experiment::check_reach(int64_t steps, const std::string& setting) const {
  if (reaches(steps)) return;
  fail(Exit::usage,
       "{}: {} needs the forecast fed back, but data.targets leaves out some of data.variables; keep to the "
       "lead times that were trained (data.lead_time, train.leads)",
       setting, lead.times(steps).text());
}

int64_t Experiment::condition_count() const {
  return (tells_time() ? data::kPhases : 0) + (strides.size() > 1 ? std::ssize(strides) : 0);
}

model::ModelShape Experiment::model_shape() const {
  model::ModelShape shape;
  shape.rows = dataset->grid().rows();
  shape.columns = dataset->grid().columns();
  if (dataset->grid().kind == grid::GridKind::rectilinear)
    shape.latitude = dataset->grid().latitude, shape.longitude = dataset->grid().longitude;
  shape.periodic = dataset->grid().periodic();
  shape.groups = groups;
  shape.targets = targets;
  shape.feedback = feedback_of(*dataset, config, targets, statistics);
  const auto of_levels = config.train.level_weights == LevelWeights::pressure
                             ? data::level_weights(dataset->variables(), targets)
                             : std::vector<double>(targets.size(), 1.0);
  for (size_t t = 0; t < targets.size(); ++t) {
    const auto& weights = config.train.target_weights;
    const auto weight = weights.find(dataset->variables()[targets[t]].name);
    shape.target_weights.push_back((weight == weights.end() ? 1.0 : weight->second) * of_levels[t]);
  }
  shape.conditions = condition_count();
  shape.config = config.model;
  shape.seed = config.train.seed;
  return shape;
}

namespace {

/// Empty where the period is not set.
data::Period resolve(const Experiment& e, const PeriodConfig& period, const char* name) {
  if (period.empty()) return {};
  return data::resolve_period(period, e.dataset->times(), e.dataset->calendar(),
                              std::string("data.split.") + name);
}

void resolve_periods(Experiment& e, const Periods& periods) {
  const SplitConfig& split = e.config.data.split;
  if (periods.train) e.train = resolve(e, split.train, "train").times;
  if (periods.validation) e.validation = resolve(e, split.validation, "validation").times;
  if (periods.test) e.test = resolve(e, split.test, "test").times;
}

void check_training_period(const Experiment& e) {
  const int64_t longest = e.config.train.longest_rollout();
  const std::vector<data::TimeStamp>& times = e.dataset->times();
  for (const data::LeadTime& lead : e.leads()) {
    const int64_t history = e.config.data.history;
    if (!data::make_training_samples(times, e.dataset->calendar(), e.train, {lead}, longest, history).empty())
      continue;
    fail(Exit::usage,
         "lead time {}: expected {} times that far apart in data.split.train, found {}; change {} or the "
         "period",
         lead.text(), longest + history,
         data::describe_times({times.begin() + e.train.begin, times.begin() + e.train.end},
                              e.dataset->calendar()),
         history > 1            ? "data.history"
         : longest > 1          ? "train.rollout_steps"
         : e.strides.size() > 1 ? "train.leads"
                                : "data.lead_time");
  }
}

/// Settings against what the files hold.
void check_settings(const Experiment& e) {
  const TrainConfig& train = e.config.train;
  if (train.longest_rollout() > 1 && !e.can_roll_out()) {
    fail(Exit::usage,
         "train.rollout_steps {}: only a forecast of all variables can be fed back, and data.targets "
         "leaves some out",
         train.longest_rollout());
  }
  for (const auto& [variable, weight] : train.target_weights) {
    const int64_t index = e.dataset->variable_index(variable);
    if (std::find(e.targets.begin(), e.targets.end(), index) != e.targets.end()) continue;
    fail(Exit::usage, "train.target_weights: '{}' is not among data.targets", variable);
  }
  const auto weights = e.model_shape().target_weights;
  if (std::all_of(weights.begin(), weights.end(), [](double weight) { return weight == 0.0; }))
    fail(Exit::usage,
         "train.target_weights: expected a target of weight > 0, found 0 for all; there is nothing to learn");
  if (train.roll_longitude && !e.dataset->grid().periodic()) {
    fail(Exit::usage,
         "train.roll_longitude: expected longitudes that go round the globe, found {} to {}; turn it off",
         e.dataset->grid().longitude.front(), e.dataset->grid().longitude.back());
  }
  if (e.config.data.history > 1 && e.strides.size() > 1) {
    fail(Exit::usage,
         "data.history {}: the states before are one lead time apart, found train.leads of several; keep one "
         "of the two",
         e.config.data.history);
  }
  for (const auto& [variable, bounds] : e.config.model.bounds) {
    const auto is_it = [&](int64_t v) { return data::answers_to(e.dataset->variables()[v], variable); };
    if (std::ranges::any_of(e.targets, is_it)) continue;
    e.dataset->variable_index(variable);  // there is one, but it is not predicted
    fail(Exit::usage, "model.bounds: '{}' is not among data.targets", variable);
  }
  for (const auto& [variable, transform] : e.config.data.transform) {
    const auto is_it = [&](const data::VariableInfo& info) { return data::answers_to(info, variable); };
    if (std::ranges::none_of(e.dataset->statics(), is_it) &&
        std::ranges::none_of(e.dataset->variables(), is_it))
      e.dataset->variable_index(variable);
  }
  for (const std::string& lead : e.config.evaluate.leads)
    e.check_reach(evaluate::steps_of(data::LeadTime::parse(lead), e.lead, "evaluate.leads"),
                  "evaluate.leads");
}

}  // namespace

data::FileReading reading_of(const DataConfig& config) {
  return {config.grid == Coordinates::index, config.time == Coordinates::index, config.select,
          config.missing};
}

std::unique_ptr<data::Dataset> open_dataset(const Config& config, data::Frame frame) {
  return std::make_unique<data::Dataset>(
      data::DatasetOptions{.files = config.data.files,
                           .variables = config.data.variables,
                           .statics = config.data.statics,
                           .cache_bytes = config.data.cache_bytes,
                           .reading = reading_of(config.data),
                           .monthly = data::LeadTime::parse(config.data.lead_time).months > 0,
                           .frame = std::move(frame),
                           .forcings = config.data.forcings,
                           .diagnostics = config.data.diagnostics,
                           .transforms = data::parse_transforms(config.data.transform),
                           .sources = config.data.sources});
}

Experiment open_experiment(const Config& config, Periods periods, data::Frame frame) {
  Experiment e;
  e.config = config;
  e.lead = data::LeadTime::parse(config.data.lead_time);
  e.strides = resolve_leads(config.train, e.lead);
  e.dataset = open_dataset(config, std::move(frame));
  if (config.data.targets.empty()) {
    e.targets = e.dataset->of_role(data::Role::state);
    std::ranges::copy(e.dataset->of_role(data::Role::diagnostic), std::back_inserter(e.targets));
  }
  for (const std::string& name : config.data.targets)
    e.targets.push_back(e.dataset->variable_index(name));
  e.groups = input_groups(*e.dataset, config);
  check_settings(e);
  resolve_periods(e, periods);
  if (periods.train) check_training_period(e);
  return e;
}

std::vector<std::string> describe_periods(const Experiment& e) {
  const SplitConfig& split = e.config.data.split;
  std::vector<std::string> lines;
  for (const auto& [name, period] : {std::pair<const char*, const PeriodConfig&>{"train", split.train},
                                     {"validation", split.validation},
                                     {"test", split.test}}) {
    if (period.empty()) continue;
    lines.push_back(fmt::format(
        "data.split.{}: {}", name,
        data::describe_period(resolve(e, period, name), e.dataset->times(), e.dataset->calendar(), e.lead)));
  }
  return lines;
}

Tensor conditions(const Experiment& e, std::span<const Request> requests) {
  const Tensor out = at::zeros({std::ssize(requests), e.condition_count()}, at::kDouble);
  double* values = out.mutable_data_ptr<double>();
  for (const Request& request : requests) {
    if (e.tells_time()) {
      const auto phases = data::calendar_phases(request.time, e.dataset->calendar());
      values = std::copy(phases.begin(), phases.end(), values);
    }
    if (e.strides.size() > 1) {
      values[request.lead] = 1.0;
      values += e.strides.size();
    }
  }
  return out;
}

std::vector<Request> requests(const Experiment& e, const data::TrainingSample& sample) {
  const auto& longitude = e.dataset->grid().longitude;
  const double degrees =
      sample.roll == 0 ? 0.0 : static_cast<double>(sample.roll) * (longitude[1] - longitude[0]);
  std::vector<Request> all;
  int64_t from = sample.input;
  for (const int64_t target : sample.targets) {
    all.push_back({data::rolled_time(e.dataset->times()[from], degrees), sample.lead});
    from = target;
  }
  return all;
}

Config resolved_config(const Experiment& e) {
  Config config = e.config;
  config.data.files.clear();
  for (const std::string& path : e.dataset->paths())
    config.data.files.push_back(std::filesystem::absolute(path));
  const auto names_of = [&](data::Role role) {
    std::vector<std::string> names;
    for (const int64_t v : e.dataset->of_role(role))
      names.push_back(e.dataset->variables()[v].name);
    return names;
  };
  config.data.variables = names_of(data::Role::state);
  config.data.forcings = names_of(data::Role::forcing);
  config.data.diagnostics = names_of(data::Role::diagnostic);
  config.data.statics.clear();
  for (const data::VariableInfo& field : e.dataset->statics())
    config.data.statics.push_back(field.name);
  config.data.sources.clear();
  for (const auto* fields : {&e.dataset->variables(), &e.dataset->statics()}) {
    for (const data::VariableInfo& field : *fields) {
      if (!field.source.empty()) config.data.sources[field.name] = field.source;
    }
  }
  config.data.targets.clear();
  for (const int64_t target : e.targets)
    config.data.targets.push_back(e.dataset->variables()[target].name);
  return config;
}

void check_settings_kept(const std::filesystem::path& run, const Experiment& e,
                         const std::function<bool(const std::string&)>& matters, const char* why) {
  const std::filesystem::path made_with = run / "config.yaml";
  for (const ChangedSetting& changed : changed_settings(load_config(made_with, {}), resolved_config(e))) {
    if (!matters(changed.path)) continue;
    fail(Exit::usage, "{}: {} is {} there, {} now; {}", made_with.string(), changed.path, changed.one,
         changed.other, why);
  }
}

namespace {

/// What a checkpoint means hangs on these; the rest of training may change on the way, data files may be
/// added.
bool gives_checkpoints_meaning(const std::string& setting) {
  static const std::set<std::string> others = {
      "data.grid",     "data.time",        "data.missing", "data.select",  "data.variables",
      "data.forcings", "data.diagnostics", "data.static",  "data.targets", "data.transform",
      "data.history",  "data.lead_time",   "train.leads"};
  return others.contains(setting) || (setting.starts_with("model.") && setting != "model.drop_path");
}

nlohmann::json normalization_of(const std::filesystem::path& run) {
  const std::filesystem::path path = run / "normalization.json";
  auto json = nlohmann::json::parse(read_text(path, Exit::checkpoint), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) fail(Exit::checkpoint, "{}: no object in JSON; the file is corrupt", path.string());
  return json;
}

}  // namespace

data::Frame frame_of(const std::filesystem::path& run) {
  try {
    return data::frame_from_json(normalization_of(run));
  } catch (const nlohmann::json::exception& error) {
    fail(Exit::checkpoint, "{}: normalization.json: {}; use the file that was written with the run",
         run.string(), error.what());
  }
}

void take_meaning(const std::filesystem::path& run, Experiment& e) {
  check_settings_kept(run, e, gives_checkpoints_meaning,
                      "the run's checkpoints have no meaning with that; keep it, or train another run");
  e.statistics = data::statistics_from_json(normalization_of(run), *e.dataset, e.leads());
}

Experiment open_run(const std::string& run, const std::vector<std::string>& overrides, Periods periods) {
  const std::filesystem::path directory(run);
  if (!std::filesystem::exists(directory / "config.yaml")) {
    fail(Exit::usage, "{}: not a run directory (no config.yaml); `seqvit train CONFIG --run DIR` makes one",
         run);
  }
  const Config config = load_config(directory / "config.yaml", overrides);
  comm::set_comm_timeout(config.parallel.timeout_seconds);  // opening files is under it too
  Experiment e = open_experiment(config, periods, frame_of(directory));
  take_meaning(directory, e);
  return e;
}

}  // namespace seqvit::train
