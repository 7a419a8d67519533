// Every variable of the developer data set against figures computed with the reference library.
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "data/dataset.h"
#include "data/inspect.h"
#include "support/source_path.h"

namespace seqvit::data {
namespace {

namespace fs = std::filesystem;

fs::path data_directory() {
  const char* directory = std::getenv("SEQVIT_DATA_DIR");
  return directory != nullptr ? fs::path(directory) : fs::path(source_path("../shared/data"));
}

void expect_figures(const VariableReport& found, const nlohmann::json& expected) {
  SCOPED_TRACE(found.file + ": " + found.name);
  EXPECT_EQ(found.dims, expected["dims"].get<std::vector<std::string>>());
  EXPECT_EQ(found.shape, expected["shape"].get<std::vector<int64_t>>());
  EXPECT_EQ(found.stored_type, expected["stored"]);
  EXPECT_EQ(found.units, expected["units"]);
  EXPECT_NEAR(found.missing_fraction, expected["missing"].get<double>(), 5e-7);  // rounded in the manifest
  const auto near = [](double value, double figure, double scale) {
    EXPECT_NEAR(value, figure, 1e-6 * scale);
  };
  const double std = expected["std"];
  near(found.min, expected["min"], std::abs(expected["min"].get<double>()));
  near(found.max, expected["max"], std::abs(expected["max"].get<double>()));
  near(found.std, std, std);
  near(found.mean, expected["mean"], std::abs(expected["mean"].get<double>()));
}

void expect_file(const fs::path& path, const nlohmann::json& entry) {
  ASSERT_EQ(fs::file_size(path), entry["bytes"].get<uintmax_t>()) << path;
  const InspectReport report = inspect_files({path});
  EXPECT_EQ(report.variables.size(), entry["variables"].size()) << path;
  for (const VariableReport& variable : report.variables) {
    ASSERT_TRUE(entry["variables"].contains(variable.name)) << variable.name;
    expect_figures(variable, entry["variables"][variable.name]);
  }
  for (const Problem& problem : report.problems)
    EXPECT_EQ(problem.severity, "warning") << problem.message;
}

TEST(Manifest, EveryVariableOfEveryFile) {
  const fs::path directory = data_directory();
  if (!fs::exists(directory / "manifest.json")) {
    GTEST_SKIP() << directory << " has no manifest.json; set SEQVIT_DATA_DIR to the developer data set";
  }
  const auto manifest = nlohmann::json::parse(read_text(directory / "manifest.json", Exit::data));
  EXPECT_GE(manifest.size(), 8U);
  for (const auto& [name, entry] : manifest.items())
    expect_file(directory / name, entry);
}

TEST(Manifest, TheFileInTheRepository) {
  const fs::path path = source_path("samples/ncep_air_na_6h_2013_2014.nc");
  const auto entry = nlohmann::json::parse(R"({"bytes": 7768404, "variables": {"air": {
      "dims": ["time", "lat", "lon"], "shape": [2920, 25, 53], "stored": "int16", "missing": 0.0,
      "units": "degK", "min": 221.0, "max": 317.40000000000003,
      "mean": 281.2550369656242, "std": 16.320409697446568}}})");
  expect_file(path, entry);
  const Dataset dataset({{path}, {}, {}});
  EXPECT_EQ(format_time(dataset.times().front(), dataset.calendar()), "2013-01-01T00:00:00");
  EXPECT_EQ(format_time(dataset.times().back(), dataset.calendar()), "2014-12-31T18:00:00");
  EXPECT_FALSE(dataset.grid().periodic());
  EXPECT_EQ(dataset.grid().latitude.front(), 75);
}

TEST(Manifest, DatasetsOfTheDeveloperData) {
  const fs::path directory = data_directory();
  if (!fs::exists(directory / "manifest.json")) {
    GTEST_SKIP() << directory << " has no manifest.json; set SEQVIT_DATA_DIR to the developer data set";
  }
  const auto manifest = nlohmann::json::parse(read_text(directory / "manifest.json", Exit::data));
  for (const auto& [name, entry] : manifest.items()) {
    const Dataset dataset({{directory / name}, {}, {}});
    for (size_t v = 0; v < dataset.variables().size(); ++v) {
      const auto& expected = entry["variables"][dataset.variables()[v].name];
      const Range rows{0, dataset.grid().rows()};
      std::vector<float> field(static_cast<size_t>(dataset.grid().points()));
      double lowest = INFINITY, highest = -INFINITY;
      for (int64_t t = 0; t < static_cast<int64_t>(dataset.times().size()); ++t) {
        dataset.read(static_cast<int64_t>(v), t, rows, field);
        for (const float value : field) {
          if (value < lowest) lowest = value;
          if (value > highest) highest = value;
        }
      }
      EXPECT_FLOAT_EQ(static_cast<float>(lowest), expected["min"].get<float>()) << name;
      EXPECT_FLOAT_EQ(static_cast<float>(highest), expected["max"].get<float>()) << name;
    }
  }
}

}  // namespace
}  // namespace seqvit::data
