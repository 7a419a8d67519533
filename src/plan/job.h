/// A layout as a job: the configuration that `train` runs, how often it saves, and the script that a batch
/// system takes.
///
/// When to use it: `seqvit plan --write`. The script starts the ranks where they belong, passes the batch
/// system's signal before the end on to them, and starts the job again until the last step's checkpoint is
/// there or an exit code says that trying again is of no use (docs/clusters.md says why each line is there).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "plan/layouts.h"

namespace seqvit::plan {

enum class Scheduler { slurm, pbs, mpirun };
/// "slurm", "pbs", "mpirun", in this order.
std::vector<std::string> scheduler_names();
/// Throws Error(usage) for another name.
Scheduler find_scheduler(const std::string& name);

/// How often to save. A job of N nodes, each of which fails once in `kNodeFailureHours`, loses least where
/// it saves every sqrt(2 C M) seconds, C of a checkpoint and M between failures of the job (Young, Comm. ACM
/// 17 (1974), 530-531).
struct CheckpointPlan {
  int64_t bytes = 0;           ///< of a checkpoint: weights, moments, average
  double seconds = 0.0;        ///< to write one, assumed: see job.cpp
  double failure_hours = 0.0;  ///< between failures of the job
  int64_t every = 1;           ///< steps
  double useful = 1.0;         ///< share of the time that is neither saving nor done again after a failure
};

struct Job {
  Config config;  ///< with the layout, the machine's device and the checkpoints
  int64_t nodes = 1, ranks_per_node = 1;
  double seconds_per_step = 0.0;
  CheckpointPlan checkpoints;
};

/// `config` in the layout on the machine. A run that ends before it would save saves at its end.
Job make_job(const model::ModelShape& shape, Config config, const Layout& layout, const Machine& machine);

/// Of a job that lies in `directory` (absolute): reads config.yaml there, trains into run, in pieces of
/// `hours`.
std::string job_script(const Job& job, const Machine& machine, Scheduler scheduler,
                       const std::filesystem::path& directory, double hours);

}  // namespace seqvit::plan
