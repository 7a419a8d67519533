#include "draw/chart.h"

#include <limits>

#include <gtest/gtest.h>

#include "draw/markup_check.h"
#include "draw/svg.h"

namespace seqvit::draw {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Chart, LinesHaveATitleADescriptionAndGapsWhereValuesAreMissing) {
  LineChart chart;
  chart.text = {"loss", "Loss <1>", "All of it.", "step", "loss"};
  chart.series = {{"a & b", 1, Series::Mark::line, {{1, 2}, {2, 3}, {3, kNaN}, {4, 3}, {5, 2}}},
                  {"c", 2, Series::Mark::dotted_line, {{1, 2, 1.5, 2.5}, {5, 3}}}};
  const std::string text = svg(line_chart(chart)).str();
  EXPECT_EQ(markup_problem(text), "");
  EXPECT_NE(text.find("aria-labelledby=\"loss-title loss-desc\""), std::string::npos);
  EXPECT_NE(text.find("<title id=\"loss-title\">Loss &lt;1&gt;</title>"), std::string::npos);
  EXPECT_NE(text.find("<desc id=\"loss-desc\">All of it.</desc>"), std::string::npos);
  EXPECT_EQ(text.find("nan"), std::string::npos);
  std::string line;  // of the first series, the only one of two pieces
  for (const std::string& d : attribute_values(text, "d")) {
    if (occurrences(d, "M") > 1) line = d;
  }
  EXPECT_EQ(occurrences(line, "M"), 2) << line;
  EXPECT_EQ(occurrences(text, "<circle"), 2);
  EXPECT_EQ(occurrences(text, "whisker"), 1);
  EXPECT_EQ(line_chart(chart).legend, (std::vector<std::string>{"a & b", "c"}));
}

TEST(Chart, HigherValuesStandHigher) {
  LineChart chart;
  chart.series = {{"a", 1, Series::Mark::dotted_line, {{1, 2}, {2, 3}}}};
  const auto y = attribute_values(svg(line_chart(chart)).str(), "cy"),
             x = attribute_values(svg(line_chart(chart)).str(), "cx");
  EXPECT_GT(std::stod(y.at(0)), std::stod(y.at(1)));
  EXPECT_LT(std::stod(x.at(0)), std::stod(x.at(1)));
}

TEST(Chart, EachAxisMayBeLogarithmic) {
  LineChart chart;
  chart.logarithmic = chart.logarithmic_x = true;
  chart.series = {{"a", 1, Series::Mark::dotted_line, {{1, 1000}, {10, 10}, {100, 0.1}}}};
  for (const char* coordinate : {"cx", "cy"}) {
    const auto at = attribute_values(svg(line_chart(chart)).str(), coordinate);
    EXPECT_NEAR(std::stod(at.at(1)) - std::stod(at.at(0)), std::stod(at.at(2)) - std::stod(at.at(1)), 0.11);
  }
}

TEST(Chart, DotsHaveARowALabelAndZeroOnTheAxisIfAskedFor) {
  DotChart chart;
  chart.text.id = "skill";
  chart.series = {"first", "second"};
  chart.rows = {{"t", {{0, 0.8, 0.7, 0.9}, {0, kNaN}}},
                {"a_variable_of_a_very_long_name", {{0, 0.9}, {0, 0.95}}}};
  EXPECT_EQ(occurrences(svg(dot_chart(chart)).str(), "zero"), 0);
  chart.include_zero = true;
  const std::string text = svg(dot_chart(chart)).str();
  EXPECT_EQ(markup_problem(text), "");
  EXPECT_EQ(occurrences(text, "<circle"), 2);
  EXPECT_EQ(occurrences(text, "class=\"dot s2\""), 1) << "what is not finite is left out";
  EXPECT_EQ(occurrences(text, "class=\"zero\""), 1);
  EXPECT_NE(text.find("a_variable_of..."), std::string::npos);
  EXPECT_NE(text.find("<title>a_variable_of_a_very_long_name</title>"), std::string::npos);
}

TEST(Chart, PartsOfABarFillIt) {
  const Scene bar = share_bar({"time", "Time", "", "", ""}, {{"a", "3 s", 3.0}, {"b", "1 s", 1.0}});
  const std::string text = svg(bar).str();
  EXPECT_EQ(markup_problem(text), "");
  EXPECT_EQ(bar.legend.at(0), "a: 3 s (75.0 %)");
  const auto x = attribute_values(text, "x"), width = attribute_values(text, "width");
  EXPECT_DOUBLE_EQ(std::stod(x.at(1)), std::stod(width.at(0)));
  EXPECT_DOUBLE_EQ(std::stod(width.at(0)), 3 * std::stod(width.at(1)));
  EXPECT_EQ(markup_problem(svg(share_bar({}, {{"a", "0 s", 0.0}})).str()), "");
}

TEST(Chart, WithoutPointsThereIsStillAFigure) {
  EXPECT_EQ(markup_problem(svg(line_chart({})).str()), "");
  EXPECT_EQ(markup_problem(svg(dot_chart({})).str()), "");
}

}  // namespace
}  // namespace seqvit::draw
