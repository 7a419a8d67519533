#include "cli/run_climatology.h"

#include <algorithm>
#include <unistd.h>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "comm/text.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/watch.h"
#include "data/period.h"
#include "evaluate/evaluate.h"
#include "evaluate/writing_rank.h"

namespace seqvit::cli {
namespace {

namespace fs = std::filesystem;

/// A file of daily fields of the whole globe at a quarter of a degree would hold 6 GB a variable.
constexpr int64_t kMostBytes = int64_t{4} << 30;

fs::path path_of(const fs::path& run) {
  return run / "climatology.nc";
}

/// A checksum of what the run's climatology is made of, by the run directory alone: the data need not be
/// there.
std::string key_of(const fs::path& run) {
  const DataConfig data = load_config(run / "config.yaml", {}).data;
  const fs::path manifest_path = run / "manifest.json";
  nlohmann::json sums;
  if (fs::exists(manifest_path)) {
    const auto manifest = nlohmann::json::parse(read_text(manifest_path, Exit::checkpoint), nullptr,
                                                /*allow_exceptions=*/false);
    if (manifest.is_object() && manifest.contains("data_checksums_xxh3"))
      sums = manifest["data_checksums_xxh3"];
  }
  std::vector<std::string> files;
  for (const nlohmann::json& sum : sums)
    files.push_back(sum.dump());
  std::sort(files.begin(), files.end());
  const bool monthly = data::LeadTime::parse(data.lead_time).months > 0;
  const std::string text =
      fmt::format("{} {} {} {} {} {} {}", fmt::join(data.split.train.bounds, " "), data.split.train.index,
                  fmt::join(files, " "), monthly, data.select, data.missing, data.time == Coordinates::index);
  return checksum(std::as_bytes(std::span(text)));
}

bool is_monthly(const train::Experiment& e) {
  return e.lead.months > 0;
}

/// Why the run's own file cannot be used; "" where it can, "missing" where there is none. The same on all
/// ranks.
std::string problem_of(const fs::path& run, const train::Experiment& e, comm::Comm& world) {
  std::string problem;
  if (world.rank() == 0) {
    const fs::path path = path_of(run);
    try {
      if (!fs::exists(path)) {
        problem = "missing";
      } else if (evaluate::ClimatologyFile(path, *e.dataset, is_monthly(e), e.targets).key() != key_of(run)) {
        problem = path.string() + ": is of another training period or of other data";
      }
    } catch (const Error& error) {
      problem = error.what();
    }
  }
  return comm::broadcast_text(world, problem, 0, "climatology");
}

/// Under a name of its own, `temporary`, until it is whole. False, saying why, where there is none to keep.
bool write(const fs::path& run, const fs::path& temporary, const train::Experiment& e,
           const data::Dataset& dataset, Range training, evaluate::Forecaster& forecaster,
           const Invocation& invocation) {
  evaluate::ClimatologyOptions options{training, e.targets, forecaster.rows(), is_monthly(e)};
  if (!evaluate::spans_a_month(dataset, training)) return false;
  const int64_t bytes = evaluate::climatology_bytes(dataset, options);
  if (bytes > kMostBytes) {
    log_info("climatology: not kept in the run, where it would take {:.0f} GiB",
             static_cast<double>(bytes) / (int64_t{1} << 30));
    return false;
  }
  const Phase phase("climatology");
  try {
    evaluate::write_climatology(temporary, key_of(run), invocation.command_line, dataset, options,
                                forecaster);
    const std::string kept = path_of(run).string();
    evaluate::on_writing_rank(forecaster, kept + ": another rank could not name it", [&] {
      std::error_code error;
      fs::rename(temporary, kept, error);
      if (error) fail(Exit::data, "{}: {}", kept, error.message());
    });
  } catch (const Error& error) {
    if (error.code() != Exit::data) throw;
    log_warn("the run's climatology is not kept: {}", error.what());
    return false;
  }
  log_info("{}: climatology of the training period, {}", path_of(run).string(),
           data::period_text(dataset.times(), dataset.calendar(), training));
  return true;
}

/// The run's training data: those of the evaluation, or opened again. Without a period where they cannot be
/// read; then `without` is said.
RunClimatology training_data(const fs::path& run, const train::Experiment& e, const char* without) {
  const Config trained = load_config(run / "config.yaml", {});
  const auto period = [&](const data::Dataset& dataset) {
    return data::resolve_period(trained.data.split.train, dataset.times(), dataset.calendar(),
                                "data.split.train")
        .times;
  };
  RunClimatology result;
  if (trained.data.files == train::resolved_config(e).data.files) {
    result.training = period(*e.dataset);
    return result;
  }
  try {
    result.dataset = train::open_dataset(trained, train::frame_of(run));
    result.training = period(*result.dataset);
  } catch (const Error& error) {
    if (error.code() == Exit::success) throw;  // asked to stop
    log_warn("{}: the run's training data cannot be read: {}", without, error.what());
    return {};
  }
  return result;
}

}  // namespace

nlohmann::json RunClimatology::describe() const {
  if (file) return {{"file", file->path()}, {"of", file->describe()}};
  if (training.size() == 0) return {};
  return {{"file", {}}, {"of", "the training period"}};
}

RunClimatology climatology_of(const fs::path& run, const train::Experiment& e,
                              evaluate::Forecaster& forecaster, const Invocation& invocation,
                              const std::string& given, bool with_training_data) {
  const auto use = [&](const fs::path& path, RunClimatology data) {
    data.file = std::make_unique<evaluate::ClimatologyFile>(path, *e.dataset, is_monthly(e), e.targets);
    log_info("climatology: {}, {}", path.string(), data.file->describe());
    return data;
  };
  const auto wanted_data = [&] {
    return with_training_data
               ? training_data(run, e,
                               "ensembles of climatology and persistence from the scored data themselves")
               : RunClimatology{};
  };
  if (!given.empty()) return use(given, wanted_data());
  comm::Comm& world = invocation.launch.world();
  const std::string problem = problem_of(run, e, world);
  if (problem.empty()) return use(path_of(run), wanted_data());
  if (problem != "missing") log_info("{}; it is made anew where the training data can be read", problem);
  RunClimatology data = training_data(run, e, "no climatology, and no scores against it");
  const data::Dataset& dataset = data.dataset ? *data.dataset : *e.dataset;
  // Another evaluation of the run may be at work.
  const fs::path temporary = run / fmt::format("{}{}.nc", kClimatologyTemporary, ::getpid());
  const bool written = write(run, temporary, e, dataset, data.training, forecaster, invocation);
  world.barrier("climatology");  // it has its name before anybody opens it
  return written ? use(path_of(run), std::move(data)) : std::move(data);
}

void keep_climatology(const fs::path& run, const train::Experiment& e, evaluate::Forecaster& forecaster,
                      const Invocation& invocation) {
  if (problem_of(run, e, invocation.launch.world()).empty()) return;
  const fs::path temporary = run / fmt::format("{}.nc", kTrainedClimatologyTemporary);
  write(run, temporary, e, *e.dataset, e.train, forecaster, invocation);
}

}  // namespace seqvit::cli
