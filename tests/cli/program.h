/// Running the program as a user does: command line in, exit code, output and files out.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace seqvit::cli {

struct Outcome {
  int code = -1;  ///< exit code, or 128 + signal
  std::string out, err;
};

/// A started program.
class Process {
 public:
  Process(const std::vector<std::string>& command,
          const std::map<std::string, std::string>& environment = {});
  ~Process();  ///< kills it if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  int pid() const { return pid_; }
  Outcome wait();

 private:
  int pid_ = -1;
  std::filesystem::path out_, err_;
};

/// The program under test.
std::string seqvit_path();
/// Runs `seqvit ARGUMENTS...` to its end, statistics cached in a directory of the test run.
Outcome seqvit(const std::vector<std::string>& arguments,
               const std::map<std::string, std::string>& environment = {});
/// The same under mpirun with `ranks` ranks of one thread.
std::vector<std::string> mpirun_command(int ranks, const std::vector<std::string>& arguments);
Outcome mpirun(int ranks, const std::vector<std::string>& arguments);
/// One thread, private cache.
std::map<std::string, std::string> quiet_environment();

/// A small configuration over the sample in the repository, written to `directory`/small.yaml: one step takes
/// milliseconds.
std::string small_config(const std::filesystem::path& directory);
/// The lines of metrics.jsonl that have a loss: step -> loss as printed.
std::map<int, std::string> losses(const std::filesystem::path& run);
/// Largest relative difference of a loss between two runs; infinite where one lacks a step.
double largest_difference(const std::map<int, std::string>& a, const std::map<int, std::string>& b);
/// Files below a directory.
std::vector<std::string> files_below(const std::filesystem::path& directory);

}  // namespace seqvit::cli
