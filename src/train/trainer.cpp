#include "train/trainer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"

namespace seqvit {
namespace {

LoaderOptions loader_options(const Experiment& experiment, const Slab& slab) {
  return {.targets = experiment.targets,
          .tendency = experiment.config.model.predict == Predict::tendency,
          .rows = slab.rows,
          .rolls = experiment.config.train.roll_longitude};
}

/// At most `count` samples, evenly spaced (0: all).
std::vector<Sample> evenly_spaced(const std::vector<Sample>& samples, int64_t count) {
  const auto size = static_cast<int64_t>(samples.size());
  if (count == 0 || size <= count) return samples;
  std::vector<Sample> chosen;
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
      samples_(make_samples(experiment.dataset->times(), experiment.dataset->calendar(), experiment.train,
                            experiment.lead)) {}

LearnerBatch Trainer::to_tensors(const Batch& batch) const {
  const Grid& grid = experiment_.dataset->grid();
  const auto size = static_cast<int64_t>(batch.samples.size());
  auto tensor = [&](const std::vector<float>& values) {
    const Tensor host =
        at::from_blob(const_cast<float*>(values.data()), {static_cast<int64_t>(values.size())}, at::kFloat);
    return to_device(host, learner_.model().options())
        .view({size, -1, learner_.model().slab().rows.size(), grid.columns()});
  };
  std::vector<TimeStamp> times;
  for (const Sample& sample : batch.samples)
    times.push_back(valid_time(experiment_, sample));
  return {tensor(batch.input), conditions(experiment_, times).to(learner_.model().options()),
          tensor(batch.target)};
}

StepReport Trainer::step() {
  if (!loader_) {
    loader_ = std::make_unique<Loader>(reader_, samples_, config_.seed, config_.batch_size,
                                       learner_.my_samples(), progression_.step);
    batches_.emplace([this] { return to_tensors(loader_->next()); }, learner_.model().options().device());
  }
  const double start = seconds_now();
  const LearnerBatch fields = batches_->next();  // my samples of the batch, my slab of the grid
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
  const auto all = make_samples(experiment_.dataset->times(), experiment_.dataset->calendar(),
                                experiment_.validation, experiment_.lead);
  const std::vector<Sample> samples = evenly_spaced(all, config_.validation_samples);
  const at::NoGradGuard no_grad;
  double loss = 0.0, weight = 0.0;
  // Every rank makes the same number of calls, though the last batch may leave some without a sample of their
  // own.
  for (size_t first = 0; first < samples.size(); first += static_cast<size_t>(config_.batch_size)) {
    const int64_t count = std::min<int64_t>(config_.batch_size, static_cast<int64_t>(samples.size() - first));
    const Range mine = share(count, mesh_.dp().rank(), mesh_.dp().size());
    const LearnerBatch fields =
        to_tensors(reader_.read(std::span(samples).subspan(first + mine.begin, mine.size())));
    const Tensor prediction = learner_.model().predict(fields.input, fields.condition);
    if (!learner_.model().ends_model()) continue;  // counted there
    loss += learner_.loss()(prediction, fields.target, 1.0).item<double>();
    weight += learner_.loss().weight_of(fields.target);
  }
  const auto totals = learner_.sum_over_ranks({loss, weight}, "validation");
  return totals[0] / totals[1];
}

void Trainer::save(bool is_best) {
  Checkpoints(*run_, mesh_.world())
      .save(learner_.groups(), learner_.optimizer(), progression_, is_best, config_.keep_checkpoints);
}

void Trainer::resume() {
  const auto checkpoint = Checkpoints(*run_, mesh_.world()).newest();
  if (!checkpoint) return;
  progression_ = load_checkpoint(*checkpoint, learner_.groups(), &learner_.optimizer());
  log_info("resuming from {}", checkpoint->string());
}

void Trainer::run(std::optional<int64_t> stop_after) {
  const bool writes = mesh_.world().rank() == 0;
  std::optional<MetricsFile> metrics;
  if (writes) metrics.emplace(*run_, progression_.step);
  const int64_t first = progression_.step, last = std::min(config_.steps, stop_after.value_or(config_.steps));
  const double start = seconds_now();
  Progress progress;
  bool saved = true;
  while (progression_.step < last && !stopping_) {
    set_comm_step(progression_.step + 1);
    const StepReport report = step();
    if (writes) metrics->write(report);
    const double seconds_a_step = (seconds_now() - start) / static_cast<double>(report.step - first);
    if (progress.due()) {
      progress.show(
          progress_text(report, config_.steps, seconds_a_step * static_cast<double>(last - report.step)));
    }
    const bool at_end = report.step == config_.steps;
    bool is_best = false;
    if (experiment_.validation.size() > 0 && (at_end || report.step % config_.validate_every == 0)) {
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
  if (stopping_) log_info("stopped at step {}; `--resume` goes on from here", progression_.step);
}

}  // namespace seqvit
