#include "plan/job.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "core/error.h"
#include "core/words.h"
#include "plan/traffic.h"

namespace seqvit::plan {
namespace {

/// Of a node with 8 GPUs: 419 unexpected interruptions in 54 days of 16,384 GPUs (Llama 3, arXiv 2407.21783,
/// section 3.3.4) are one in 6,300 h a node.
constexpr double kNodeFailureHours = 6300.0;
/// Assumed: what a node writes to a parallel file system while others write too, bytes a second.
constexpr double kNodeWriteRate = 1e9;
/// A batch system's signal comes so long before the end, or what a step and a checkpoint take twice.
constexpr double kLeastNotice = 300.0;

constexpr const char* kSchedulers[] = {"slurm", "pbs", "mpirun"};

/// What a site asks for beside ranks and time (docs/clusters.md has the sources).
struct Site {
  const char* machine;
  std::vector<const char*> batch;  ///< after #SBATCH
  std::vector<const char*> shell;  ///< before the ranks start
  const char* start;               ///< options of srun
};
const Site& site_of(const std::string& machine) {
  static const Site frontier{"frontier",
                             {"-A PROJECT", "--network=disable_rdzv_get"},
                             {"module load PrgEnv-gnu rocm rccl-net-plugin craype-accel-amd-gfx90a",
                              "export LD_LIBRARY_PATH=$CRAY_LD_LIBRARY_PATH:$LD_LIBRARY_PATH",
                              "export NCCL_SOCKET_IFNAME=hsn0,hsn1,hsn2,hsn3"},
                             " --gpus-per-task=1 --gpu-bind=closest"};
  static const Site other{"", {}, {}, ""};
  return machine == frontier.machine ? frontier : other;
}

/// Weights, two moments and the average, of all ranks, each once.
int64_t checkpoint_bytes(const model::ModelShape& shape, const Config& config) {
  const ParallelConfig& p = config.parallel;
  int64_t elements = 0;
  for (int64_t stage = 0; stage < p.pp; ++stage)
    for (int64_t tp = 0; tp < p.tp; ++tp)
      for (const WeightGroup& group : RankPart(shape, config, stage * p.dp * p.sp * p.tp + tp).groups)
        elements += group.count * group.elements();
  return elements * master_bytes(config) * (config.train.ema > 0.0 ? 4 : 3);
}

CheckpointPlan plan_checkpoints(const model::ModelShape& shape, const Config& config, int64_t nodes,
                                double seconds_per_step) {
  CheckpointPlan plan;
  const auto count = static_cast<double>(nodes);
  plan.bytes = checkpoint_bytes(shape, config);
  plan.seconds = static_cast<double>(plan.bytes) / (count * kNodeWriteRate);
  plan.failure_hours = kNodeFailureHours / count;
  const double failure = 3600.0 * plan.failure_hours, best = std::sqrt(2.0 * plan.seconds * failure);
  plan.every = std::clamp<int64_t>(std::llround(best / seconds_per_step), 1, config.train.steps);
  const double period = static_cast<double>(plan.every) * seconds_per_step;
  plan.useful = std::max(0.0, 1.0 - plan.seconds / (period + plan.seconds) - period / (2.0 * failure));
  return plan;
}

std::string clock_time(double hours) {
  const int64_t seconds = std::llround(3600.0 * hours);
  return fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

class Script {
 public:
  Script(const Job& job, const Machine& machine, const std::filesystem::path& directory, double hours)
      : job_(job), machine_(machine), directory_(directory), hours_(hours) {
    const double notice = 2.0 * (job.seconds_per_step + job.checkpoints.seconds);
    notice_ = 60 * std::llround(std::ceil(std::max(kLeastNotice, notice) / 60.0));
    if (static_cast<double>(notice_) >= 3600.0 * hours)
      fail(Exit::usage, "plan: --hours {:g}: a step and a checkpoint want {} s of it; give the job more time",
           hours, notice_);
  }

  std::string slurm() {
    line("#SBATCH --nodes={} --ntasks={} --ntasks-per-node={} --cpus-per-task={} --time={}", job_.nodes,
         ranks(), job_.ranks_per_node, machine_.cores_per_rank, clock_time(hours_));
    if (machine_.gpus) line("#SBATCH --gpus-per-node={}", job_.ranks_per_node);
    for (const char* each : site().batch)
      line("#SBATCH {}", each);
    line("# The signal goes to the ranks, not to this shell.");
    line("#SBATCH --signal=TERM@{} --requeue --open-mode=append", notice_);
    begin();
    line("export SRUN_CPUS_PER_TASK={}", machine_.cores_per_rank);
    line("trap : TERM");
    line("srun --distribution=block:block --cpu-bind=cores{} \\", site().start);
    train();
    end("scontrol requeue \"$SLURM_JOB_ID\" && exit 0");
    return text_;
  }

  std::string pbs() {
    line("#PBS -l select={}:ncpus={}:mpiprocs={}{}", job_.nodes,
         job_.ranks_per_node * machine_.cores_per_rank, job_.ranks_per_node,
         machine_.gpus ? fmt::format(":ngpus={}", job_.ranks_per_node) : "");
    line("#PBS -l place=scatter -l walltime={}", clock_time(hours_));
    begin();
    line("# One rank that is told to end tells the others.");
    line("(sleep {}; pkill -TERM -x seqvit) & clock=$!", std::llround(3600.0 * hours_) - notice_);
    line("trap 'kill $clock' EXIT");
    line("mpiexec -n {} --ppn {} --depth={} --cpu-bind depth \\", ranks(), job_.ranks_per_node,
         machine_.cores_per_rank);
    train();
    end("qsub " + job_file() + " && exit 0");
    return text_;
  }

  std::string mpirun() {
    begin();
    line("trap 'exit 130' INT TERM");
    if (ranks() > 1) line("mpirun -n {} --bind-to none \\", ranks());
    train();
    end("exec " + job_file());
    return text_;
  }

 private:
  const Job& job_;
  const Machine& machine_;
  const std::filesystem::path& directory_;
  double hours_;
  int64_t notice_ = 0;
  std::string text_ = "#!/bin/bash\n";

  const Site& site() const { return site_of(machine_.name); }
  int64_t ranks() const { return job_.config.parallel.ranks(); }

  template <typename... Values>
  void line(fmt::format_string<Values...> format, Values&&... values) {
    text_ += fmt::format(format, std::forward<Values>(values)...) + "\n";
  }

  std::string job_file() const { return shell_word((directory_ / "job.sh").string()); }

  void begin() {
    line("cd {} || exit 4", shell_word(directory_.string()));
    for (const char* each : site().shell)
      line("{}", each);
    line("export OMP_NUM_THREADS={}", machine_.cores_per_rank);
    line("newest() {{ ls run/checkpoints 2>/dev/null | tail -1; }}");
    line("before=$(newest)");
  }
  void train() { line("  seqvit train config.yaml --run run --resume"); }
  void end(const std::string& again) {
    line("code=$?");
    line("[ -d run/checkpoints/step-{:08} ] && exit 0", job_.config.train.steps);
    line("# Stopped, or a rank or the network was lost. Without a new checkpoint it would end so again.");
    line("case $code in");
    line("  0 | 5 | 137 | 143) [ \"$(newest)\" != \"$before\" ] && {} ;;", again);
    line("esac");
    line("exit $code");
  }
};

}  // namespace

std::vector<std::string> scheduler_names() {
  return {std::begin(kSchedulers), std::end(kSchedulers)};
}

Scheduler find_scheduler(const std::string& name) {
  const auto* found = std::ranges::find(kSchedulers, name);
  if (found == std::end(kSchedulers))
    fail(Exit::usage, "--scheduler: expected slurm, pbs or mpirun, found '{}'", name);
  return static_cast<Scheduler>(found - std::begin(kSchedulers));
}

Job make_job(const model::ModelShape& shape, Config config, const Layout& layout, const Machine& machine) {
  Job job;
  job.config = std::move(config);
  job.config.parallel = layout.parallel;
  job.config.parallel.device = machine.gpus ? DeviceKind::cuda : DeviceKind::cpu;
  job.config.memory.recompute = layout.recompute;
  job.config.train.micro_batches = layout.micro_batches;
  job.ranks_per_node = std::min(layout.ranks(), machine.ranks_per_node);
  job.nodes = (layout.ranks() + job.ranks_per_node - 1) / job.ranks_per_node;
  job.seconds_per_step = layout.time.total;
  job.checkpoints = plan_checkpoints(shape, job.config, job.nodes, layout.time.total);
  job.config.train.checkpoint_every = job.checkpoints.every;
  return job;
}

std::string job_script(const Job& job, const Machine& machine, Scheduler scheduler,
                       const std::filesystem::path& directory, double hours) {
  Script script(job, machine, directory, hours);
  switch (scheduler) {
    case Scheduler::slurm:
      return script.slurm();
    case Scheduler::pbs:
      return script.pbs();
    default:
      return script.mpirun();
  }
}

}  // namespace seqvit::plan
