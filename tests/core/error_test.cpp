#include "core/error.h"

#include <gtest/gtest.h>

namespace seqvit {
namespace {

TEST(Error, CarriesCodeAndMessage) {
  try {
    fail(Exit::data, "{}: expected {}", "a.nc", 3);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::data);
    EXPECT_STREQ(error.what(), "a.nc: expected 3");
  }
}

TEST(Error, IsOneLineWhateverItQuotes) {
  EXPECT_STREQ(Error(Exit::usage, "found 'a\n\tb\x1b[2J\x7f'").what(), "found 'a\\x0a\\x09b\\x1b[2J\\x7f'");
  EXPECT_STREQ(Error(Exit::usage, "found 'Grad °C'").what(), "found 'Grad °C'");
  const std::string line =
      Error(Exit::usage, "a.yaml: found '" + std::string(1 << 20, 'x') + "'; name a file").what();
  EXPECT_LT(line.size(), 2000u);
  EXPECT_TRUE(line.starts_with("a.yaml: found 'xxx"));
  EXPECT_TRUE(line.ends_with("xxx'; name a file"));
}

TEST(Error, CheckNamesFileAndLine) {
  check(true, "fine");
  try {
    check(false, "broken");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::bug);
    EXPECT_NE(std::string(error.what()).find("error_test.cpp"), std::string::npos);
  }
}

TEST(NearestName, FindsTypingErrorsOnly) {
  const std::vector<std::string> names = {"temperature", "humidity", "t2m"};
  EXPECT_EQ(nearest_name("temprature", names), "temperature");
  EXPECT_EQ(nearest_name("t2n", names), "t2m");
  EXPECT_EQ(nearest_name("geopotential_height_at_500", names), "");
  EXPECT_EQ(did_you_mean("humidty", names), "; did you mean 'humidity'?");
  EXPECT_EQ(did_you_mean("x", {}), "");
  EXPECT_EQ(nearest_name(std::string(100'000'000, 't'), names), "");  // at once
}

}  // namespace
}  // namespace seqvit
