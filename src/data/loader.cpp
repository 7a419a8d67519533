#include "data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>

#include "core/error.h"
#include "core/workers.h"

namespace seqvit::data {
namespace {

// In double: a mean as float is off by 0.004 Pa for a surface pressure, which small deviations would feel.

/// Normalises in place and keeps what is missing NaN.
void normalise(std::span<float> values, const Moments& moments) {
  const double mean = moments.mean, scale = 1.0 / moments.std;
  for (float& value : values)
    value = static_cast<float>((value - mean) * scale);
}

void subtract(std::span<float> values, std::span<const float> other) {
  for (size_t i = 0; i < values.size(); ++i)
    values[i] -= other[i];
}

/// Moves every row of `fields` by `count` columns; what leaves at its end comes in at its start.
void roll(std::span<float> fields, int64_t columns, int64_t count) {
  if (count == 0) return;
  for (auto row = fields.begin(); row != fields.end(); row += columns)
    std::rotate(row, row + (columns - count), row + columns);
}

}  // namespace

BatchReader::BatchReader(const Dataset& dataset, const Statistics& statistics, LoaderOptions options)
    : dataset_(dataset), statistics_(statistics), options_(std::move(options)) {
  check(statistics_.variables.size() == dataset.variables().size() && !statistics_.tendencies.empty() &&
            statistics_.statics.size() == dataset.statics().size(),
        "statistics of another data set");
  for (const int64_t target : options_.targets) {
    check(target >= 0 && target < static_cast<int64_t>(dataset.variables().size()),
          "target outside the data set");
  }
  state_ = dataset.of_role(Role::state), forcings_ = dataset.of_role(Role::forcing);
  const auto points = static_cast<size_t>(options_.rows.size() * dataset.grid().columns());
  statics_.resize(dataset.statics().size() * points);
  for (size_t s = 0; s < dataset.statics().size(); ++s) {
    const auto field = std::span(statics_).subspan(s * points, points);
    dataset.read_static(static_cast<int64_t>(s), options_.rows, field);
    dataset.statics()[s].transform.apply(field);
    normalise(field, statistics_.statics[s]);
  }
}

void BatchReader::read_normalised(int64_t variable, int64_t time, std::span<float> out) const {
  dataset_.read(variable, time, options_.rows, out);
  dataset_.variables()[variable].transform.apply(out);
  normalise(out, statistics_.variables[variable]);
}

void BatchReader::read_sample(const TrainingSample& sample, const Fields& out) const {
  const auto variables = static_cast<int64_t>(dataset_.variables().size());
  const auto points = static_cast<size_t>(options_.rows.size() * dataset_.grid().columns());
  const auto field_of = [&](std::span<float> fields, int64_t index) {
    return fields.subspan(static_cast<size_t>(index) * points, points);
  };
  for_each_index(variables, [&](int64_t v) {
    const VariableInfo& variable = dataset_.variables()[v];
    if (variable.role == Role::diagnostic) return;
    dataset_.read(v, sample.input, options_.rows, field_of(out.input, v));
    variable.transform.apply(field_of(out.input, v));
  });
  // Targets first: their tendencies need the inputs before they are normalised.
  const auto targets = std::ssize(options_.targets);
  for_each_index(std::ssize(sample.targets) * targets, [&](int64_t item) {
    const int64_t step = item / targets, v = options_.targets[item % targets];
    const auto field = field_of(out.target, item);
    const VariableInfo& variable = dataset_.variables()[v];
    if (!options_.tendency || variable.role == Role::diagnostic)
      return read_normalised(v, sample.targets[step], field);
    dataset_.read(v, sample.targets[step], options_.rows, field);
    variable.transform.apply(field);
    subtract(field, field_of(out.input, v));
    const Moments& of_step = statistics_.tendencies[sample.lead][v];
    normalise(field, {of_step.mean * static_cast<double>(step + 1), of_step.std});
  });
  const auto forcings = std::ssize(forcings_), state = std::ssize(state_);
  for_each_index((std::ssize(sample.targets) - 1) * forcings, [&](int64_t item) {
    read_normalised(forcings_[item % forcings], sample.targets[item / forcings], field_of(out.forced, item));
  });
  for (int64_t v = 0; v < variables; ++v) {
    const auto field = field_of(out.input, v);
    if (dataset_.variables()[v].role == Role::diagnostic) {
      std::ranges::fill(field, std::numeric_limits<float>::quiet_NaN());
    } else {
      normalise(field, statistics_.variables[v]);
    }
  }
  for_each_index(std::ssize(sample.earlier) * state, [&](int64_t item) {
    read_normalised(state_[item % state], sample.earlier[item / state],
                    field_of(out.input, variables + item));
  });
  std::copy(statics_.begin(), statics_.end(), out.input.end() - std::ssize(statics_));
  for (const std::span<float> fields : {out.input, out.forced, out.target})
    roll(fields, columns(), sample.roll);
}

Batch BatchReader::read(std::span<const TrainingSample> samples, const std::stop_token& stop) const {
  Batch batch;
  batch.samples.assign(samples.begin(), samples.end());
  if (samples.empty()) return batch;
  const auto points = static_cast<size_t>(options_.rows.size() * dataset_.grid().columns());
  const size_t steps = samples.front().targets.size(), before = samples.front().earlier.size();
  const size_t inputs = (dataset_.variables().size() + before * state_.size() + dataset_.statics().size()) *
                        points,
               forced = (steps - 1) * forcings_.size() * points,
               targets = steps * options_.targets.size() * points;
  batch.input.resize(samples.size() * inputs);
  batch.forced.resize(samples.size() * forced);
  batch.target.resize(samples.size() * targets);
  // Samples side by side, or the fields of a lone one.
  for_each_index(std::ssize(samples), [&](int64_t b) {
    if (stop.stop_requested()) return;
    const auto part = [&](std::vector<float>& of_all, size_t size) {
      return std::span(of_all).subspan(static_cast<size_t>(b) * size, size);
    };
    read_sample(samples[b],
                {part(batch.input, inputs), part(batch.forced, forced), part(batch.target, targets)});
  });
  return batch;
}

struct Loader::Impl {
  static constexpr size_t kAhead = 2;

  Impl(const BatchReader& batch_reader, std::vector<TrainingSample> all, uint64_t order_seed, int64_t size,
       Range share, int64_t first)
      : reader(batch_reader),
        samples(std::move(all)),
        seed(order_seed),
        batch_size(size),
        mine(share),
        position(first) {
    check(!samples.empty(), "a loader needs samples");
    check(mine.begin >= 0 && mine.begin <= mine.end && mine.end <= batch_size && first >= 0,
          "a loader's share of the batch");
    thread = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  Batch read(const std::stop_token& stop) {
    std::vector<TrainingSample> chosen;
    for (int64_t i = mine.begin; i < mine.end; ++i) {
      const int64_t at = position + i;
      chosen.push_back(samples[shuffled_sample(seed, at, static_cast<int64_t>(samples.size()))]);
      if (reader.options().rolls) chosen.back().roll = random_roll(seed, at, reader.columns());
    }
    position += batch_size;
    return reader.read(chosen, stop);
  }

  void run(const std::stop_token& stop) {
    try {
      while (!stop.stop_requested()) {
        Batch batch = read(stop);
        std::unique_lock lock(mutex);
        if (!changed.wait(lock, stop, [&] { return ready.size() < kAhead; })) return;
        ready.push_back(std::move(batch));
        changed.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
      changed.notify_all();
    }
  }

  Batch next() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !ready.empty() || failure; });
    // What was read before the failure is still good, and every run then fails at the same step.
    if (ready.empty()) std::rethrow_exception(failure);
    Batch batch = std::move(ready.front());
    ready.pop_front();
    changed.notify_all();
    return batch;
  }

  const BatchReader& reader;
  const std::vector<TrainingSample> samples;
  const uint64_t seed;
  const int64_t batch_size;
  const Range mine;
  int64_t position;  // of the next batch; the reading thread's
  std::mutex mutex;
  std::condition_variable_any changed;
  std::deque<Batch> ready;
  std::exception_ptr failure;
  std::jthread thread;  // last: it ends before what it uses is destroyed
};

Loader::Loader(const BatchReader& reader, std::vector<TrainingSample> samples, uint64_t seed,
               int64_t batch_size, Range mine, int64_t first)
    : impl_(std::make_unique<Impl>(reader, std::move(samples), seed, batch_size, mine, first)) {}

Loader::~Loader() = default;

Batch Loader::next() {
  return impl_->next();
}

}  // namespace seqvit::data
