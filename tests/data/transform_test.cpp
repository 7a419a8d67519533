#include "data/transform.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "support/errors.h"

namespace seqvit::data {
namespace {

TEST(Transform, InvertsItselfAndNothingLiesBelowZero) {
  for (const char* text : {"sqrt", "log1p", "log1p 1e-05", "log1p 250"}) {
    const Transform t = Transform::parse(text, "data.transform.pr");
    EXPECT_EQ(Transform::parse(t.text(), "again").text(), t.text());
    EXPECT_EQ(t.text(), text);
    for (const double x : {0.0, 1e-7, 0.3, 4.0, 800.0})
      EXPECT_NEAR(t.invert(t.apply(x)), x, 1e-12 * (1 + x)) << text;
    EXPECT_EQ(t.apply(-0.5), 0.0) << text;
    EXPECT_EQ(t.invert(-0.5), 0.0) << text;
    EXPECT_TRUE(std::isnan(t.apply(std::numeric_limits<double>::quiet_NaN())));
    EXPECT_TRUE(std::isnan(t.invert(std::numeric_limits<double>::quiet_NaN())));
  }
  EXPECT_DOUBLE_EQ(Transform::parse("sqrt", "").apply(9.0), 3.0);
  EXPECT_DOUBLE_EQ(Transform::parse("log1p 2", "").apply(4.0), std::log(3.0));
}

TEST(Transform, NoneChangesNothing) {
  const Transform none;
  EXPECT_TRUE(none.identity());
  std::vector<float> values = {-1.5F, 2.0F};
  none.apply(values);
  EXPECT_EQ(values, (std::vector<float>{-1.5F, 2.0F}));
  EXPECT_EQ(none.text(), "");
}

TEST(Transform, SaysWhatItExpects) {
  for (const char* text : {"log", "sqrt 2", "log1p x", "log1p 0", "log1p -1", "log1p inf", "log1p 1 2"})
    EXPECT_ERROR(Transform::parse(text, "data.transform.pr"), Exit::usage, "data.transform.pr", text,
                 "log1p UNIT");
}

}  // namespace
}  // namespace seqvit::data
