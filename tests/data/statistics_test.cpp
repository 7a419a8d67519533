#include "data/statistics.h"

#include <chrono>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "data/checksums.h"
#include "data/dataset_fixture.h"

namespace seqvit::data {
namespace {

class StatisticsTest : public DatasetTest {
 protected:
  /// A file of one variable with these values at [time][point].
  std::string write_values(const std::string& name, const std::vector<std::vector<double>>& fields,
                           int step_hours = 6) {
    const std::string path = directory_ / name;
    NetcdfBuilder file(path, NC_NETCDF4);
    std::vector<double> hours, values;
    for (size_t t = 0; t < fields.size(); ++t) {
      hours.push_back(static_cast<double>(t) * step_hours);
      values.insert(values.end(), fields[t].begin(), fields[t].end());
    }
    file.coordinate("time", hours, "hours since 2000-01-01");
    file.coordinate("lat", {0}, "degrees_north");
    std::vector<double> longitude;
    for (size_t x = 0; x < fields[0].size(); ++x)
      longitude.push_back(static_cast<double>(x));
    file.coordinate("lon", longitude, "degrees_east");
    const int id = file.variable("t", NC_DOUBLE, {"time", "lat", "lon"});
    file.put(id, values);
    return path;
  }
  std::filesystem::path cache() const { return directory_ / "cache"; }
};

TEST_F(StatisticsTest, MatchesALoopOverAllValues) {
  GridFile file;
  file.variables = {"u", "v"};
  file.statics = {"z"};
  file.hours = {0, 6, 12, 18, 24, 36, 42};  // a gap before 36
  file.missing_where = 60;
  const Dataset dataset({{write("a.nc", file)}, {}, {"z"}});
  const Range period{1, 7};
  const std::vector<LeadTime> leads = {{12 * 3600, 0}, {18 * 3600, 0}, {6 * 3600, 0}};
  const Statistics statistics = compute_statistics(dataset, period, leads);
  ASSERT_EQ(statistics.tendencies.size(), 3U);
  ASSERT_EQ(statistics.variables.size(), 2U);
  ASSERT_EQ(statistics.statics.size(), 1U);
  const auto moments = [](const std::vector<double>& values) {
    double mean = 0, squares = 0;
    for (const double value : values)
      mean += value / static_cast<double>(values.size());
    for (const double value : values)
      squares += (value - mean) * (value - mean) / static_cast<double>(values.size());
    return Moments{mean, std::sqrt(squares)};
  };
  for (size_t v = 0; v < 2; ++v) {
    std::vector<double> states;
    std::vector<float> field(30), later(30);
    for (int64_t t = period.begin; t < period.end; ++t) {
      dataset.read(static_cast<int64_t>(v), t, {0, 5}, field);
      for (const float value : field) {
        if (!std::isnan(value)) states.push_back(value);
      }
    }
    for (size_t lead = 0; lead < leads.size(); ++lead) {
      std::vector<double> tendencies;
      const auto samples = make_samples(dataset.times(), dataset.calendar(), period, leads[lead]);
      EXPECT_EQ(samples.size(), (std::vector<size_t>{3, 3, 4})[lead]);
      for (const Sample& sample : samples) {
        dataset.read(static_cast<int64_t>(v), sample.input, {0, 5}, field);
        dataset.read(static_cast<int64_t>(v), sample.target, {0, 5}, later);
        for (size_t i = 0; i < 30; ++i) {
          if (!std::isnan(later[i] - field[i])) tendencies.push_back(later[i] - field[i]);
        }
      }
      EXPECT_NEAR(statistics.tendencies[lead][v].mean, moments(tendencies).mean, 1e-9);
      EXPECT_NEAR(statistics.tendencies[lead][v].std, moments(tendencies).std, 1e-9);
    }
    EXPECT_NEAR(statistics.variables[v].mean, moments(states).mean, 1e-9);
    EXPECT_NEAR(statistics.variables[v].std, moments(states).std, 1e-9);
  }
}

TEST_F(StatisticsTest, ReadsEveryFieldOnce) {
  GridFile file;
  file.hours.clear();
  for (int i = 0; i < 40; ++i)
    file.hours.push_back(6 * i);
  const Dataset dataset({{write("a.nc", file)}, {}, {}, 0});  // without a cache every second read would count
  compute_statistics(dataset, {10, 30}, {LeadTime{5 * 6 * 3600, 0}});
  EXPECT_EQ(dataset.bytes_read(), 20 * 30 * 4);
}

TEST_F(StatisticsTest, SeveralInputsMayShareATarget) {
  // Daily fields a month apart: January 28 to 31 all lead to February 28.
  std::vector<std::vector<double>> fields;
  for (int day = 0; day < 60; ++day)
    fields.push_back({std::sqrt(day + 1.0), 2.0 * day * day});
  const Dataset dataset({{write_values("a.nc", fields, 24)}, {}, {}});
  const Statistics statistics = compute_statistics(dataset, {0, 60}, {LeadTime{0, 1}});
  double mean = 0;
  const auto samples = make_samples(dataset.times(), dataset.calendar(), {0, 60}, {0, 1});
  for (const Sample& sample : samples) {
    for (int x = 0; x < 2; ++x)
      mean += fields[sample.target][x] - fields[sample.input][x];
  }
  EXPECT_NEAR(statistics.tendencies[0][0].mean, mean / static_cast<double>(2 * samples.size()), 1e-3);
}

TEST_F(StatisticsTest, OnlyThePeriodCounts) {
  const Dataset dataset({{write_values("a.nc", {{1, 2}, {3, 5}, {1e6, -1e6}})}, {}, {}});
  const Statistics statistics = compute_statistics(dataset, {0, 2}, {LeadTime{6 * 3600, 0}});
  EXPECT_DOUBLE_EQ(statistics.variables[0].mean, 11.0 / 4);
  EXPECT_DOUBLE_EQ(statistics.tendencies[0][0].mean, 2.5);
  EXPECT_DOUBLE_EQ(statistics.tendencies[0][0].std, 0.5);
}

TEST_F(StatisticsTest, InfiniteValuesAreLeftOut) {
  const std::vector<LeadTime> lead = {{6 * 3600, 0}};
  const Dataset infinite({{write_values("a.nc", {{1, INFINITY}, {3, 5}, {-INFINITY, 8}})}, {}, {}});
  const Dataset missing({{write_values("b.nc", {{1, NAN}, {3, 5}, {NAN, 8}})}, {}, {}});
  EXPECT_EQ(to_json(compute_statistics(infinite, {0, 3}, lead), infinite, lead),
            to_json(compute_statistics(missing, {0, 3}, lead), missing, lead));
}

TEST_F(StatisticsTest, WhatCannotBeNormalised) {
  const std::vector<LeadTime> lead = {{6 * 3600, 0}};
  const Dataset constant({{write_values("a.nc", {{0.1, 0.1}, {0.1, 0.1}})}, {}, {}});
  EXPECT_ERROR(compute_statistics(constant, {0, 2}, lead), Exit::data, "a.nc", "t", "vary", "0.1",
               "2000-01-01T00:00:00");
  const Dataset empty({{write_values("b.nc", {{NAN, NAN}, {NAN, NAN}})}, {}, {}});
  EXPECT_ERROR(compute_statistics(empty, {0, 2}, lead), Exit::data, "b.nc", "t", "none valid");
  const Dataset infinite({{write_values("e.nc", {{INFINITY, INFINITY}, {-INFINITY, INFINITY}})}, {}, {}});
  EXPECT_ERROR(compute_statistics(infinite, {0, 2}, lead), Exit::data, "e.nc", "t", "none valid");
  const Dataset absurd({{write_values("f.nc", {{1, 3e38}, {1, -3e38}})}, {}, {}});
  EXPECT_ERROR(compute_statistics(absurd, {0, 2}, lead), Exit::data, "f.nc", "t", "changes", "-inf");
  const Dataset still({{write_values("c.nc", {{1, 2}, {1, 2}})}, {}, {}});
  EXPECT_EQ(compute_statistics(still, {0, 2}, lead).tendencies[0][0].std, 1.0);
  EXPECT_ERROR(compute_statistics(still, {0, 2}, {LeadTime{5 * 3600, 0}}), Exit::usage, "lead time 5h",
               "change the lead time");
  GridFile file;
  file.statics = {"z"};
  file.latitude = {10};
  file.longitude = {20};
  const Dataset point({{write("d.nc", file)}, {}, {"z"}});
  EXPECT_ERROR(compute_statistics(point, {0, 4}, lead), Exit::data, "z", "vary");
}

TEST_F(StatisticsTest, JsonAndBack) {
  GridFile file;
  file.statics = {"z"};
  const Dataset dataset({{write("a.nc", file)}, {}, {"z"}});
  const std::vector<LeadTime> leads = {{6 * 3600, 0}, {12 * 3600, 0}};
  const Statistics statistics = compute_statistics(dataset, {0, 4}, leads);
  const nlohmann::json json = to_json(statistics, dataset, leads);
  EXPECT_TRUE(json["variables"]["air"]["mean"].is_number());
  EXPECT_TRUE(json["statics"]["z"]["std"].is_number());
  const Statistics back = statistics_from_json(nlohmann::json::parse(json.dump()), dataset, leads);
  EXPECT_EQ(back.variables[0].mean, statistics.variables[0].mean);
  for (size_t lead : {0, 1})
    EXPECT_EQ(back.tendencies[lead][0].std, statistics.tendencies[lead][0].std);
  EXPECT_EQ(json["tendencies"]["air"]["std"], statistics.tendencies[0][0].std);
  EXPECT_EQ(back.statics[0].std, statistics.statics[0].std);
  nlohmann::json bad = json;
  bad["variables"].erase("air");
  EXPECT_ERROR(statistics_from_json(bad, dataset, leads), Exit::checkpoint, "variables.air");
  bad = json;
  bad["tendencies"]["air"]["std"] = 0.0;
  EXPECT_ERROR(statistics_from_json(bad, dataset, leads), Exit::checkpoint, "tendencies.air");
  EXPECT_ERROR(statistics_from_json(json, dataset, {{6 * 3600, 0}, {18 * 3600, 0}}), Exit::checkpoint,
               "tendencies 18h.air");
  EXPECT_ERROR(statistics_from_json("text", dataset, leads), Exit::checkpoint, "object");
  for (const char* key : {"latitude", "variables"}) {
    bad = json;
    bad[key] = "text";
    EXPECT_ERROR(statistics_from_json(bad, dataset, leads), Exit::checkpoint, "normalization: ");
  }
  bad = json;
  bad["variables"]["air"]["units"] = 3;
  EXPECT_ERROR(statistics_from_json(bad, dataset, leads), Exit::checkpoint, "normalization: ");
  bad = json;
  bad["variables"]["air"]["units"] = "m";
  EXPECT_ERROR(statistics_from_json(bad, dataset, leads), Exit::data, "expected units 'm'");
  bad = json;
  bad["longitude"][0] = json["longitude"][0].get<double>() + 1.0;
  EXPECT_ERROR(statistics_from_json(bad, dataset, leads), Exit::data, "the grid of training");
}

/// Statistics through the cache, and whether the fields had to be read for them.
std::pair<double, bool> cached(const std::string& path, Range period, const LeadTime& lead,
                               const std::string& cache) {
  const Dataset dataset({{path}, {}, {}});
  const double mean = cached_statistics(dataset, period, {lead}, cache).variables[0].mean;
  return {mean, dataset.bytes_read() > 0};
}

TEST_F(StatisticsTest, CacheKnowsWhatItDependsOn) {
  const std::string path = write("a.nc");
  const LeadTime six{6 * 3600, 0};
  const auto [mean, read] = cached(path, {0, 4}, six, cache());
  EXPECT_TRUE(read);
  EXPECT_EQ(cached(path, {0, 4}, six, cache()), std::pair(mean, false));
  std::filesystem::copy(path, directory_ / "copy.nc");
  EXPECT_FALSE(cached(directory_ / "copy.nc", {0, 4}, six, cache()).second)
      << "the content counts, not the name";
  EXPECT_TRUE(cached(path, {0, 3}, six, cache()).second);
  EXPECT_TRUE(cached(path, {0, 4}, {12 * 3600, 0}, cache()).second);
  GridFile other;
  other.hours = {0, 6, 12, 24};
  EXPECT_TRUE(cached(write("a.nc", other), {0, 4}, six, cache()).second);
}

TEST_F(StatisticsTest, DamagedOrForbiddenCacheIsNoError) {
  const std::string path = write("a.nc");
  const LeadTime six{6 * 3600, 0};
  const double mean = cached(path, {0, 4}, six, cache()).first;
  for (const std::string text : {"", "{", "[]", "{\"key\": 1}", "{\"variables\": 3}"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(cache())) {
      if (entry.is_regular_file()) write_text(entry.path(), text, Exit::data);
    }
    EXPECT_EQ(cached(path, {0, 4}, six, cache()), std::pair(mean, true)) << text;
    EXPECT_EQ(cached(path, {0, 4}, six, cache()), std::pair(mean, false)) << text;
  }
  const std::string file = directory_ / "file";
  write_text(file, "not a directory", Exit::data);
  EXPECT_EQ(cached(path, {0, 4}, six, file), std::pair(mean, true));
  EXPECT_EQ(cached(path, {0, 4}, six, "/proc/seqvit"), std::pair(mean, true));
}

TEST_F(StatisticsTest, ChecksumsAreRemembered) {
  const std::string path = directory_ / "data", memory = cache();
  write_text(path, "some content", Exit::data);
  const std::string first = data_checksum(path, memory);
  EXPECT_EQ(first, file_checksum(path, Exit::data));
  // Same size and time, other content: only a checksum that was remembered is still the old one.
  const auto time = std::filesystem::last_write_time(path);
  std::ofstream(path) << "OTHER content";
  std::filesystem::resize_file(path, 12);
  std::filesystem::last_write_time(path, time);
  EXPECT_EQ(data_checksum(path, memory), first);
  std::filesystem::last_write_time(path, time + std::chrono::seconds(1));
  EXPECT_NE(data_checksum(path, memory), first);
  EXPECT_ERROR(data_checksum(directory_ / "none", memory), Exit::data, "none");
}

TEST_F(StatisticsTest, CacheDirectory) {
  const auto set = [](const char* name, const char* value) {
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  };
  const auto get = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  const std::string home = get("HOME"), xdg = get("XDG_CACHE_HOME"), own = get("SEQVIT_CACHE");
  set("SEQVIT_CACHE", nullptr);
  set("XDG_CACHE_HOME", nullptr);
  set("HOME", "/home/someone");
  EXPECT_EQ(cache_directory(), "/home/someone/.cache/seqvit");
  set("XDG_CACHE_HOME", "/xdg");
  EXPECT_EQ(cache_directory(), "/xdg/seqvit");
  set("SEQVIT_CACHE", "/own");
  EXPECT_EQ(cache_directory(), "/own");
  for (const char* name : {"SEQVIT_CACHE", "XDG_CACHE_HOME", "HOME"})
    set(name, nullptr);
  EXPECT_EQ(cache_directory(), "");
  if (!home.empty()) set("HOME", home.c_str());
  if (!xdg.empty()) set("XDG_CACHE_HOME", xdg.c_str());
  if (!own.empty()) set("SEQVIT_CACHE", own.c_str());
}

/// What packing leaves below zero is one thing, a wind another.
TEST_F(StatisticsTest, NoTransformOfWhatIsNegative) {
  const std::string rain = write_values("rain.nc", {{0.0, 1.0, -1e-9}, {2.0, 0.5, 3.0}}),
                    wind = write_values("wind.nc", {{0.0, 1.0, 2.0}, {2.0, -0.5, 3.0}});
  const std::vector<LeadTime> lead = {{6 * 3600, 0}};
  DatasetOptions options{{rain}, {"t"}, {}};
  options.transforms = {{"t", Transform::parse("sqrt", "")}};
  EXPECT_NO_THROW(compute_statistics(Dataset(options), {0, 2}, lead));
  options.files = {wind};
  EXPECT_ERROR(compute_statistics(Dataset(options), {0, 2}, lead), Exit::data, "t: data.transform 'sqrt'",
               "-0.5", "leave its transform out");
}

}  // namespace
}  // namespace seqvit::data
