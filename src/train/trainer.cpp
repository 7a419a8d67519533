#include "train/trainer.h"

#include <cmath>

#include <ATen/ops/isfinite.h>
#include <ATen/ops/nan_to_num.h>
#include <fmt/ranges.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"
#include "core/watch.h"
#include "data/period.h"
#include "ops/to_device.h"

namespace seqvit::train {
namespace {

data::LoaderOptions loader_options(const Experiment& experiment, const grid::Slab& slab) {
  return {.targets = experiment.targets,
          .tendency = experiment.config.model.predict == Predict::tendency,
          .rows = slab.rows,
          .rolls = experiment.config.train.roll_longitude};
}

/// At most `count` samples, evenly spaced (0: all).
std::vector<data::TrainingSample> evenly_spaced(const std::vector<data::TrainingSample>& samples,
                                                int64_t count) {
  const auto size = static_cast<int64_t>(samples.size());
  if (count == 0 || size <= count) return samples;
  std::vector<data::TrainingSample> chosen;
  for (int64_t i = 0; i < count; ++i)
    chosen.push_back(samples[i * size / count]);
  return chosen;
}

}  // namespace

Trainer::Trainer(const Experiment& experiment, comm::Mesh& mesh, std::optional<std::filesystem::path> run)
    : experiment_(experiment),
      config_(experiment.config.train),
      mesh_(mesh),
      run_(std::move(run)),
      learner_(experiment.model_shape(), experiment.config, experiment.dataset->grid(), mesh),
      reader_(*experiment.dataset, experiment.statistics,
              loader_options(experiment, learner_.model().slab())),
      shape_(experiment.model_shape()),
      validation_(evenly_spaced(samples_of(experiment.validation, config_.longest_rollout()),
                                config_.validation_samples)) {
  if (experiment.validation.size() == 0 || !validation_.empty()) return;
  fail(Exit::usage,
       "data.split.validation: {} holds no {} times that are {} apart; lengthen it, or leave it out",
       data::period_text(experiment.dataset->times(), experiment.dataset->calendar(), experiment.validation),
       config_.longest_rollout() + 1, experiment.lead.text());
}

std::vector<data::TrainingSample> Trainer::samples_of(Range period, int64_t rollout) const {
  return data::make_training_samples(experiment_.dataset->times(), experiment_.dataset->calendar(), period,
                                     experiment_.leads(), rollout, experiment_.config.data.history);
}

LearnerBatch Trainer::to_tensors(const data::Batch& batch, int64_t rollout) const {
  const int64_t size = std::ssize(batch.samples), targets = std::ssize(experiment_.targets);
  const int64_t rows = learner_.model().slab().rows.size(), columns = experiment_.dataset->grid().columns();
  const at::TensorOptions& options = learner_.model().options();
  const auto tensor = [&](const std::vector<float>& values, const std::vector<int64_t>& shape) {
    return ops::to_device(values, shape, options);
  };
  std::vector<Request> asked;
  std::vector<double> scale, shift;  // of a normalised change to normalised fields
  for (const data::TrainingSample& sample : batch.samples) {
    const auto more = requests(experiment_, sample);
    asked.insert(asked.end(), more.begin(), more.end());
    for (const int64_t target : experiment_.targets) {
      const data::Moments &change = experiment_.statistics.tendencies[sample.lead][target],
                          &state = experiment_.statistics.variables[target];
      scale.push_back(change.std / state.std);
      shift.push_back(change.mean / state.std);
    }
  }
  const auto of_targets = [&](const std::vector<double>& values) {
    return ops::to_device(values, {size, targets}, options);
  };
  const Tensor condition = conditions(experiment_, asked);
  LearnerBatch fields{tensor(batch.input, {size, shape_.inputs(), rows, columns}),
                      condition.view({size, rollout, condition.size(1)}).to(options),
                      tensor(batch.target, {size, rollout, targets, rows, columns}),
                      of_targets(scale),
                      of_targets(shift),
                      {},
                      {}};
  if (!batch.forced.empty()) {
    fields.forced =
        tensor(batch.forced, {size, rollout - 1, std::ssize(shape_.feedback.forcings), rows, columns});
    at::nan_to_num_(fields.forced, 0.0, 0.0, 0.0);
  }
  // Not finite is also what is too large for its type once normalised.
  if (rollout > 1) fields.missing = at::isfinite(fields.input).logical_not_();
  at::nan_to_num_(fields.input, 0.0, 0.0, 0.0);
  return fields;
}

StepReport Trainer::step() {
  if (const int64_t rollout = config_.rollout_at(progression_.step); !loader_ || rollout != rollout_) {
    rollout_ = rollout;
    batches_.reset();  // it takes from the loader
    loader_ = std::make_unique<data::Loader>(reader_, samples_of(experiment_.train, rollout), config_.seed,
                                             config_.batch_size, learner_.my_samples(), samples_taken());
    const c10::Device device = learner_.model().options().device();
    const bool weighs = !device.is_cpu() && learner_.model().ends_model();  // on the thread that may wait
    batches_.emplace(
        [this, rollout, weighs] {
          LearnerBatch batch = to_tensors(loader_->next(), rollout);
          if (weighs) batch.weight = learner_.loss().weight_of(batch.target);
          return batch;
        },
        device);
  }
  const double start = seconds_now();
  const LearnerBatch fields = [&] {  // my samples of the batch, my slab of the grid
    const Phase reading("reading");
    return batches_->next();
  }();
  const double data_seconds = seconds_now() - start;
  StepReport report;
  report.step = progression_.step + 1;
  report.learning_rate = learning_rate(config_, progression_.step);
  const StepResult result = learner_.backward(fields, progression_.step, stop_requested());
  if (result.weight > 0.0) report.loss = result.loss;
  report.grad_norm = learner_.update(progression_.step, result);
  report.skipped = learner_.guard().state().skipped;
  report.samples = samples_taken() + config_.batch_size;
  progression_.step = report.step;
  progression_.samples = report.samples;
  progression_.learning_rate = report.learning_rate;
  progression_.spikes = learner_.guard().state();
  stopping_ = result.stop;
  report.seconds = seconds_now() - start;
  report.data_seconds = data_seconds;
  report.tokens_per_second =
      static_cast<double>(config_.forecasts() * learner_.model().token_grid().tokens()) / report.seconds;
  return report;
}

// Every rank makes the same calls, with as many steps fed back, though the last batch may leave some without
// a sample of their own.
LearnerBatch Trainer::validation_batch(int64_t first) const {
  const Range mine = my_validation(first);
  return to_tensors(reader_.read(std::span(validation_).subspan(mine.begin, mine.size())),
                    config_.longest_rollout());
}

Range Trainer::my_validation(int64_t first) const {
  const int64_t count = std::min<int64_t>(config_.batch_size, std::ssize(validation_) - first);
  const Range mine = share(count, mesh_.dp().rank(), mesh_.dp().size());
  return {first + mine.begin, first + mine.end};
}

double Trainer::validate() {
  const Phase phase("validation");
  double loss = 0.0, weight = 0.0;
  learner_.exchange_averages();
  for (int64_t first = 0; first < std::ssize(validation_); first += config_.batch_size) {
    const auto [more_loss, more_weight] =
        learner_.loss_and_weight(validation_batch(first), my_validation(first).begin);
    loss += more_loss;
    weight += more_weight;
  }
  learner_.exchange_averages();
  const auto totals = learner_.sum_over_ranks({loss, weight}, "validation");
  if (totals[1] == 0.0) fail_without_targets("validation", experiment_.validation);
  return totals[0] / totals[1];
}

void Trainer::check_validation() {
  for (int64_t first = 0; first < std::ssize(validation_); first += config_.batch_size) {
    const double mine =
        learner_.model().ends_model() ? learner_.loss().weight_of(validation_batch(first).target) : 0.0;
    if (learner_.sum_over_ranks({mine}, "validation")[0] > 0.0) return;
  }
  if (!validation_.empty()) fail_without_targets("validation", experiment_.validation);
}

void Trainer::fail_without_targets(const char* split, Range period) const {
  std::vector<std::string> names;
  for (const int64_t target : experiment_.targets)
    names.push_back(experiment_.dataset->variables()[target].name);
  fail(Exit::data,
       "data.split.{}: {}: no valid point of {} in any sample{}; choose another period, or look at the data "
       "with `seqvit inspect`",
       split, data::period_text(experiment_.dataset->times(), experiment_.dataset->calendar(), period),
       fmt::join(names, ", "),
       config_.target_weights.empty() ? "" : " (of those that train.target_weights counts)");
}

void Trainer::watch_for_targets(const StepReport& report) {
  if (report.loss) {
    samples_without_target_ = 0;
    return;
  }
  if (!std::exchange(said_without_target_, true)) {
    log_warn(
        "step {}: no target has a valid point in the whole batch: the step counts but changes nothing. Later "
        "ones are not said again; the loss of such a step is null in metrics.jsonl",
        report.step);
  }
  samples_without_target_ += config_.batch_size;
  // An epoch begins anywhere: two of them hold a whole one.
  if (samples_without_target_ >= 2 * samples()) fail_without_targets("train", experiment_.train);
}

void Trainer::save(bool is_best) {
  const Phase phase("checkpoint");
  Checkpoints(*run_, mesh_.world())
      .save(learner_.groups(), learner_.optimizer(), progression_, is_best, config_.keep_checkpoints);
}

void Trainer::resume(const std::optional<std::string>& from) {
  const Checkpoints checkpoints(*run_, mesh_.world());
  const auto checkpoint = checkpoints.to_resume(from);
  if (!checkpoint) return;
  const Phase phase("reading the checkpoint");
  progression_ = load_checkpoint(*checkpoint, learner_.groups(), &learner_.optimizer());
  if (learner_.guard().is_on()) learner_.guard().set(progression_.spikes);
  if (!progression_.samples && progression_.step > 0) {  // of a version that did not write it down
    const TrainConfig before = load_config(*run_ / "config.yaml", {}).train;
    progression_.samples = progression_.step * before.batch_size;
    progression_.learning_rate = learning_rate(before, progression_.step - 1);
  }
  log_info("resuming from {}: {} steps done, {} samples taken", checkpoint->string(), progression_.step,
           samples_taken());
  warn_of_another_rate();
  if (!checkpoints.go_back_to(progression_)) {
    progression_.best_validation_loss = std::numeric_limits<double>::infinity();
    progression_.best_step.reset();
  }
}

/// Where the schedule would have taken the last step at another rate than it was.
void Trainer::warn_of_another_rate() const {
  if (!progression_.learning_rate || progression_.step >= config_.steps) return;
  const double was = *progression_.learning_rate, would_be = learning_rate(config_, progression_.step - 1);
  if (std::abs(would_be - was) <= 1e-6 * was) return;
  log_warn(
      "the learning rate goes from {:.2g} at step {} to {:.2g} at step {}, because the schedule is another "
      "(train.steps, train.learning_rate, train.warmup_steps); train.schedule_steps keeps its old length",
      was, progression_.step, learning_rate(config_, progression_.step), progression_.step + 1);
}

void Trainer::try_longest_rollout() {
  const int64_t rollout = config_.longest_rollout();
  if (rollout <= config_.rollout_at(progression_.step)) return;
  const std::vector<data::TrainingSample> samples = samples_of(experiment_.train, rollout);
  std::vector<data::TrainingSample> mine;
  for (int64_t i = learner_.my_samples().begin; i < learner_.my_samples().end; ++i)
    mine.push_back(samples[i % std::ssize(samples)]);
  const double start = seconds_now();
  const StepResult result = learner_.backward(to_tensors(reader_.read(mine), rollout), progression_.step);
  learner_.forget_gradients();
  if (result.weight == 0.0) return;  // nothing was computed
  log_info("steps that feed the forecast back {} times come later: {:.2f} s each, {} MiB at their peak",
           rollout - 1, seconds_now() - start, result.memory.peak >> 20);
}

bool Trainer::validate_and_report(MetricsFile* metrics) {
  const double loss = validate();
  if (!std::isfinite(loss)) {
    fail(Exit::not_finite,
         "step {}: validation loss {}: not finite; lower train.learning_rate or look at the data of "
         "data.split.validation with `seqvit inspect`",
         progression_.step, loss);
  }
  const bool is_best = loss < progression_.best_validation_loss;
  if (is_best) {
    progression_.best_validation_loss = loss;
    progression_.best_step = progression_.step;
  }
  if (metrics != nullptr) metrics->write_validation(progression_.step, loss);
  log_info("step {}/{}  validation loss {:.5f}{}{}", progression_.step, config_.steps, loss,
           learner_.optimizer().has_averages() ? " of averaged weights" : "", is_best ? " (best)" : "");
  return is_best;
}

void Trainer::run(std::optional<int64_t> stop_after) {
  if (progression_.step < config_.steps) check_validation();
  try_longest_rollout();
  const bool writes = mesh_.world().rank() == 0;
  std::optional<MetricsFile> metrics;
  if (writes) metrics.emplace(*run_, progression_.step);
  const int64_t first = progression_.step, last = std::min(config_.steps, stop_after.value_or(config_.steps));
  const double start = seconds_now();
  Progress progress;
  bool saved = true;
  while (progression_.step < last && !stopping_) {
    comm::set_comm_step(progression_.step + 1);
    const Phase phase(fmt::format("step {}", progression_.step + 1));
    const StepReport report = step();
    if (writes) metrics->write(report);
    watch_for_targets(report);
    const double seconds_a_step = (seconds_now() - start) / static_cast<double>(report.step - first);
    if (progress.due()) {
      progress.show(
          progress_text(report, config_.steps, seconds_a_step * static_cast<double>(last - report.step)));
    }
    const bool at_end = report.step == config_.steps;
    const bool validates = !validation_.empty() && (at_end || report.step % config_.validate_every == 0);
    const bool is_best = validates && validate_and_report(writes ? &*metrics : nullptr);
    saved = at_end || is_best || report.step % config_.checkpoint_every == 0;
    if (saved) save(is_best);
  }
  if (!saved) save(false);
  if (progression_.step < config_.steps)
    log_info("stopped at step {}; `--resume` goes on from here", progression_.step);
}

}  // namespace seqvit::train
