/// Every bad input: one line, the documented exit code, nothing left behind.
#include <fstream>
#include <netcdf.h>

#include <gtest/gtest.h>

#include "cli/program.h"
#include "core/file.h"
#include "support/temporary_directory.h"

namespace seqvit {
namespace {

const std::string kSample = SEQVIT_SOURCE_DIR "/samples/ncep_air_na_6h_2013_2014.nc";

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
}

TEST(Errors, Configuration) {
  Workplace s;
  expect_line(s.train({"--train.stepz=3"}), 2, {"train.stepz", "train.steps"});
  expect_line(s.train({"--model.num_heads=3"}), 2, {"embed_dim", "num_heads"});
  expect_line(s.train({"--data.split.train=[300, 9000]"}), 2, {"data.split.train", "9000"});
  expect_line(s.train({"--data.lead_time=5h"}), 2, {"data.lead_time", "5h"});
  expect_line(s.train({"--parallel.sp=2"}), 2, {"2 ranks", "1"});
  expect_line(s.train({"--train.leads=[6h, 9h]"}), 2, {"9h", "multiple", "6h"});
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
  const Outcome outcome = Process({"bash", "-c", "ulimit -f 20; exec \"$@\"", "bash", SEQVIT_PROGRAM, "train",
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

TEST(Errors, LossThatIsNotFinite) {
  Workplace s;
  const Outcome outcome = s.train({"--train.learning_rate=1e30", "--train.max_grad_norm=0"});
  EXPECT_EQ(outcome.code, 6) << outcome.err;
  EXPECT_NE(outcome.err.find("not finite"), std::string::npos);
}

}  // namespace
}  // namespace seqvit
