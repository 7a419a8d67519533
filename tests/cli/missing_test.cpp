/// Data that have nothing where training or scores would need something: a step without one target counts but
/// changes nothing, a period without one is an error that names it, and no result is ever NaN.
#include <cmath>
#include <functional>
#include <netcdf.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

constexpr int kTimes = 120, kRows = 8, kColumns = 12;

/// Whether variable 0 (a) or 1 (b) is missing at a time.
using Missing = std::function<bool(int variable, int time)>;

/// Six-hourly fields of `a` and `b`, NaN where missing.
void write_fields(const std::string& path, const Missing& missing) {
  int file = -1, dims[3] = {}, axis = -1;
  ASSERT_EQ(nc_create(path.c_str(), NC_NETCDF4, &file), NC_NOERR);
  const auto define = [&](const char* name, int dim, int size, const std::string& units, double first,
                          double step) {
    nc_def_dim(file, name, size, &dims[dim]);
    nc_def_var(file, name, NC_DOUBLE, 1, &dims[dim], &axis);
    nc_put_att_text(file, axis, "units", units.size(), units.c_str());
    std::vector<double> values(size);
    for (int i = 0; i < size; ++i)
      values[i] = first + step * i;
    nc_put_var_double(file, axis, values.data());
  };
  define("time", 0, kTimes, "hours since 2020-01-01", 0, 6);
  define("lat", 1, kRows, "degrees_north", 60, -10);
  define("lon", 2, kColumns, "degrees_east", 0, 30);
  for (int v = 0; v < 2; ++v) {
    std::vector<float> values;
    for (int t = 0; t < kTimes; ++t) {
      for (int i = 0; i < kRows * kColumns; ++i)
        values.push_back(missing(v, t) ? NAN : std::sin(0.3F * t + 0.7F * i + v) + 0.1F * v * i);
    }
    int variable = -1;
    nc_def_var(file, v == 0 ? "a" : "b", NC_FLOAT, 3, dims, &variable);
    nc_put_var_float(file, variable, values.data());
  }
  ASSERT_EQ(nc_close(file), NC_NOERR);
}

struct Workplace {
  explicit Workplace(const Missing& missing) {
    write_fields(directory / "ab.nc", missing);
    write_text(config, "data:\n  files: ['" + (directory / "ab.nc").string() + R"(']
  split: {train: [0, 60], validation: [60, 80], test: [80, 120]}
model: {patch_size: 4, embed_dim: 16, depth: 2, num_heads: 2}
train: {steps: 12, batch_size: 2, warmup_steps: 2, validate_every: 6, seed: 1}
)",
               Exit::bug);
  }

  TemporaryDirectory directory;
  std::string config = directory / "ab.yaml";

  std::vector<std::string> arguments(const std::string& run, const std::vector<std::string>& options) const {
    std::vector<std::string> all = {"train", config, "--run", directory / run};
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }
  Outcome train(const std::string& run, const std::vector<std::string>& options = {}) const {
    return seqvit(arguments(run, options));
  }
};

void expect_error_line(const Outcome& outcome, int code, const std::vector<std::string>& words) {
  EXPECT_EQ(outcome.code, code) << outcome.err;
  const size_t start = outcome.err.find("seqvit: error: ");
  ASSERT_NE(start, std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find('\n', start), outcome.err.size() - 1) << outcome.err;
  for (const std::string& word : words)
    EXPECT_NE(outcome.err.find(word, start), std::string::npos) << word << " not in " << outcome.err;
}

/// Two thirds of the training period have no value: some batches of two samples have none at all.
const Missing kEarly = [](int, int time) { return time < 40; };

TEST(Missing, StepsWithoutATargetCountButChangeNothing) {
  const Workplace s(kEarly);
  const Outcome outcome = s.train("one");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string warning = "no target has a valid point";
  const size_t said = outcome.err.find(warning);
  EXPECT_NE(said, std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find(warning, said + 1), std::string::npos) << outcome.err;
  const auto expected = losses(s.directory / "one");
  ASSERT_EQ(expected.size(), 12U);
  int empty = 0;
  for (const auto& [step, loss] : expected)
    empty += loss == "null" ? 1 : 0;
  EXPECT_GT(empty, 2);
  EXPECT_LT(empty, 10);
  EXPECT_EQ(seqvit({"evaluate", s.directory / "one"}).code, 0);
  EXPECT_EQ(seqvit({"report", s.directory / "one", "--output", s.directory / "r.html"}).code, 0);

  for (const char* after : {"4", "7"}) {  // past some of them
    const std::string run = std::string("parts") + after;
    ASSERT_EQ(s.train(run, {"--stop-after", after}).code, 0);
    ASSERT_EQ(s.train(run, {"--resume"}).code, 0);
    EXPECT_EQ(losses(s.directory / run), expected);
  }
  for (const auto& [name, mesh] : std::map<std::string, std::vector<std::string>>{
           {"dp", {"--parallel.dp=2"}},
           {"sp", {"--parallel.sp=2"}},
           {"tp", {"--parallel.tp=2"}},
           {"pp", {"--parallel.pp=2", "--train.micro_batches=2"}}}) {
    const Outcome trained = mpirun(2, s.arguments(name, mesh));
    ASSERT_EQ(trained.code, 0) << name << ": " << trained.err;
    const auto found = losses(s.directory / name);
    ASSERT_EQ(found.size(), expected.size()) << name;
    for (const auto& [step, loss] : expected) {
      ASSERT_EQ(found.at(step) == "null", loss == "null") << name << ", step " << step;
      if (loss == "null") continue;
      EXPECT_NEAR(std::stod(found.at(step)), std::stod(loss), 1e-5) << name << ", step " << step;
    }
  }
}

/// Every sample was seen, none has a target: that does not end well however long it goes on.
TEST(Missing, ATrainingPeriodWithoutATargetIsAnError) {
  const Workplace s([](int, int time) { return time < 60 && time % 2 == 1; });  // never twice in a row
  expect_error_line(s.train("r", {"--train.steps=1000"}), 3,
                    {"data.split.train: 2020-01-01", "2020-01-15", "no valid point of a, b"});
  EXPECT_LT(losses(s.directory / "r").size(), 100U);
}

TEST(Missing, AValidationPeriodWithoutATargetIsAnErrorBeforeTheFirstStep) {
  const Workplace s([](int variable, int time) { return time >= 60 && (variable == 1 || time >= 100); });
  expect_error_line(s.train("r", {"--data.split.validation=[100, 120]"}), 3,
                    {"data.split.validation: 2020-01-26", "2020-01-30", "no valid point of a, b"});
  expect_error_line(s.train("w", {"--train.target_weights={a: 0}"}), 3,
                    {"data.split.validation", "train.target_weights"});
  EXPECT_TRUE(losses(s.directory / "r").empty());
  const Outcome one_of_two = s.train("b");
  EXPECT_EQ(one_of_two.code, 0) << one_of_two.err;
  EXPECT_NE(one_of_two.err.find("validation loss "), std::string::npos) << one_of_two.err;
  expect_error_line(s.train("s", {"--data.split.validation=[60, 61]"}), 2,
                    {"data.split.validation", "no 2 times", "6h"});
  expect_error_line(s.train("z", {"--train.target_weights={a: 0, b: 0}"}), 2, {"train.target_weights"});
}

/// What can be scored is, and then it is said what cannot.
TEST(Missing, AVariableWithoutAScoreIsAnError) {
  const Workplace s([](int variable, int time) { return time >= 80 && (variable == 1 || time >= 100); });
  ASSERT_EQ(s.train("r").code, 0);
  const auto run = (s.directory / "r").string();
  for (const std::string json : {"", "-"}) {
    std::vector<std::string> command = {"evaluate", run};
    if (!json.empty()) command.insert(command.end(), {"--json", json});
    const Outcome outcome = seqvit(command);
    expect_error_line(outcome, 3, {"data.split.test, 2020-01-21", "2020-01-30", "'b' after 6 h"});
    if (!json.empty()) {
      for (const auto& score : nlohmann::json::parse(outcome.out).at("scores"))
        EXPECT_EQ(score.at("metric") == "rmse" && score.at("value").is_null(),
                  score.at("variable") == "b" && score.at("metric") == "rmse")
            << score;
    }
  }
  EXPECT_EQ(read_text(s.directory / "r/scores.json", Exit::bug).find("NaN"), std::string::npos);
  expect_error_line(seqvit({"evaluate", run, "--data.split.test=[100, 120]"}), 3, {"'a' after 6 h"});
  expect_error_line(seqvit({"evaluate", run, "--data.split.test=[80, 81]"}), 2,
                    {"evaluation period 2020-01-21", "no two times"});
  EXPECT_EQ(seqvit({"evaluate", run, "--split", "train"}).code, 0);
}

}  // namespace
}  // namespace seqvit::cli
