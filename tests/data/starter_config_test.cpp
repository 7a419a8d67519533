#include "data/starter_config.h"

#include <gtest/gtest.h>

#include "core/config.h"
#include "data/dataset_fixture.h"
#include "data/period.h"

namespace seqvit::data {
namespace {

class StarterConfigTest : public DatasetTest {
 protected:
  static GridFile at_days(int64_t first, int64_t count) {
    GridFile file;
    file.time_units = "days since 2000-01-01";
    file.hours.clear();
    for (int64_t i = 0; i < count; ++i)
      file.hours.push_back(static_cast<double>(first + i));
    return file;
  }

  Config starter(const std::vector<std::string>& files, const FileReading& reading = {}) {
    text_ = starter_config(inspect_files(files, DatasetOptions{}.cache_bytes, reading), reading);
    return parse_config(text_, "starter", {});
  }

  std::string text_;
};

TEST_F(StarterConfigTest, TakesWhatTheFilesHold) {
  GridFile file = at_days(0, 100);
  file.variables = {"air", "wind"};
  file.statics = {"land"};
  const Config config = starter({write("a.nc", file)});
  EXPECT_EQ(config.data.variables, (std::vector<std::string>{"air", "wind"}));
  EXPECT_EQ(config.data.statics, std::vector<std::string>{"land"});
  EXPECT_EQ(config.data.lead_time, "1d");
  EXPECT_EQ(config.data.split.train.bounds,
            (std::vector<std::string>{"2000-01-01T00:00:00", "2000-03-10T00:00:00"}));
  EXPECT_EQ(config.data.split.test.bounds[1], "2000-04-09T00:00:00");
  EXPECT_EQ(config.model.patch_size, 1) << "30 tokens";
}

TEST_F(StarterConfigTest, LevelsAreVariablesOfTheirOwn) {
  GridFile file = at_days(0, 20);
  file.levels = {500, 850};
  EXPECT_EQ(starter({write("a.nc", file)}).data.variables, (std::vector<std::string>{"air@500", "air@850"}));
}

TEST_F(StarterConfigTest, SplitsByYearsWhereThereAreEnough) {
  const Config config = starter({write("a.nc", at_days(0, 1000)), write("b.nc", at_days(1000, 3653 - 1000))});
  EXPECT_EQ(config.data.split.train.bounds, (std::vector<std::string>{"2000", "2006"}));
  EXPECT_EQ(config.data.split.validation.bounds, (std::vector<std::string>{"2007", "2007"}));
  EXPECT_EQ(config.data.split.test.bounds, (std::vector<std::string>{"2008", "2009"}));
  EXPECT_EQ(config.data.files.size(), 2U);
}

TEST_F(StarterConfigTest, APatchThatDividesTheGridWhereOneDoes) {
  const auto patch_of = [&](size_t rows, size_t columns) {
    GridFile file = at_days(0, 10);
    file.latitude.clear();
    file.longitude.clear();
    for (size_t y = 0; y < rows; ++y)
      file.latitude.push_back(80.0 - 160.0 * static_cast<double>(y) / static_cast<double>(rows));
    for (size_t x = 0; x < columns; ++x)
      file.longitude.push_back(360.0 * static_cast<double>(x) / static_cast<double>(columns));
    return starter({write("a.nc", file)}).model.patch_size;
  };
  EXPECT_EQ(patch_of(48, 96), 3) << "512 tokens; 2 would be 1,152";
  EXPECT_EQ(patch_of(73, 144), 4) << "19 x 36: none divides 73";
}

TEST_F(StarterConfigTest, SaysWhatItGuessesAndWhatItWasTold) {
  const std::string path = directory_ / "a.nc";
  {
    NetcdfBuilder file(path, NC_NETCDF4);
    file.coordinate("number", {3, 8}, "1");
    file.coordinate("time", {0, 1, 2, 3}, "days since 2001-01-01");
    file.coordinate("lat", {10, 20}, "degrees_north");
    file.coordinate("lon", {0, 10}, "degrees_east");
    std::vector<double> values;
    for (int i = 0; i < 32; ++i)
      values.push_back(i % 8 == 4 ? -9999 : 280 + i);
    file.put(file.variable("ts", NC_FLOAT, {"time", "number", "lat", "lon"}), values);
  }
  const Config config = starter({path}, {.select = {{"number", 8}}});
  EXPECT_EQ(config.data.missing, (std::map<std::string, std::vector<double>>{{"ts", {-9999}}}));
  EXPECT_EQ(config.data.select, (std::map<std::string, double>{{"number", 8}}));
  EXPECT_NE(text_.find("guessed for ts"), std::string::npos) << text_;
}

TEST_F(StarterConfigTest, RefusesWhatHasNoFields) {
  GridFile file;
  file.hours = {0};
  EXPECT_ERROR(starter({write("a.nc", file)}), Exit::data, "a.nc", "a field with times");
}

}  // namespace
}  // namespace seqvit::data
