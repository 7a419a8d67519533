#include "cli/run_directory.h"

#include <chrono>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include "cli/run_climatology.h"
#include "comm/text.h"
#include "core/file.h"
#include "core/json.h"
#include "core/version.h"
#include "data/checksums.h"
#include "train/description.h"

namespace seqvit::cli {
namespace {

namespace fs = std::filesystem;

const char* const kConfig = "config.yaml";
const char* const kNormalization = "normalization.json";
const char* const kManifest = "manifest.json";

void write_manifest(const fs::path& run, const train::Experiment& e, const train::MeshModel& model,
                    const Invocation& invocation) {
  nlohmann::ordered_json files = nlohmann::json::object();
  for (const std::string& path : e.dataset->paths())
    files[path] = data::data_checksum(path);
  nlohmann::ordered_json trials = nlohmann::json::array();
  for (const ops::KernelTrial& trial : model.attention_trials()) {
    trials.push_back({{"name", trial.name},
                      {"error", trial.error},
                      {"seconds", trial.seconds},
                      {"refused", trial.refused}});
  }
  const ParallelConfig& p = e.config.parallel;
  const nlohmann::ordered_json manifest = {{"seqvit", kVersion},
                                           {"libtorch", SEQVIT_TORCH_VERSION},
                                           {"command", invocation.command_line},
                                           {"threads", at::get_num_threads()},
                                           {"mesh",
                                            {{"pp", p.pp},
                                             {"dp", p.dp},
                                             {"sp", p.sp},
                                             {"tp", p.tp},
                                             {"sequence", to_string(p.sequence)},
                                             {"zero", p.zero}}},
                                           {"device", to_string(p.device)},
                                           {"attention_kernel", model.attention_kernel()},
                                           {"attention_trials", trials},
                                           {"parameters", model.parameters()},
                                           {"tokens", model.token_grid().tokens()},
                                           {"model", train::to_json(train::describe(e))},
                                           {"data_checksums_xxh3", files}};
  write_text(run / kManifest, json_text(manifest, 2) + "\n", Exit::checkpoint);
}

}  // namespace

fs::path run_directory(const std::string& option, const std::string& config) {
  return option.empty() ? fs::path("runs") / fs::path(config).stem() : fs::path(option);
}

data::Statistics shared_statistics(const train::Experiment& e, comm::Comm& world) {
  std::string text;
  if (world.rank() == 0)
    text =
        data::to_json(data::cached_statistics(*e.dataset, e.train, e.leads()), *e.dataset, e.leads()).dump();
  return data::statistics_from_json(nlohmann::json::parse(comm::broadcast_text(world, text, 0, "statistics")),
                                    *e.dataset, e.leads());
}

void remove_temporaries(const fs::path& run) {
  for (const char* name : {kConfig, kNormalization, kManifest, "metrics.jsonl"})
    remove_temporaries_of(run / name);
  // Of climatologies those of trainings, and old ones, as an evaluation may be writing one at this moment.
  std::error_code ignored;
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(24);
  for (const fs::directory_entry& entry : fs::directory_iterator(run, ignored)) {
    const std::string name = entry.path().filename();
    const bool of_training = name.starts_with(kTrainedClimatologyTemporary);
    if (of_training || (name.starts_with(kClimatologyTemporary) && entry.last_write_time(ignored) < old))
      fs::remove(entry.path(), ignored);
  }
}

void write_run_directory(const fs::path& run, const train::Experiment& e, const train::MeshModel& model,
                         const Invocation& invocation) {
  make_directories(run, Exit::usage);
  write_text(run / kConfig, to_yaml(train::resolved_config(e)), Exit::checkpoint);
  write_text(run / kNormalization, data::to_json(e.statistics, *e.dataset, e.leads()).dump(2) + "\n",
             Exit::checkpoint);
  write_manifest(run, e, model, invocation);
}

}  // namespace seqvit::cli
