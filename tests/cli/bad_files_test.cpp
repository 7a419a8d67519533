/// Data files that are bad, or become so while the program reads them: one line, exit code 3, nothing lost.
#include <algorithm>
#include <cmath>
#include <csignal>
#include <dlfcn.h>
#include <fstream>
#include <functional>
#include <limits>
#include <netcdf.h>
#include <netcdf_filter.h>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "cli/program.h"
#include "data/netcdf.h"
#include "data/netcdf_builder.h"
#include "support/source_path.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

namespace fs = std::filesystem;

const std::string kSample = source_path("samples/ncep_air_na_6h_2013_2014.nc");

void expect_outcome(const Outcome& outcome, int code, const std::vector<std::string>& words) {
  EXPECT_EQ(outcome.code, code) << outcome.err;
  for (const std::string& word : words)
    EXPECT_NE(outcome.err.find(word), std::string::npos) << word << " not in " << outcome.err;
}

/// Waits for `condition`, or for the end of the process if that comes first.
void wait_for(const Process& process, const std::function<bool()>& condition) {
  siginfo_t ended{};
  while (!condition() && ended.si_pid == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ::waitid(P_PID, process.pid(), &ended, WEXITED | WNOHANG | WNOWAIT);
  }
}

/// A filter of HDF5 that leaves values as they are, known to this process only.
constexpr int kUnknownFilter = 300;
size_t keep_values(unsigned, size_t, const unsigned*, size_t bytes, size_t*, void**) {
  return bytes;
}
void register_unknown_filter() {
  struct Class {  // H5Z_class2_t
    int version, id;
    unsigned encoder, decoder;
    const char* name;
    void *can_apply, *set_local;
    decltype(&keep_values) filter;
  };
  static const Class filter = {1, kUnknownFilter, 1, 1, "unknown", nullptr, nullptr, keep_values};
  const auto add = reinterpret_cast<int (*)(const Class*)>(::dlsym(RTLD_DEFAULT, "H5Zregister"));
  ASSERT_NE(add, nullptr);
  ASSERT_GE(add(&filter), 0);
}

class BadFiles : public testing::Test {
 protected:
  static constexpr size_t kSpecialPoint = 5;

  /// air(time, lat, lon) of these hours; `special` stands at one point of the first.
  static void write_grid(const std::string& path, const std::vector<double>& hours,
                         const std::function<void(data::NetcdfBuilder&, int)>& prepare = {},
                         float special = 25.0F) {
    data::NetcdfBuilder file(path, NC_NETCDF4);
    file.coordinate("time", hours, "hours since 2000-01-01");
    file.coordinate("lat", {30, 20, 10}, "degrees_north");
    file.coordinate("lon", {0, 10, 20, 30}, "degrees_east");
    const int air = file.variable("air", NC_FLOAT, {"time", "lat", "lon"});
    if (prepare) prepare(file, air);
    std::vector<double> values(hours.size() * 12);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<double>(i * i % 31);
    values[kSpecialPoint] = special;
    file.put(air, values);
  }
  Process train(const std::vector<std::string>& extra, int ranks = 1) const {
    std::vector<std::string> arguments = {"train",
                                          config_,
                                          "--run",
                                          run_,
                                          "--data.files=[" + data_ + "]",
                                          "--data.cache_bytes=0",
                                          "--train.steps=100000"};
    arguments.push_back("--parallel.dp=" + std::to_string(ranks));
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    std::vector<std::string> command = mpirun_command(ranks, arguments);
    if (ranks == 1) command.erase(command.begin(), std::find(command.begin(), command.end(), seqvit_path()));
    return {command, quiet_environment()};
  }
  std::string file(const std::string& name) const { return directory_ / name; }

  TemporaryDirectory directory_;
  const std::string config_ = small_config(directory_.path());
  const std::string run_ = file("run"), data_ = file("data.nc");
};

TEST_F(BadFiles, InspectOfValuesThatCannotBeRead) {
  write_grid(file("damaged.nc"), {0, 6, 12},
             [](data::NetcdfBuilder& file, int air) { nc_def_var_deflate(file.id(), air, 0, 1, 1); });
  data::damage_last_chunk(file("damaged.nc"));
  register_unknown_filter();
  write_grid(file("filter.nc"), {0, 6, 12}, [](data::NetcdfBuilder& file, int air) {
    ASSERT_EQ(nc_def_var_filter(file.id(), air, kUnknownFilter, 0, nullptr), NC_NOERR);
  });
  for (const auto& [path, why] : {std::pair{file("damaged.nc"), "cannot read values"},
                                  {file("filter.nc"), "expected filters that are installed"}}) {
    const Outcome outcome = seqvit({"inspect", path});
    expect_outcome(outcome, 3, {"seqvit: error: " + path + ": air: " + why});
    EXPECT_NE(outcome.out.find("an error must be mended"), std::string::npos) << outcome.out;
  }
}

TEST_F(BadFiles, InspectStopsOnRequest) {
  {  // 40 GB that take no room: reading them would take a minute
    data::NetcdfBuilder file(data_, NC_64BIT_DATA);
    nc_set_fill(file.id(), NC_NOFILL, nullptr);
    file.dim("time", 10000);
    file.dim("lat", 1000);
    file.dim("lon", 1000);
    file.variable("air", NC_FLOAT, {"time", "lat", "lon"});
    for (const char* name : {"time", "lat", "lon"})
      file.variable(name, NC_DOUBLE, {name});
    nc_enddef(file.id());
  }
  fs::resize_file(data_, uintmax_t{41} << 30);
  Process process({seqvit_path(), "inspect", data_}, quiet_environment());
  const fs::path open_files = "/proc/" + std::to_string(process.pid()) + "/fd";
  wait_for(process, [&] {
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator(open_files, gone)) {
      if (fs::read_symlink(entry, gone) == data_) return true;
    }
    return false;
  });
  ::kill(process.pid(), SIGINT);
  expect_outcome(process.wait(), 0, {"seqvit: stopped"});
}

TEST_F(BadFiles, InspectAgreesWithTrain) {
  write_grid(data_, {0});
  expect_outcome(seqvit({"inspect", data_}), 3, {data_ + ": time: one time only", "pairs of times"});
  expect_outcome(
      train({"--data.split.train=[0, 1]", "--data.split.validation=[]", "--data.split.test=[]"}).wait(), 2,
      {"lead time 6h: expected 2 times that far apart", "found 1 time"});
  fs::remove(data_);
  {
    data::NetcdfBuilder builder(data_, NC_NETCDF4);
    builder.coordinate("lat", {30, 20, 10}, "degrees_north");
    builder.coordinate("lon", {0, 10, 20, 30}, "degrees_east");
    builder.put(builder.variable("air", NC_FLOAT, {"lat", "lon"}), {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  }
  expect_outcome(seqvit({"inspect", data_}), 3, {data_ + ": no variable has a time dimension"});
  expect_outcome(train({}).wait(), 3, {data_ + ": air: expected dims (time, lat, lon), found no time"});
  EXPECT_FALSE(fs::exists(run_));
  EXPECT_EQ(seqvit({"inspect", kSample}).code, 0);
}

TEST_F(BadFiles, AFileThatChangesWhileItIsReadEndsTraining) {
  const std::vector<std::pair<std::string, std::function<void()>>> changes = {
      {"cut from", [&] { fs::resize_file(data_, fs::file_size(data_) / 2); }},
      {"written to or replaced", [&] {
         fs::copy_file(kSample, file("new.nc"));
         fs::rename(file("new.nc"), data_);
       }}};
  for (const auto& [words, change] : changes) {
    for (const int ranks : {1, 2}) {
      SCOPED_TRACE(words + ", ranks " + std::to_string(ranks));
      fs::remove_all(run_);
      fs::copy_file(kSample, data_, fs::copy_options::overwrite_existing);
      Process process = train({}, ranks);
      const std::string checkpoint = run_ + "/checkpoints/step-00000015";
      wait_for(process, [&] { return fs::exists(checkpoint); });
      change();
      expect_outcome(process.wait(), 3, {"seqvit: error: " + data_, words, "start again"});
      EXPECT_TRUE(fs::exists(checkpoint + "/index.json"));
      fs::copy_file(kSample, data_, fs::copy_options::overwrite_existing);
      EXPECT_EQ(train({"--resume", "--stop-after", "1"}).wait().code, 0) << "what was saved goes on";
    }
  }
}

/// What the file lacks the forecast lacks, and no more; what the model makes of absurd values never leaves
/// it.
TEST_F(BadFiles, ForecastsHoldNoNumberThatIsNone) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<double> hours;
  for (int t = 0; t < 30; ++t)
    hours.push_back(6.0 * t);
  write_grid(data_, hours, {}, kInfinity);
  ASSERT_EQ(train({"--data.split.train=[0, 30]", "--data.split.validation=[]", "--data.split.test=[0, 30]",
                   "--model.patch_size=2", "--stop-after", "3"})
                .wait()
                .code,
            0);
  const std::string output = file("f.nc");
  const auto forecast = [&](const std::string& from) {
    return seqvit({"forecast", run_, "--init", "2000-01-01", "--steps", "2", "--output", output,
                   "--data.files=[" + from + "]"});
  };
  expect_outcome(forecast(data_), 0, {"air: 8.33 % of the points are missing in the initial states"});
  const data::NetcdfFile forecasted(output);
  const std::vector<double> air = forecasted.read_all(*forecasted.find("air"));
  ASSERT_EQ(air.size(), 24U);
  for (size_t i = 0; i < air.size(); ++i)
    EXPECT_EQ(std::isfinite(air[i]), i % 12 != kSpecialPoint) << i;
  fs::remove(output);

  write_grid(file("absurd.nc"), hours, {}, 3e38F);
  expect_outcome(
      forecast(file("absurd.nc")), 6,
      {"seqvit: error: air: expected a finite forecast from 2000-01-01T00:00:00 at a lead time of 6h"});
  write_grid(file("nothing.nc"), {0}, [](data::NetcdfBuilder& builder, int variable) {
    builder.number(variable, "valid_min", NC_FLOAT, {1000.0});
  });
  expect_outcome(forecast(file("nothing.nc")), 3,
                 {"seqvit: error: air: expected values at 2000-01-01T00:00:00, found none valid"});
  EXPECT_FALSE(fs::exists(output));
}

}  // namespace
}  // namespace seqvit::cli
