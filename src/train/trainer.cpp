#include "train/trainer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include <chrono>
#include <cmath>

#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"

namespace seqvit {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

LoaderOptions loader_options(const Experiment& experiment, const Slab& slab) {
  return {.targets = experiment.targets,
          .tendency = experiment.config.model.predict == Predict::tendency,
          .rows = slab.rows};
}

/// At most `count` samples, evenly spaced (0: all).
std::vector<Sample> evenly_spaced(const std::vector<Sample>& samples, int64_t count) {
  const auto size = static_cast<int64_t>(samples.size());
  if (count == 0 || size <= count) return samples;
  std::vector<Sample> chosen;
  for (int64_t i = 0; i < count; ++i) chosen.push_back(samples[i * size / count]);
  return chosen;
}

}  // namespace

Trainer::Trainer(const Experiment& experiment, Mesh& mesh, std::optional<std::filesystem::path> run)
    : experiment_(experiment),
      config_(experiment.config.train),
      mesh_(mesh),
      run_(std::move(run)),
      model_(experiment.model_shape(), experiment.config, mesh),
      groups_(model_.vit().groups()),
      loss_(experiment.dataset->grid(), model_.slab().rows, model_.vit().owned()),
      optimizer_(groups_, config_),
      reader_(*experiment.dataset, experiment.statistics, loader_options(experiment, model_.slab())),
      samples_(make_samples(experiment.dataset->times(), experiment.dataset->calendar(), experiment.train,
                            experiment.lead)),
      my_samples_(share(config_.batch_size, mesh.dp().rank(), mesh.dp().size())) {}

Trainer::Fields Trainer::to_tensors(const Batch& batch) const {
  const Grid& grid = experiment_.dataset->grid();
  const auto size = static_cast<int64_t>(batch.samples.size());
  auto tensor = [&](const std::vector<float>& values) {
    return at::from_blob(const_cast<float*>(values.data()), {size, -1, model_.slab().rows.size(), grid.columns()},
                         at::kFloat)
        .to(model_.master());
  };
  return {tensor(batch.input), tensor(batch.target)};
}

std::vector<double> Trainer::sum_over_data(std::vector<double> values, const char* purpose) {
  const Tensor local = at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::kDouble);
  const Tensor sum = mesh_.data().all_reduce(local.clone(), purpose).wait();
  return {sum.const_data_ptr<double>(), sum.const_data_ptr<double>() + values.size()};
}

StepReport Trainer::step() {
  if (!loader_) {
    loader_ = std::make_unique<Loader>(reader_, samples_, config_.seed, config_.batch_size, my_samples_,
                                       progression_.step);
  }
  const double start = now(), waited = loader_->wait_seconds();
  const Batch batch = loader_->next();  // my samples of the batch, my slab of the grid
  const Fields fields = to_tensors(batch);
  const auto totals = sum_over_data({loss_.weight_of(fields.target), stop_requested() ? 1.0 : 0.0}, "loss weight");

  std::vector<int64_t> positions;
  for (int64_t i = my_samples_.begin; i < my_samples_.end; ++i) positions.push_back(i);
  double loss_sum = 0.0;
  for (int64_t micro = 0; micro < config_.micro_batches; ++micro) {
    const Range mine = share(my_samples_.size(), micro, config_.micro_batches);
    const DropPathKeys drop{progression_.step, std::span(positions).subspan(mine.begin, mine.size())};
    const Tensor prediction = model_.vit().forward(fields.input.narrow(0, mine.begin, mine.size()), drop);
    const Tensor loss = loss_(prediction, fields.target.narrow(0, mine.begin, mine.size()), totals[0]);
    loss.backward();  // gradients add up over micro-batches and ranks
    loss_sum += loss.item<double>();
  }
  for (ParamGroup* group : groups_) group->finish_gradients();

  StepReport report;
  report.step = progression_.step + 1;
  report.loss = sum_over_data({loss_sum}, "loss")[0];
  report.grad_norm = optimizer_.clip(config_.max_grad_norm);
  if (!std::isfinite(report.loss) || !std::isfinite(report.grad_norm)) {
    fail(Exit::not_finite, "step {}: loss {}, gradient norm {}: not finite; lower train.learning_rate or look at the data "
         "with `seqvit inspect`", report.step, report.loss, report.grad_norm);
  }
  report.learning_rate = learning_rate(config_, progression_.step);
  optimizer_.step(report.step, report.learning_rate);
  for (ParamGroup* group : groups_) group->publish_weights();

  progression_.step = report.step;
  stopping_ = totals[1] > 0.0;
  report.seconds = now() - start;
  report.data_seconds = loader_->wait_seconds() - waited;
  report.tokens_per_second = static_cast<double>(config_.batch_size * model_.token_grid().tokens()) / report.seconds;
  return report;
}

double Trainer::validate() {
  const auto all = make_samples(experiment_.dataset->times(), experiment_.dataset->calendar(), experiment_.validation,
                                experiment_.lead);
  const std::vector<Sample> samples = evenly_spaced(all, config_.validation_samples);
  const at::NoGradGuard no_grad;
  double loss = 0.0, weight = 0.0;
  // Every rank makes the same number of calls, though the last batch may leave some without a sample of their own.
  for (size_t first = 0; first < samples.size(); first += static_cast<size_t>(config_.batch_size)) {
    const int64_t count = std::min<int64_t>(config_.batch_size, static_cast<int64_t>(samples.size() - first));
    const Range mine = share(count, mesh_.dp().rank(), mesh_.dp().size());
    const Fields fields = to_tensors(reader_.read(std::span(samples).subspan(first + mine.begin, mine.size())));
    const Tensor prediction = model_.vit().forward(fields.input);
    loss += loss_(prediction, fields.target, 1.0).item<double>();
    weight += loss_.weight_of(fields.target);
  }
  const auto totals = sum_over_data({loss, weight}, "validation");
  return totals[0] / totals[1];
}

void Trainer::save(bool is_best) {
  Checkpoints(*run_, mesh_.world()).save(groups_, optimizer_, progression_, is_best, config_.keep_checkpoints);
}

void Trainer::resume() {
  const auto checkpoint = Checkpoints(*run_, mesh_.world()).newest();
  if (!checkpoint) return;
  progression_ = load_checkpoint(*checkpoint, groups_, &optimizer_);
  log_info("resuming from {}", checkpoint->string());
}

void Trainer::run(std::optional<int64_t> stop_after) {
  const bool writes = mesh_.world().rank() == 0;
  std::optional<MetricsFile> metrics;
  if (writes) metrics.emplace(*run_, progression_.step);
  const int64_t first = progression_.step, last = std::min(config_.steps, stop_after.value_or(config_.steps));
  const double start = now();
  Progress progress;
  bool saved = true;
  while (progression_.step < last && !stopping_) {
    set_comm_step(progression_.step + 1);
    const StepReport report = step();
    if (writes) metrics->write(report);
    const double seconds_a_step = (now() - start) / static_cast<double>(report.step - first);
    if (progress.due()) {
      progress.show(progress_text(report, config_.steps, seconds_a_step * static_cast<double>(last - report.step)));
    }
    const bool at_end = report.step == config_.steps;
    bool is_best = false;
    if (experiment_.validation.size() > 0 && (at_end || report.step % config_.validate_every == 0)) {
      const double loss = validate();
      is_best = loss < progression_.best_validation_loss;
      if (is_best) progression_.best_validation_loss = loss;
      if (writes) metrics->write_validation(report.step, loss);
      log_info("step {}/{}  validation loss {:.5f}{}", report.step, config_.steps, loss, is_best ? " (best)" : "");
    }
    saved = at_end || is_best || report.step % config_.checkpoint_every == 0;
    if (saved) save(is_best);
  }
  if (!saved) save(false);
  if (stopping_) log_info("stopped at step {}; `--resume` goes on from here", progression_.step);
}

}  // namespace seqvit
