/// Reading ahead as for a GPU, on the CPU: what differs there, stream and event, needs one.
#include "train/device_batches.h"

#include <chrono>
#include <thread>

#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "data/loader.h"
#include "ops/to_device.h"
#include "support/errors.h"
#include "support/source_path.h"

namespace seqvit::train {
namespace {

constexpr int64_t kBatch = 3;

/// Batches of the sample from `first_step` on.
class Source {
 public:
  explicit Source(int64_t first_step)
      : loader_(reader_, samples_, 7, kBatch, {0, kBatch}, first_step * kBatch) {}

  LearnerBatch operator()() {
    const data::Batch batch = loader_.next();
    auto tensor = [](const std::vector<float>& values) {
      return ops::to_device(values, {std::ssize(values)}, at::kDouble);
    };
    const auto first = static_cast<double>(batch.samples[0].input);
    LearnerBatch made;
    made.input = tensor(batch.input), made.target = tensor(batch.target);
    made.condition = at::full({1}, first, at::kDouble);
    return made;
  }

 private:
  data::Dataset dataset_{{.files = {source_path("samples/ncep_air_na_6h_2013_2014.nc")}}};
  data::LeadTime lead_ = data::LeadTime::parse("6h");
  data::BatchReader reader_{dataset_,
                            data::compute_statistics(dataset_, {0, 40}, {lead_}),
                            {.targets = {0}, .rows = {0, dataset_.grid().rows()}}};
  std::vector<data::TrainingSample> samples_ =
      data::make_training_samples(dataset_.times(), dataset_.calendar(), {0, 40}, {lead_}, 1);
  data::Loader loader_;
};

void expect_same(const LearnerBatch& found, const LearnerBatch& expected) {
  EXPECT_TRUE(at::equal(found.condition, expected.condition));
  EXPECT_TRUE(at::equal(found.input, expected.input));
  EXPECT_TRUE(at::equal(found.target, expected.target));
}

TEST(DeviceBatches, TheSameOnesInTheSameOrderAheadOrNot) {
  Source direct(0), now(0), early(0);
  DeviceBatches made_now([&] { return now(); }, at::kCPU), ahead([&] { return early(); }, at::kCPU, true);
  for (int step = 0; step < 20; ++step) {  // beyond an epoch
    const LearnerBatch expected = direct();
    expect_same(made_now.next(), expected);
    expect_same(ahead.next(), expected);
  }
}

/// What was made ahead and not taken is made again by the run that goes on.
TEST(DeviceBatches, GoOnWhereTheyWereLeft) {
  Source direct(0), first(0), second(7);
  for (int part = 0, step = 0; part < 2; ++part) {
    DeviceBatches batches([&] { return part == 0 ? first() : second(); }, at::kCPU, true);
    for (; step < 7 * (part + 1); ++step)
      expect_same(batches.next(), direct());
  }
}

TEST(DeviceBatches, TheCpuMakesOnlyWhatIsTakenAndOnItsOwnThread) {
  int made = 0;
  const auto caller = std::this_thread::get_id();
  DeviceBatches batches(
      [&] {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        ++made;
        return LearnerBatch{};
      },
      at::kCPU);
  EXPECT_EQ(made, 0);
  batches.next();
  batches.next();
  EXPECT_EQ(made, 2);
}

TEST(DeviceBatches, TheNextIsMadeDuringTheStep) {
  std::atomic<int> made = 0;
  DeviceBatches batches(
      [&] {
        ++made;
        return LearnerBatch{};
      },
      at::kCPU, true);
  batches.next();
  for (int wait = 0; wait < 1000 && made < 2; ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(made, 2) << "one ahead, no more";
}

TEST(DeviceBatches, AFailureComesWithItsBatch) {
  int made = 0;
  DeviceBatches batches(
      [&] {
        if (++made == 3) fail(Exit::data, "a.nc: gone");
        return LearnerBatch{};
      },
      at::kCPU, true);
  batches.next();
  batches.next();
  expect_error(Exit::data, {"a.nc: gone"}, [&] { batches.next(); });
}

TEST(DeviceBatches, ATensorOfItsOwnOfTheTypeAskedFor) {
  std::vector<float> values(4, 2.0F);
  const Tensor same = ops::to_device(values, {4}, at::kFloat),
               wide = ops::to_device(values, {2, 2}, at::kDouble);
  values.assign(4, 5.0F);
  EXPECT_EQ(same[0].item<double>(), 2.0);
  EXPECT_EQ(wide.scalar_type(), at::kDouble);
  EXPECT_EQ(wide[1][1].item<double>(), 2.0);
}

}  // namespace
}  // namespace seqvit::train
