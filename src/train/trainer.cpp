#include "train/trainer.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/tensor.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"
#include "core/watch.h"

namespace seqvit {
namespace {

LoaderOptions loader_options(const Experiment& experiment, const Slab& slab) {
  return {.targets = experiment.targets,
          .tendency = experiment.config.model.predict == Predict::tendency,
          .rows = slab.rows,
          .rolls = experiment.config.train.roll_longitude};
}

/// At most `count` samples, evenly spaced (0: all).
std::vector<TrainingSample> evenly_spaced(const std::vector<TrainingSample>& samples, int64_t count) {
  const auto size = static_cast<int64_t>(samples.size());
  if (count == 0 || size <= count) return samples;
  std::vector<TrainingSample> chosen;
  for (int64_t i = 0; i < count; ++i)
    chosen.push_back(samples[i * size / count]);
  return chosen;
}

}  // namespace

Trainer::Trainer(const Experiment& experiment, Mesh& mesh, std::optional<std::filesystem::path> run)
    : experiment_(experiment),
      config_(experiment.config.train),
      mesh_(mesh),
      run_(std::move(run)),
      learner_(experiment.model_shape(), experiment.config, experiment.dataset->grid(), mesh),
      reader_(*experiment.dataset, experiment.statistics,
              loader_options(experiment, learner_.model().slab())),
      inputs_(experiment.model_shape().inputs()),
      validation_(evenly_spaced(samples_of(experiment.validation, config_.longest_rollout()),
                                config_.validation_samples)) {}

std::vector<TrainingSample> Trainer::samples_of(Range period, int64_t rollout) const {
  return make_training_samples(experiment_.dataset->times(), experiment_.dataset->calendar(), period,
                               experiment_.leads(), rollout);
}

LearnerBatch Trainer::to_tensors(const Batch& batch, int64_t rollout) const {
  const int64_t size = std::ssize(batch.samples), targets = std::ssize(experiment_.targets);
  const int64_t rows = learner_.model().slab().rows.size(), columns = experiment_.dataset->grid().columns();
  const at::TensorOptions& options = learner_.model().options();
  const auto tensor = [&](const std::vector<float>& values, std::vector<int64_t> shape) {
    return to_device(at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat), options);
  };
  std::vector<Request> asked;
  std::vector<double> scale, shift;  // of a normalised change to normalised fields
  for (const TrainingSample& sample : batch.samples) {
    const auto more = requests(experiment_, sample);
    asked.insert(asked.end(), more.begin(), more.end());
    for (const int64_t target : experiment_.targets) {
      const Moments &change = experiment_.statistics.tendencies[sample.lead][target],
                    &state = experiment_.statistics.variables[target];
      scale.push_back(change.std / state.std);
      shift.push_back(change.mean / state.std);
    }
  }
  const auto of_targets = [&](const std::vector<double>& values) {
    return at::tensor(values, at::kDouble).view({size, targets}).to(options);
  };
  const Tensor condition = conditions(experiment_, asked);
  LearnerBatch fields{tensor(batch.input, {size, inputs_, rows, columns}),
                      condition.view({size, rollout, condition.size(1)}).to(options),
                      tensor(batch.target, {size, rollout, targets, rows, columns}),
                      of_targets(scale),
                      of_targets(shift),
                      {}};
  if (rollout > 1) fields.missing = fields.input.isnan();
  at::nan_to_num_(fields.input);
  return fields;
}

StepReport Trainer::step() {
  if (const int64_t rollout = config_.rollout_at(progression_.step); !loader_ || rollout != rollout_) {
    rollout_ = rollout;
    batches_.reset();  // it takes from the loader
    loader_ = std::make_unique<Loader>(reader_, samples_of(experiment_.train, rollout), config_.seed,
                                       config_.batch_size, learner_.my_samples(), progression_.step);
    batches_.emplace([this, rollout] { return to_tensors(loader_->next(), rollout); },
                     learner_.model().options().device());
  }
  const double start = seconds_now();
  const LearnerBatch fields = [&] {  // my samples of the batch, my slab of the grid
    const Phase reading("reading");
    return batches_->next();
  }();
  const double data_seconds = seconds_now() - start;
  double stop = stop_requested() ? 1.0 : 0.0;
  StepReport report;
  report.step = progression_.step + 1;
  report.learning_rate = learning_rate(config_, progression_.step);
  report.loss = learner_.backward(fields, progression_.step, &stop);
  report.grad_norm = learner_.update(progression_.step, report.loss);
  progression_.step = report.step;
  stopping_ = stop > 0.0;
  report.seconds = seconds_now() - start;
  report.data_seconds = data_seconds;
  report.tokens_per_second =
      static_cast<double>(config_.batch_size * learner_.model().token_grid().tokens()) / report.seconds;
  return report;
}

double Trainer::validate() {
  const Phase phase("validation");
  double loss = 0.0, weight = 0.0;
  // Every rank makes the same calls, with as many steps fed back, though the last batch may leave some
  // without a sample of their own.
  for (int64_t first = 0; first < std::ssize(validation_); first += config_.batch_size) {
    const int64_t count = std::min<int64_t>(config_.batch_size, std::ssize(validation_) - first);
    const Range mine = share(count, mesh_.dp().rank(), mesh_.dp().size());
    const LearnerBatch fields =
        to_tensors(reader_.read(std::span(validation_).subspan(first + mine.begin, mine.size())),
                   config_.longest_rollout());
    const auto [more_loss, more_weight] = learner_.loss_and_weight(fields);
    loss += more_loss;
    weight += more_weight;
  }
  const auto totals = learner_.sum_over_ranks({loss, weight}, "validation");
  return totals[0] / totals[1];
}

void Trainer::save(bool is_best) {
  const Phase phase("checkpoint");
  Checkpoints(*run_, mesh_.world())
      .save(learner_.groups(), learner_.optimizer(), progression_, is_best, config_.keep_checkpoints);
}

void Trainer::resume() {
  const auto checkpoint = Checkpoints(*run_, mesh_.world()).newest();
  if (!checkpoint) return;
  const Phase phase("reading the checkpoint");
  progression_ = load_checkpoint(*checkpoint, learner_.groups(), &learner_.optimizer());
  log_info("resuming from {}", checkpoint->string());
}

void Trainer::try_longest_rollout() {
  const int64_t rollout = config_.longest_rollout();
  if (rollout <= config_.rollout_at(progression_.step)) return;
  const std::vector<TrainingSample> samples = samples_of(experiment_.train, rollout);
  std::vector<TrainingSample> mine;
  for (int64_t i = learner_.my_samples().begin; i < learner_.my_samples().end; ++i)
    mine.push_back(samples[i % std::ssize(samples)]);
  const double start = seconds_now();
  learner_.backward(to_tensors(reader_.read(mine), rollout), progression_.step);
  learner_.forget_gradients();
  log_info("steps that feed the forecast back {} times come later: {:.2f} s each, {} MiB at their peak",
           rollout - 1, seconds_now() - start, learner_.memory().peak >> 20);
}

void Trainer::run(std::optional<int64_t> stop_after) {
  try_longest_rollout();
  const bool writes = mesh_.world().rank() == 0;
  std::optional<MetricsFile> metrics;
  if (writes) metrics.emplace(*run_, progression_.step);
  const int64_t first = progression_.step, last = std::min(config_.steps, stop_after.value_or(config_.steps));
  const double start = seconds_now();
  Progress progress;
  bool saved = true;
  while (progression_.step < last && !stopping_) {
    set_comm_step(progression_.step + 1);
    const Phase phase(fmt::format("step {}", progression_.step + 1));
    const StepReport report = step();
    if (writes) metrics->write(report);
    const double seconds_a_step = (seconds_now() - start) / static_cast<double>(report.step - first);
    if (progress.due()) {
      progress.show(
          progress_text(report, config_.steps, seconds_a_step * static_cast<double>(last - report.step)));
    }
    const bool at_end = report.step == config_.steps;
    bool is_best = false;
    if (!validation_.empty() && (at_end || report.step % config_.validate_every == 0)) {
      const double loss = validate();
      is_best = loss < progression_.best_validation_loss;
      if (is_best) progression_.best_validation_loss = loss;
      if (writes) metrics->write_validation(report.step, loss);
      log_info("step {}/{}  validation loss {:.5f}{}", report.step, config_.steps, loss,
               is_best ? " (best)" : "");
    }
    saved = at_end || is_best || report.step % config_.checkpoint_every == 0;
    if (saved) save(is_best);
  }
  if (!saved) save(false);
  if (progression_.step < config_.steps)
    log_info("stopped at step {}; `--resume` goes on from here", progression_.step);
}

}  // namespace seqvit
