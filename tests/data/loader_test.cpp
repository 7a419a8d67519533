#include "data/loader.h"

#include <chrono>
#include <cstdio>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "data/dataset_fixture.h"

namespace seqvit::data {
namespace {

const std::vector<LeadTime> kLeads = {{6 * 3600, 0}, {12 * 3600, 0}};

class LoaderTest : public DatasetTest {
 protected:
  LoaderTest() {
    GridFile file;
    file.variables = {"u", "v"};
    file.statics = {"z"};
    file.hours.clear();
    for (int i = 0; i < 24; ++i)
      file.hours.push_back(6 * i);
    file.chunk = {5, 5, 6};
    file.missing_where = 60;
    path_ = write("a.nc", file);
    dataset_ = std::make_unique<Dataset>(DatasetOptions{{path_}, {}, {"z"}});
    statistics_ = compute_statistics(*dataset_, {0, 24}, kLeads);
    samples_ = make_training_samples(dataset_->times(), dataset_->calendar(), {0, 24}, {kLeads[0]}, 1);
  }

  LoaderOptions options(bool tendency = true, Range rows = {0, 5}) const { return {{1}, tendency, rows}; }

  std::string path_;
  std::unique_ptr<Dataset> dataset_;
  Statistics statistics_;
  std::vector<TrainingSample> samples_;
};

void expect_same(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) {
      ASSERT_EQ(std::isnan(a[i]), std::isnan(b[i])) << i;
    } else {
      ASSERT_EQ(a[i], b[i]) << i;
    }
  }
}

void expect_same(const Batch& a, const Batch& b) {
  EXPECT_EQ(a.samples, b.samples);
  expect_same(a.input, b.input);
  expect_same(a.target, b.target);
}

TEST_F(LoaderTest, NormalisesInputsAndTargets) {
  const Range rows{1, 4};
  const size_t points = 18;
  for (const bool tendency : {true, false}) {
    const BatchReader reader(*dataset_, statistics_, options(tendency, rows));
    const std::vector<TrainingSample> chosen = {samples_[7], samples_[2]};
    const Batch batch = reader.read(chosen);
    EXPECT_EQ(batch.samples, chosen);
    ASSERT_EQ(batch.input.size(), 2 * 3 * points);
    ASSERT_EQ(batch.target.size(), 2 * 1 * points);
    std::vector<float> before(points), after(points);
    for (size_t b = 0; b < 2; ++b) {
      for (size_t v = 0; v < 2; ++v) {
        dataset_->read(static_cast<int64_t>(v), chosen[b].input, rows, before);
        const Moments& m = statistics_.variables[v];
        for (size_t i = 0; i < points; ++i) {
          const float found = batch.input[(b * 3 + v) * points + i];
          if (std::isnan(before[i])) {
            EXPECT_TRUE(std::isnan(found));
          } else {
            EXPECT_NEAR(found, (before[i] - m.mean) / m.std, 1e-6);
          }
        }
      }
      dataset_->read_static(0, rows, after);
      for (size_t i = 0; i < points; ++i) {
        if (std::isnan(after[i])) continue;
        EXPECT_NEAR(batch.input[(b * 3 + 2) * points + i],
                    (after[i] - statistics_.statics[0].mean) / statistics_.statics[0].std, 1e-6);
      }
      dataset_->read(1, chosen[b].input, rows, before);
      dataset_->read(1, chosen[b].targets[0], rows, after);
      const Moments& m = tendency ? statistics_.tendencies[0][1] : statistics_.variables[1];
      for (size_t i = 0; i < points; ++i) {
        const float found = batch.target[b * points + i];
        if (std::isnan(after[i])) {
          EXPECT_TRUE(std::isnan(found));
        } else {
          EXPECT_NEAR(found, ((tendency ? after[i] - before[i] : after[i]) - m.mean) / m.std, 1e-5);
        }
      }
    }
  }
}

TEST_F(LoaderTest, EveryStepHasTheChangeSinceTheStartInOneStepsScale) {
  const Range rows{1, 4};
  const size_t points = 18;
  const auto samples = make_training_samples(dataset_->times(), dataset_->calendar(), {0, 24}, kLeads, 3);
  const TrainingSample sample = samples.back();
  ASSERT_EQ(sample.lead, 1);
  ASSERT_EQ(sample.targets, (std::vector<int64_t>{19, 21, 23}));
  for (const bool tendency : {true, false}) {
    const Batch batch = BatchReader(*dataset_, statistics_, options(tendency, rows)).read({&sample, 1});
    ASSERT_EQ(batch.target.size(), 3 * points);
    std::vector<float> start(points), later(points);
    dataset_->read(1, 17, rows, start);
    for (size_t step = 0; step < 3; ++step) {
      dataset_->read(1, sample.targets[step], rows, later);
      const Moments &change = statistics_.tendencies[1][1], &state = statistics_.variables[1];
      for (size_t i = 0; i < points; ++i) {
        const float found = batch.target[step * points + i];
        const double steps = static_cast<double>(step + 1);
        const double expected = tendency ? (later[i] - start[i] - steps * change.mean) / change.std
                                         : (later[i] - state.mean) / state.std;
        if (std::isnan(expected)) {
          EXPECT_TRUE(std::isnan(found));
        } else {
          EXPECT_NEAR(found, expected, 1e-5);
        }
      }
    }
  }
}

TEST_F(LoaderTest, RolledSamplesAreTheSameFieldsElsewhere) {
  const BatchReader reader(*dataset_, statistics_, options());
  TrainingSample rolled = samples_[3];
  rolled.roll = 2;
  const Batch plain = reader.read(std::vector<TrainingSample>{samples_[3]}),
              moved = reader.read(std::vector{rolled});
  const auto expect_moved = [](const std::vector<float>& from, const std::vector<float>& to) {
    std::vector<float> expected(from.size());
    for (size_t i = 0; i < from.size(); ++i)
      expected[i / 6 * 6 + (i % 6 + 2) % 6] = from[i];
    expect_same(to, expected);
  };
  expect_moved(plain.input, moved.input);  // statics too
  expect_moved(plain.target, moved.target);
}

TEST_F(LoaderTest, RollsEachPositionByItsOwnNumber) {
  LoaderOptions rolling = options();
  rolling.rolls = true;
  const BatchReader reader(*dataset_, statistics_, rolling);
  Loader whole(reader, samples_, 5, 4, {0, 4}, 0), part(reader, samples_, 5, 4, {2, 3}, 3 * 4);
  std::set<int64_t> seen;
  for (int64_t step = 0; step < 23; ++step) {
    const Batch batch = whole.next();
    for (int64_t i = 0; i < 4; ++i) {
      EXPECT_EQ(batch.samples[i].roll, random_roll(5, step * 4 + i, 6));
      seen.insert(batch.samples[i].roll);
    }
    if (step >= 3) {
      EXPECT_EQ(part.next().samples[0], batch.samples[2]);
    }
  }
  EXPECT_EQ(seen, (std::set<int64_t>{0, 1, 2, 3, 4, 5}));
}

TEST_F(LoaderTest, SlabsArePartsOfTheWhole) {
  const Batch whole = BatchReader(*dataset_, statistics_, options()).read(samples_);
  for (const Range rows : {Range{0, 2}, Range{2, 3}, Range{3, 5}}) {
    const Batch part = BatchReader(*dataset_, statistics_, options(true, rows)).read(samples_);
    const size_t size = static_cast<size_t>(rows.size()) * 6;
    for (size_t field = 0; field < samples_.size() * 3; ++field) {
      const auto from = whole.input.begin() + static_cast<int64_t>(field * 30) + rows.begin * 6;
      const auto mine = part.input.begin() + static_cast<int64_t>(field * size);
      expect_same({mine, mine + static_cast<int64_t>(size)}, {from, from + static_cast<int64_t>(size)});
    }
  }
}

TEST_F(LoaderTest, OrderIsThatOfShuffledSample) {
  const BatchReader reader(*dataset_, statistics_, options());
  Loader loader(reader, samples_, 5, 4, {0, 4}, 0);
  std::multiset<int64_t> seen;
  for (int64_t step = 0; step < 23; ++step) {  // 4 epochs of 23 samples
    const Batch batch = loader.next();
    for (int64_t i = 0; i < 4; ++i) {
      EXPECT_EQ(batch.samples[i], samples_[shuffled_sample(5, step * 4 + i, 23)]);
      seen.insert(batch.samples[i].input);
    }
  }
  for (int64_t i = 0; i < 23; ++i)
    EXPECT_EQ(seen.count(i), 4U);
}

TEST_F(LoaderTest, ResumesAtAnyStep) {
  const BatchReader reader(*dataset_, statistics_, options());
  Loader whole(reader, samples_, 1, 3, {0, 3}, 0);
  std::vector<Batch> batches;
  for (int i = 0; i < 20; ++i)
    batches.push_back(whole.next());
  for (const int64_t first : {0, 1, 7, 15}) {
    Loader resumed(reader, samples_, 1, 3, {0, 3}, first * 3);
    for (int64_t step = first; step < first + 4; ++step)
      expect_same(resumed.next(), batches[step]);
  }
}

/// The position is in samples: a batch of another size takes what comes next, none twice, none left out.
TEST_F(LoaderTest, AnotherBatchSizeGoesOnWhereTheFirstStood) {
  const BatchReader reader(*dataset_, statistics_, options());
  Loader ones(reader, samples_, 1, 1, {0, 1}, 0);
  std::vector<TrainingSample> expected;
  for (int i = 0; i < 40; ++i)
    expected.push_back(ones.next().samples[0]);
  std::vector<TrainingSample> found;
  int64_t position = 0;
  for (const int64_t size : {3, 3, 7, 4, 5, 2}) {
    const Batch batch = Loader(reader, samples_, 1, size, {0, size}, position).next();
    found.insert(found.end(), batch.samples.begin(), batch.samples.end());
    position += size;
  }
  expected.resize(found.size());
  EXPECT_EQ(found, expected);
}

TEST_F(LoaderTest, SharesMakeUpTheBatch) {
  const BatchReader reader(*dataset_, statistics_, options());
  Loader all(reader, samples_, 2, 5, {0, 5}, 0), left(reader, samples_, 2, 5, {0, 3}, 0),
      right(reader, samples_, 2, 5, {3, 5}, 0);
  for (int step = 0; step < 10; ++step) {
    const Batch whole = all.next();
    Batch parts = left.next();
    const Batch rest = right.next();
    parts.samples.insert(parts.samples.end(), rest.samples.begin(), rest.samples.end());
    parts.input.insert(parts.input.end(), rest.input.begin(), rest.input.end());
    parts.target.insert(parts.target.end(), rest.target.begin(), rest.target.end());
    expect_same(parts, whole);
  }
  Loader none(reader, samples_, 2, 5, {5, 5}, 0);
  EXPECT_TRUE(none.next().input.empty());
}

TEST_F(LoaderTest, FailuresComeOutOfNext) {
  // A file that is not open (nothing was read since) and has gone.
  const Dataset dataset({{path_}, {}, {}, 0});
  Statistics statistics = statistics_;
  statistics.statics.clear();
  const BatchReader reader(dataset, statistics, options());
  std::remove(path_.c_str());
  Loader loader(reader, samples_, 0, 2, {0, 2}, 0);
  EXPECT_ERROR(loader.next(), Exit::data, path_, "nothing there");
  EXPECT_ERROR(loader.next(), Exit::data, path_, "nothing there");
  EXPECT_ERROR(Loader(reader, {}, 0, 2, {0, 2}, 0), Exit::bug, "needs samples");
}

TEST_F(LoaderTest, ReadsTwoBatchesAheadAndStopsAtOnce) {
  const BatchReader reader(*dataset_, statistics_, options());
  for (int i = 0; i < 50; ++i) {
    Loader loader(reader, samples_, i, 8, {0, 8}, 0);
    if (i % 2 == 0) loader.next();
  }
  // A batch of this many uncached samples takes long; the loader must not finish it.
  const Dataset uncached({{path_}, {}, {"z"}, 0});
  const BatchReader slow(uncached, statistics_, options(true, {0, 1}));
  auto loader_at_work = std::make_unique<Loader>(slow, samples_, 0, 1000000, Range{0, 1000000}, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  loader_at_work.reset();
  EXPECT_LT(uncached.bytes_read(), 1000000LL * 3 * 6 * 4 / 2);  // of 2 inputs and a target
  // Two batches wait; a third is not begun before one is taken.
  const Dataset dataset({{path_}, {}, {"z"}, 0});
  const BatchReader counted(dataset, statistics_, options());
  const int64_t before = dataset.bytes_read();
  Loader loader(counted, samples_, 0, 2, {0, 2}, 0);
  const int64_t batch_bytes = 2 * 3 * 30 * 4;  // 2 samples of 2 inputs and a target
  loader.next();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_LE(dataset.bytes_read() - before, 4 * batch_bytes);
}

/// What a rank reads of a training period is its slab's part of it: 1 / sp for even slabs.
TEST_F(LoaderTest, ASlabReadsItsShareOfTheFile) {
  auto bytes_of = [&](Range rows) {
    const Dataset mine({{path_}, {}, {"z"}});
    const BatchReader reader(mine, statistics_, options(true, rows));
    for (int epoch = 0; epoch < 2; ++epoch) {
      for (const TrainingSample& sample : samples_)
        reader.read(std::span(&sample, 1));
    }
    return mine.bytes_read();
  };
  const int64_t whole = bytes_of({0, 5});
  EXPECT_GT(whole, 0);
  for (const int ranks : {2, 3, 5}) {
    for (int rank = 0; rank < ranks; ++rank) {
      const Range rows = share(5, rank, ranks);
      EXPECT_EQ(bytes_of(rows) * 5, whole * rows.size()) << rank << " of " << ranks;
    }
  }
}

TEST_F(LoaderTest, StatisticsOfOtherVariablesAreABug) {
  Statistics other = statistics_;
  other.variables.pop_back();
  EXPECT_ERROR(BatchReader(*dataset_, other, options()), Exit::bug, "statistics");
  EXPECT_ERROR(BatchReader(*dataset_, statistics_, LoaderOptions{{2}, true, {0, 5}}), Exit::bug, "target");
}

/// u is the state, v in turn a forcing and a diagnostic.
TEST_F(LoaderTest, GivesEachRoleItsFields) {
  const size_t points = 5 * 6;
  const auto normalised = [&](const Dataset& dataset, const Statistics& statistics, int64_t v, int64_t time) {
    std::vector<float> field(points);
    dataset.read(v, time, {0, 5}, field);
    for (float& value : field)
      value = static_cast<float>((value - statistics.variables[v].mean) / statistics.variables[v].std);
    return field;
  };
  for (const Role role : {Role::forcing, Role::diagnostic}) {
    DatasetOptions options{{path_}, {"u"}, {"z"}};
    (role == Role::forcing ? options.forcings : options.diagnostics) = {"v"};
    const Dataset dataset(options);
    EXPECT_EQ(dataset.of_role(Role::state), std::vector<int64_t>{0});
    EXPECT_EQ(dataset.of_role(role), std::vector<int64_t>{1});
    const Statistics statistics = compute_statistics(dataset, {0, 24}, {kLeads[0]});
    const auto samples =
        make_training_samples(dataset.times(), dataset.calendar(), {0, 24}, {kLeads[0]}, 2, 3);
    const BatchReader reader(dataset, statistics, {{role == Role::forcing ? 0 : 1}, true, {0, 5}});
    const Batch batch = reader.read(std::span(samples).subspan(4, 1));
    const int64_t now = samples[4].input;
    const auto field = [&](const std::vector<float>& fields, size_t index) {
      return std::vector<float>(fields.begin() + index * points, fields.begin() + (index + 1) * points);
    };
    ASSERT_EQ(batch.input.size(), 5 * points) << "u, v, u before, u before that, z";
    expect_same(field(batch.input, 0), normalised(dataset, statistics, 0, now));
    expect_same(field(batch.input, 2), normalised(dataset, statistics, 0, now - 1));
    expect_same(field(batch.input, 3), normalised(dataset, statistics, 0, now - 2));
    if (role == Role::forcing) {
      expect_same(field(batch.input, 1), normalised(dataset, statistics, 1, now));
      expect_same(batch.forced, normalised(dataset, statistics, 1, now + 1));
    } else {
      EXPECT_TRUE(batch.forced.empty());
      for (const float value : field(batch.input, 1))
        EXPECT_TRUE(std::isnan(value));
      expect_same(field(batch.target, 1), normalised(dataset, statistics, 1, now + 2));
    }
  }
}

TEST_F(LoaderTest, TransformsBeforeItNormalises) {
  DatasetOptions options{{path_}, {"u"}, {}};
  options.transforms = {{"u", Transform::parse("log1p 2", "")}};
  const Dataset dataset(options);
  const Statistics statistics = compute_statistics(dataset, {0, 24}, {kLeads[0]});
  const auto samples = make_training_samples(dataset.times(), dataset.calendar(), {0, 24}, {kLeads[0]}, 1);
  const BatchReader reader(dataset, statistics, {{0}, true, {0, 5}});
  const Batch batch = reader.read(std::span(samples).first(1));
  std::vector<float> now(30), next(30);
  dataset.read(0, 0, {0, 5}, now), dataset.read(0, 1, {0, 5}, next);
  for (size_t i = 0; i < now.size(); ++i) {
    if (std::isnan(now[i])) continue;
    const auto transformed = [](float x) { return std::log1p(std::max(0.0, static_cast<double>(x)) / 2); };
    const Moments &state = statistics.variables[0], &change = statistics.tendencies[0][0];
    EXPECT_NEAR(batch.input[i], (transformed(now[i]) - state.mean) / state.std, 1e-4);
    EXPECT_NEAR(batch.target[i], (transformed(next[i]) - transformed(now[i]) - change.mean) / change.std,
                0.02)
        << "of two floats";
  }
}

}  // namespace
}  // namespace seqvit::data
