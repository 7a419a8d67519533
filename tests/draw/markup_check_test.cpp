/// The checker of the other tests, checked.
#include "draw/markup_check.h"

#include <gtest/gtest.h>

namespace seqvit::draw {
namespace {

TEST(Markup, AcceptsBalancedTagsAndNamesWhatIsWrongWithOthers) {
  EXPECT_EQ(markup_problem("<!DOCTYPE html><p class=\"a\">x &amp; y<br></p>"), "");
  EXPECT_EQ(markup_problem("<style>a > b { }</style>"), "");
  for (const char* broken : {"<p>", "</p>", "<p><b></p></b>", "<p class=a></p>", "<p class=\"a\"b></p>", "<p",
                             "x > y", "fish & chips", "<p title=\"<b>\"></p>"}) {
    EXPECT_NE(markup_problem(broken), "") << broken;
  }
}

}  // namespace
}  // namespace seqvit::draw
