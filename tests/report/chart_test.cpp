#include "report/chart.h"

#include <limits>

#include <gtest/gtest.h>

#include "report/markup.h"

namespace seqvit::report {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Chart, LinesHaveATitleADescriptionAndGapsWhereValuesAreMissing) {
  LineChart chart;
  chart.text = {"loss", "Loss <1>", "All of it.", "step", "loss"};
  chart.series = {{"a & b", 1, Series::Mark::line, {{1, 2}, {2, 3}, {3, kNaN}, {4, 3}, {5, 2}}},
                  {"c", 2, Series::Mark::dotted_line, {{1, 2, 1.5, 2.5}, {5, 3}}}};
  const std::string svg = line_chart(chart).str();
  EXPECT_EQ(markup_problem(svg), "");
  EXPECT_NE(svg.find("aria-labelledby=\"loss-title loss-desc\""), std::string::npos);
  EXPECT_NE(svg.find("<title id=\"loss-title\">Loss &lt;1&gt;</title>"), std::string::npos);
  EXPECT_NE(svg.find("<desc id=\"loss-desc\">All of it.</desc>"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  const std::string line = attribute_values(svg, "d").front();
  EXPECT_EQ(occurrences(line, "M"), 2) << line;
  EXPECT_EQ(occurrences(svg, "<circle"), 2);
  EXPECT_EQ(occurrences(svg, "whisker"), 1);
  EXPECT_EQ(occurrences(svg, "swatch"), 2);
}

TEST(Chart, HigherValuesStandHigher) {
  LineChart chart;
  chart.series = {{"a", 1, Series::Mark::dotted_line, {{1, 2}, {2, 3}}}};
  const auto y = attribute_values(line_chart(chart).str(), "cy"),
             x = attribute_values(line_chart(chart).str(), "cx");
  EXPECT_GT(std::stod(y.at(0)), std::stod(y.at(1)));
  EXPECT_LT(std::stod(x.at(0)), std::stod(x.at(1)));
}

TEST(Chart, EachAxisMayBeLogarithmic) {
  LineChart chart;
  chart.logarithmic = chart.logarithmic_x = true;
  chart.series = {{"a", 1, Series::Mark::dotted_line, {{1, 1000}, {10, 10}, {100, 0.1}}}};
  for (const char* coordinate : {"cx", "cy"}) {
    const auto at = attribute_values(line_chart(chart).str(), coordinate);
    EXPECT_NEAR(std::stod(at.at(1)) - std::stod(at.at(0)), std::stod(at.at(2)) - std::stod(at.at(1)), 0.11);
  }
}

TEST(Chart, DotsHaveARowALabelAndZeroOnTheAxisIfAskedFor) {
  DotChart chart;
  chart.text.id = "skill";
  chart.series = {"first", "second"};
  chart.rows = {{"t", {{0, 0.8, 0.7, 0.9}, {0, kNaN}}},
                {"a_variable_of_a_very_long_name", {{0, 0.9}, {0, 0.95}}}};
  EXPECT_EQ(occurrences(dot_chart(chart).str(), "zero"), 0);
  chart.include_zero = true;
  const std::string svg = dot_chart(chart).str();
  EXPECT_EQ(markup_problem(svg), "");
  EXPECT_EQ(occurrences(svg, "<circle"), 2);
  EXPECT_EQ(occurrences(svg, "class=\"dot s2\""), 1) << "what is not finite is left out";
  EXPECT_EQ(occurrences(svg, "class=\"zero\""), 1);
  EXPECT_NE(svg.find("a_variable_of..."), std::string::npos);
  EXPECT_NE(svg.find("<title>a_variable_of_a_very_long_name</title>"), std::string::npos);
}

TEST(Chart, PartsOfABarFillIt) {
  const std::string svg =
      share_bar({"time", "Time", "", "", ""}, {{"a", "3 s", 3.0}, {"b", "1 s", 1.0}}).str();
  EXPECT_EQ(markup_problem(svg), "");
  EXPECT_NE(svg.find("a: 3 s (75.0 %)"), std::string::npos) << svg;
  const auto x = attribute_values(svg, "x"), width = attribute_values(svg, "width");
  EXPECT_DOUBLE_EQ(std::stod(x.at(1)), std::stod(width.at(0)));
  EXPECT_DOUBLE_EQ(std::stod(width.at(0)), 3 * std::stod(width.at(1)));
  EXPECT_EQ(markup_problem(share_bar({}, {{"a", "0 s", 0.0}}).str()), "");
}

TEST(Chart, WithoutPointsThereIsStillAFigure) {
  EXPECT_EQ(markup_problem(line_chart({}).str()), "");
  EXPECT_EQ(markup_problem(dot_chart({}).str()), "");
}

}  // namespace
}  // namespace seqvit::report
