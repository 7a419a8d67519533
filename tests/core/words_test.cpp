#include "core/words.h"

#include <gtest/gtest.h>

namespace seqvit {
namespace {

TEST(Words, OfTheShellAreQuotedWhereTheyMustBe) {
  EXPECT_EQ(shell_word("runs/a-1.nc"), "runs/a-1.nc");
  EXPECT_EQ(shell_word("a b"), "'a b'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word("air.*.nc"), "'air.*.nc'");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(Words, LoseSpaceAndCase) {
  EXPECT_EQ(trimmed(" \tK \n"), "K");
  EXPECT_EQ(trimmed("  "), "");
  EXPECT_EQ(lower("DegK"), "degk");
}

}  // namespace
}  // namespace seqvit
