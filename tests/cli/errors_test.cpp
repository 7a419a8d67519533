/// Every bad input: one line, the documented exit code, nothing left behind.
#include <algorithm>
#include <fstream>
#include <netcdf.h>

#include <gtest/gtest.h>

#include "cli/program.h"
#include "core/file.h"
#include "support/source_path.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

const std::string kSample = source_path("samples/ncep_air_na_6h_2013_2014.nc");

/// The last line on standard error, and the only one that is an error, starts as errors do and holds all
/// words.
void expect_line(const Outcome& outcome, int code, const std::vector<std::string>& words) {
  EXPECT_EQ(outcome.code, code) << outcome.err;
  EXPECT_TRUE(outcome.out.empty()) << outcome.out;
  const size_t start = outcome.err.find("seqvit: error: ");
  ASSERT_NE(start, std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find('\n', start), outcome.err.size() - 1) << outcome.err;
  for (const std::string& word : words) {
    EXPECT_NE(outcome.err.find(word, start), std::string::npos) << word << " not in " << outcome.err;
  }
}

struct Workplace {
  TemporaryDirectory directory;
  std::string config = small_config(directory.path());
  std::string run = directory / "run";

  Outcome train(std::vector<std::string> extra) {
    std::vector<std::string> arguments = {"train", config, "--run", run};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return seqvit(arguments);
  }
  void expect_nothing_written() const { EXPECT_FALSE(std::filesystem::exists(run)); }
};

TEST(Errors, CommandLine) {
  expect_line(seqvit({"trian", "x.yaml"}), 2, {"trian", "train"});
  expect_line(seqvit({}), 2, {"subcommand"});
  expect_line(seqvit({"train"}), 2, {"CONFIG"});
  expect_line(seqvit({"train", "nothing.yaml"}), 2, {"nothing.yaml", "No such file"});
  expect_line(seqvit({"inspect", kSample, "--train.steps=3"}), 2, {"train.steps"});
  expect_line(seqvit({"evaluate", "/nowhere"}), 2, {"/nowhere", "not a run directory"});
  EXPECT_EQ(seqvit({"--help"}).code, 0);
  EXPECT_EQ(seqvit({"--version"}).code, 0);
  const Outcome settings = seqvit({"--settings"});
  EXPECT_EQ(settings.code, 0) << settings.err;
  EXPECT_NE(
      settings.out.find("train.batch_size             8              samples of a step over all ranks\n"),
      std::string::npos)
      << settings.out;
}

TEST(Errors, Configuration) {
  Workplace s;
  expect_line(s.train({"--train.stepz=3"}), 2, {"train.stepz", "train.steps"});
  expect_line(s.train({"--model.num_heads=3"}), 2, {"embed_dim", "num_heads"});
  expect_line(s.train({"--data.split.train=[300, 9000]"}), 2, {"data.split.train", "9000"});
  expect_line(s.train({"--data.lead_time=5h"}), 2, {"data.lead_time", "5h"});
  expect_line(s.train({"--parallel.sp=2"}), 2, {"2 ranks", "1"});
  expect_line(s.train({"--train.leads=[6h, 9h]"}), 2, {"9h", "multiple", "6h"});
  expect_line(s.train({"--evaluate.leads=[7h]"}), 2, {"evaluate.leads", "7h"});
  expect_line(s.train({"--parallel.ulysses=4"}), 2, {"parallel.ulysses is 4", "hybrid"});
  expect_line(s.train({"--memory.offload_directory=/tmp"}), 2, {"memory.offload_directory", "disk"});
  expect_line(s.train({"--train.leads=[12h]"}), 2, {"train.leads", "data.lead_time 6h", "[12h]"});
  expect_line(s.train({"--train.rollout_steps=[1, 9000]"}), 2, {"9001 times", "train.rollout_steps"});
  expect_line(s.train({"--train.target_weights={air: 1, wind: 2}"}), 2, {"wind"});
  expect_line(s.train({"--train.roll_longitude=true"}), 2,
              {"train.roll_longitude", "round the globe", "200 to 330"});
  s.expect_nothing_written();
}

TEST(Errors, DataFiles) {
  Workplace s;
  const auto file = [&](const std::string& name) {
    return std::string("--data.files=[") + (s.directory / name).string() + "]";
  };
  expect_line(s.train({file("missing.nc")}), 3, {"missing.nc"});
  write_text(s.directory / "text.nc", "time,lat,lon\n1,2,3\n", Exit::bug);
  expect_line(s.train({file("text.nc")}), 3, {"text.nc"});

  const std::string whole = read_text(kSample, Exit::bug);
  write_text(s.directory / "short3.nc", whole.substr(0, whole.size() - 10000), Exit::bug);
  expect_line(s.train({file("short3.nc")}), 3, {"short3.nc", "truncated"});

  int id = 0, dim = 0, variable = 0;  // a netCDF-4 file of some size
  ASSERT_EQ(nc_create((s.directory / "whole4.nc").c_str(), NC_NETCDF4, &id), NC_NOERR);
  nc_def_dim(id, "x", 50000, &dim);
  nc_def_var(id, "x", NC_DOUBLE, 1, &dim, &variable);
  const std::vector<double> values(50000, 1.5);
  nc_put_var_double(id, variable, values.data());
  nc_close(id);
  const std::string whole4 = read_text(s.directory / "whole4.nc", Exit::bug);
  write_text(s.directory / "short4.nc", whole4.substr(0, whole4.size() / 2), Exit::bug);
  expect_line(s.train({file("short4.nc")}), 3, {"short4.nc"});
  expect_line(s.train({file("whole4.nc")}), 3, {"whole4.nc"});  // whole, but no grid

  expect_line(s.train({"--data.variables=[airr]"}), 3, {"airr", "did you mean 'air'"});
  s.expect_nothing_written();
}

TEST(Errors, FullDiskWhileSaving) {
  Workplace s;
  ASSERT_EQ(s.train({"--stop-after", "5"}).code, 0);
  const auto before = files_below(s.run + "/checkpoints");
  // A limit of 20 blocks of 1024 bytes on any file that is written: a checkpoint has some 100,000 bytes.
  const Outcome outcome = Process({"bash", "-c", "ulimit -f 20; exec \"$@\"", "bash", seqvit_path(), "train",
                                   s.config, "--run", s.run, "--resume"},
                                  quiet_environment())
                              .wait();
  EXPECT_EQ(outcome.code, 4) << outcome.err;
  EXPECT_NE(outcome.err.find("cannot write"), std::string::npos) << outcome.err;
  EXPECT_EQ(files_below(s.run + "/checkpoints"), before);
  EXPECT_EQ(s.train({"--resume", "--stop-after", "8"}).code, 0);
}

TEST(Errors, DamagedCheckpoint) {
  Workplace s;
  ASSERT_EQ(s.train({"--stop-after", "5"}).code, 0);
  const std::string shard = s.run + "/checkpoints/step-00000005/rank-00000.safetensors";
  std::string bytes = read_text(shard, Exit::bug);
  bytes[bytes.size() / 2] ^= 4;
  write_text(shard, bytes, Exit::bug);
  const Outcome resumed = s.train({"--resume"});
  expect_line(resumed, 4, {"rank-00000.safetensors", "checksum"});
  const Outcome forecast =
      seqvit({"forecast", s.run, "--init", "2013-07-01", "--steps", "1", "--output", s.directory / "f.nc"});
  expect_line(forecast, 4, {"checksum"});
  EXPECT_FALSE(std::filesystem::exists(s.directory / "f.nc"));
}

TEST(Errors, ForecastAndEvaluate) {
  Workplace s;
  ASSERT_EQ(s.train({"--stop-after", "2"}).code, 0);
  const std::string output = s.directory / "f.nc";
  expect_line(seqvit({"forecast", s.run, "--init", "2013-07-01T01", "--steps", "1", "--output", output}), 2,
              {"2013-07-01T01"});
  expect_line(seqvit({"forecast", s.run, "--init", "yesterday", "--steps", "1", "--output", output}), 2,
              {"yesterday"});
  const Outcome nowhere =
      seqvit({"forecast", s.run, "--init", "2013-07-01", "--steps", "1", "--output", "/nowhere/f.nc"});
  EXPECT_EQ(nowhere.code, 3) << nowhere.err;
  EXPECT_NE(nowhere.err.find("/nowhere/f.nc"), std::string::npos);
  const Outcome leads = seqvit({"evaluate", s.run, "--evaluate.leads=[7h]"});
  EXPECT_EQ(leads.code, 2) << leads.err;
  EXPECT_NE(leads.err.find("7h"), std::string::npos);
  expect_line(s.train({"--resume", "--evaluate.regions=europe=35,75,-12"}), 2,
              {"evaluate.regions", "name=south,north,west,east", "europe=35,75,-12"});
  const Outcome far = seqvit({"evaluate", s.run, "--evaluate.regions=europe=35,75,-12,42"});
  EXPECT_EQ(far.code, 2) << far.err;
  EXPECT_NE(far.err.find("europe holds no point of the grid"), std::string::npos) << far.err;
}

/// A file on the sample's grid with one time, as an analysis that has just come in; `elsewhere`: a degree
/// further north.
std::string write_analysis(const std::filesystem::path& path, bool elsewhere) {
  int from = -1, to = -1, variable = -1, time = -1, dims[3] = {};
  EXPECT_EQ(nc_open(kSample.c_str(), NC_NOWRITE, &from), NC_NOERR);
  EXPECT_EQ(nc_create(path.c_str(), NC_NETCDF4, &to), NC_NOERR);
  nc_def_dim(to, "time", 1, &dims[0]);
  nc_def_var(to, "time", NC_DOUBLE, 1, dims, &time);
  const std::string units = "hours since 2020-02-01";
  nc_put_att_text(to, time, "units", units.size(), units.c_str());
  const double hour = 0;
  nc_put_var_double(to, time, &hour);
  size_t points = 1;
  for (const int axis : {1, 2}) {
    const char* name = axis == 1 ? "lat" : "lon";
    size_t size = 0;
    int id = -1;
    nc_inq_dimid(from, name, &id);
    nc_inq_dimlen(from, id, &size);
    points *= size;
    std::vector<double> values(size);
    nc_inq_varid(from, name, &id);
    nc_get_var_double(from, id, values.data());
    for (double& value : values)
      value += axis == 1 && elsewhere ? 1.0 : 0.0;
    nc_def_dim(to, name, size, &dims[axis]);
    nc_def_var(to, name, NC_DOUBLE, 1, &dims[axis], &id);
    const std::string degrees = axis == 1 ? "degrees_north" : "degrees_east";
    nc_put_att_text(to, id, "units", degrees.size(), degrees.c_str());
    nc_put_var_double(to, id, values.data());
  }
  nc_def_var(to, "air", NC_FLOAT, 3, dims, &variable);
  std::vector<double> air(points);
  for (size_t i = 0; i < points; ++i)
    air[i] = 270.0 + static_cast<double>(i % 53);
  nc_put_var_double(to, variable, air.data());
  nc_close(from);
  EXPECT_EQ(nc_close(to), NC_NOERR);
  return path;
}

TEST(Errors, EnsemblesThatAreNone) {
  Workplace w;
  ASSERT_EQ(w.train({"--train.steps=2", "--train.warmup_steps=1"}).code, 0);
  const std::string out = w.directory / "f.nc";
  const std::vector<std::string> forecast = {"forecast", w.run, "--init",   "2013-08-05T18",
                                             "--steps",  "1",   "--output", out};
  const auto with = [](std::vector<std::string> command, const std::vector<std::string>& more) {
    command.insert(command.end(), more.begin(), more.end());
    return seqvit(command);
  };
  expect_line(with(forecast, {"--members", "5"}), 2, {"--members 5", "the same forecast", "--perturbation"});
  expect_line(with(forecast, {"--perturbation", "0.5"}), 2, {"--perturbation 0.5", "--members"});
  expect_line(with({"evaluate", w.run}, {"--members", "0"}), 2, {"--members"});
  const std::string other = w.directory / "transformed";
  ASSERT_EQ(seqvit({"train", w.config, "--run", other, "--train.steps=2", "--train.warmup_steps=1",
                    "--data.transform={air: log1p 100}"})
                .code,
            0);
  std::vector<std::string> transformed = forecast;
  transformed[1] = other;
  expect_line(with(transformed, {"--members", "2", "--perturbation", "0.5"}), 2,
              {"--perturbation 0.5", "data.transform"});
  EXPECT_FALSE(std::filesystem::exists(out));
  EXPECT_FALSE(std::filesystem::exists(w.run + "/scores.json"));
}

/// New data serve a trained model where they mean what its training data meant, and only there.
TEST(Errors, ForecastFromAnotherFile) {
  Workplace s;
  ASSERT_EQ(s.train({"--stop-after", "2"}).code, 0);
  const auto forecast = [&](const std::string& file, const std::string& setting) {
    std::vector<std::string> command = {"forecast",
                                        s.run,
                                        "--init",
                                        "2020-02-01",
                                        "--steps",
                                        "2",
                                        "--output",
                                        s.directory / "f.nc",
                                        "--data.files=[" + file + "]"};
    if (!setting.empty()) command.push_back(setting);
    return seqvit(command);
  };
  const std::string analysis = write_analysis(s.directory / "a.nc", false);
  expect_line(forecast(analysis, "--model.predict=state"), 2, {"config.yaml", "model.predict is tendency"});
  expect_line(forecast(analysis, "--data.lead_time=3h"), 2, {"data.lead_time is 6h there, 3h now"});
  expect_line(forecast(write_analysis(s.directory / "b.nc", true), ""), 3,
              {"b.nc: air: expected the grid of training", "latitudes from 16 to 76"});
  EXPECT_FALSE(std::filesystem::exists(s.directory / "f.nc"));
  const Outcome forecasted = forecast(analysis, "");  // no training period, no second time
  EXPECT_EQ(forecasted.code, 0) << forecasted.err;
  EXPECT_TRUE(std::filesystem::exists(s.directory / "f.nc"));

  const std::string before = read_text(analysis, Exit::bug);
  expect_line(seqvit({"forecast", s.run, "--init", "2020-02-01", "--steps", "1", "--output", analysis,
                      "--data.files=[" + analysis + "]"}),
              2, {"a.nc", "is one of data.files"});
  EXPECT_EQ(read_text(analysis, Exit::bug), before);
}

TEST(Errors, StandardOutputThatIsFull) {
  Process process({"/bin/sh", "-c", seqvit_path() + " inspect " + kSample + " > /dev/full"},
                  quiet_environment());
  const Outcome outcome = process.wait();
  EXPECT_EQ(outcome.code, 2) << outcome.err;
  EXPECT_NE(outcome.err.find("standard output: cannot write: No space left"), std::string::npos)
      << outcome.err;
}

TEST(Errors, TwoTrainingsOfOneRun) {
  Workplace s;
  std::filesystem::create_directories(s.run);
  const DirectoryLock other(s.run, Exit::bug, "");
  expect_line(s.train({}), 2, {"run: another training of this run is under way"});
  EXPECT_TRUE(std::filesystem::is_empty(s.run));
}

TEST(Errors, LossThatIsNotFinite) {
  Workplace s;
  const Outcome outcome = s.train({"--train.learning_rate=1e30", "--train.max_grad_norm=0"});
  EXPECT_EQ(outcome.code, 6) << outcome.err;
  EXPECT_NE(outcome.err.find("not finite"), std::string::npos);
}

}  // namespace
}  // namespace seqvit::cli
