#include "data/unstated_fill.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.h"

namespace seqvit::data {
namespace {

/// 10,000 values from `low` to `high`.
std::vector<float> between(double low, double high) {
  std::vector<float> values;
  for (uint64_t i = 0; i < 10'000; ++i)
    values.push_back(static_cast<float>(low + (high - low) * uniform(random_key(1, "fill"), i)));
  return values;
}

std::optional<SuspectFill> found(std::vector<float> values, double fill, int64_t times,
                                 const Packing* packing = nullptr) {
  for (int64_t i = 0; i < times; ++i)
    values[static_cast<size_t>(37 * i) % values.size()] = static_cast<float>(fill);
  FillDetector detector;
  detector.add(std::span<const float>(values));
  return detector.found(packing);
}

TEST(UnstatedFill, NamesWhatNoPhysicsMakes) {
  for (const double fill : {-9999.0, -999.0, -99.9, -1e30, 9.999e20, 99900.0, 1e20, -32768.0, 0.0}) {
    const auto suspect = found(between(200, 310), fill, 50);
    if (fill == -32768.0) {
      EXPECT_TRUE(suspect) << "300 times further than all others are spread";
      continue;
    }
    ASSERT_TRUE(suspect) << fill;
    EXPECT_FLOAT_EQ(static_cast<float>(suspect->value), static_cast<float>(fill));
    EXPECT_EQ(suspect->count, 50);
    EXPECT_NEAR(suspect->share, 0.005, 1e-9);
    EXPECT_NEAR(suspect->lowest, 200, 1);
    EXPECT_NEAR(suspect->highest, 310, 1);
  }
}

TEST(UnstatedFill, TheEndOfAStoredType) {
  // int16 with 0.01 and 280: -32768 is -47.68, which alone looks like nothing.
  Packing packing;
  packing.type = StoredType::int16;
  packing.scale = 0.01;
  packing.offset = 280;
  packing.packed = true;
  EXPECT_TRUE(found(between(200, 310), -32768 * 0.01 + 280, 20, &packing));
  EXPECT_FALSE(found(between(200, 310), -32768 * 0.01 + 280, 20));
}

TEST(UnstatedFill, TakesNumbersTooSmallToBeNormalised) {
  FillDetector detector;
  detector.add(std::vector<double>{1e-310, 1e-310, 2e-3, 2.0001e-3, 2.0002e-3});
  ASSERT_TRUE(detector.found(nullptr));
  EXPECT_DOUBLE_EQ(detector.found(nullptr)->value, 1e-310);
}

TEST(UnstatedFill, TwoOfThem) {
  std::vector<float> values = between(200, 310);
  for (size_t i = 0; i < 40; ++i)
    values[100 + i] = 1e20F;
  const auto suspect = found(values, -9999, 30);
  ASSERT_TRUE(suspect);
  EXPECT_EQ(suspect->value, -9999);
}

TEST(UnstatedFill, LeavesHonestValuesAlone) {
  std::vector<float> rain = between(-1, 1), ice = between(-1, 2), snow = between(-0.2, 1.5),
                     mask = between(0, 1);
  for (float& value : rain)
    value = value < 0 ? 0.0F : 1e-3F * value * value * value;
  for (float& value : ice)
    value = std::clamp(value, 0.0F, 1.0F);
  for (float& value : mask)
    value = std::round(value);
  EXPECT_FALSE(found(rain, 0, 10)) << "half of all rain is 0";
  EXPECT_FALSE(found(rain, 0.02, 1)) << "a cloudburst stands there once";
  EXPECT_FALSE(found(ice, 0, 10));
  EXPECT_FALSE(found(mask, 1, 10)) << "a mask of 0 and 1";
  EXPECT_FALSE(found(snow, 10, 10)) << "glaciers, as ERA5 has them";
  EXPECT_FALSE(found(between(-60, 40), -99, 10)) << "-99 degC is not far from -60";
  EXPECT_FALSE(found(between(0, 8848), 0, 3000)) << "sea level";
  EXPECT_FALSE(found(between(97'000, 105'000), 97'000, 10));
}

}  // namespace
}  // namespace seqvit::data
