#include "cli/program.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <signal.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "core/file.h"
#include "support/source_path.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

const TemporaryDirectory& scratch() {
  static const TemporaryDirectory directory;
  return directory;
}

}  // namespace

Process::Process(const std::vector<std::string>& command,
                 const std::map<std::string, std::string>& environment) {
  static int count = 0;
  out_ = scratch() / ("out-" + std::to_string(++count));
  err_ = scratch() / ("err-" + std::to_string(count));
  pid_ = ::fork();
  if (pid_ != 0) return;
  for (const auto& [name, value] : environment)
    ::setenv(name.c_str(), value.c_str(), 1);
  ::dup2(::open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
  ::dup2(::open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : command)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

Process::~Process() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Outcome Process::wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  Outcome outcome;
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = read_text(out_, Exit::bug);
  outcome.err = read_text(err_, Exit::bug);
  return outcome;
}

std::map<std::string, std::string> quiet_environment() {
  return {{"OMP_NUM_THREADS", "1"},
          {"SEQVIT_CACHE", scratch() / "cache"},
          {"OMPI_ALLOW_RUN_AS_ROOT", "1"},
          {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}};
}

std::string seqvit_path() {
  return SEQVIT_PROGRAM;
}

Outcome seqvit(const std::vector<std::string>& arguments,
               const std::map<std::string, std::string>& environment) {
  std::vector<std::string> command = {seqvit_path()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto all = quiet_environment();
  for (const auto& [name, value] : environment)
    all[name] = value;
  return Process(command, all).wait();
}

std::vector<std::string> mpirun_command(int ranks, const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {SEQVIT_MPIRUN, "-n", std::to_string(ranks)};
  for (const char* flag : {SEQVIT_MPIRUN_FLAGS}) {
    if (flag[0] != '\0') command.emplace_back(flag);
  }
  command.push_back(seqvit_path());
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

Outcome mpirun(int ranks, const std::vector<std::string>& arguments) {
  return Process(mpirun_command(ranks, arguments), quiet_environment()).wait();
}

std::string small_config(const std::filesystem::path& directory) {
  const std::string path = directory / "small.yaml";
  write_text(path,
             R"(
data:
  files: [)" + source_path("samples/ncep_air_na_6h_2013_2014.nc") +
                 R"(]
  lead_time: 6h
  split: {train: [0, 400], validation: [400, 440], test: [500, 560]}
model: {patch_size: 5, embed_dim: 16, depth: 2, num_heads: 4, drop_path: 0.1}
train: {steps: 40, batch_size: 4, warmup_steps: 5, learning_rate: 1e-3, seed: 1,
        checkpoint_every: 15, validate_every: 20}
evaluate: {leads: [6h, 24h]}
)",
             Exit::bug);
  return path;
}

std::map<int, std::string> losses(const std::filesystem::path& run) {
  std::map<int, std::string> result;
  std::ifstream in(run / "metrics.jsonl");
  for (std::string line; std::getline(in, line);) {
    const auto json = nlohmann::json::parse(line);
    if (json.contains("loss")) result[json.at("step")] = json.at("loss").dump();
  }
  return result;
}

double largest_difference(const std::map<int, std::string>& a, const std::map<int, std::string>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (const auto& [step, text] : a) {
    if (!b.contains(step)) return INFINITY;
    largest = std::max(largest, std::abs(std::stod(text) - std::stod(b.at(step))) / std::stod(text));
  }
  return largest;
}

std::vector<std::string> files_below(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  std::error_code missing;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, missing)) {
    names.push_back(std::filesystem::relative(entry.path(), directory));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace seqvit::cli
