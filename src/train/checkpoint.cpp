#include "train/checkpoint.h"

#include <algorithm>

#include <ATen/ops/empty_like.h>
#include <fmt/ranges.h>

#include "comm/agreement.h"
#include "comm/text.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "train/checkpoint_index.h"
#include "train/checkpoint_pieces.h"
#include "train/checkpoint_shard.h"

namespace seqvit::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const char* const kPurpose = "checkpoint";
const char* const kTemporary = ".tmp";
const std::string kStart = "step-";

std::string directory_name(int64_t step) {
  return fmt::format("{}{:08}", kStart, step);
}

/// A copy that somebody keeps beside them ("step-00000500.good") is none of ours.
bool is_name(const std::string& name) {
  return name.starts_with(kStart) && name.size() > kStart.size() &&
         name.find_first_not_of("0123456789", kStart.size()) == std::string::npos;
}

/// The exceptions of the file system as errors.
void with_files(const fs::path& checkpoint, const char* action, const std::function<void()>& work) {
  try {
    work();
  } catch (const fs::filesystem_error& error) {
    fail(Exit::checkpoint, "{}: cannot {}: {}", checkpoint.string(), action, error.code().message());
  }
}

/// The part that holds such weights.
const char* part_of(const CheckpointPieces& pieces, Weights which) {
  return which == Weights::averaged && pieces.has_average() ? kAverage : kWeight;
}

}  // namespace

Checkpoints::Checkpoints(fs::path run, comm::Comm& world)
    : directory_(std::move(run) / "checkpoints"), world_(world) {}

void Checkpoints::save(const std::vector<parallel::ParamGroup*>& groups, AdamW& optimizer,
                       const Progression& progression, bool is_best, int64_t keep) {
  const std::string name = directory_name(progression.step);
  const fs::path temporary = directory_ / ("." + name + kTemporary), final = directory_ / name;
  const auto on_first = [&](const char* action, const std::function<void()>& work) {
    comm::do_on_first(
        world_, [&] { with_files(final, action, work); }, kPurpose);
  };
  try {
    on_first("save the checkpoint", [&] {
      fs::remove_all(temporary);
      make_directories(temporary, Exit::checkpoint);
    });
    const auto shards = comm::gather_results(
        world_, [&] { return write_shard(temporary, groups, optimizer, world_.rank()).dump(); }, kPurpose);
    on_first("save the checkpoint", [&] {
      const std::string index = make_index(progression, shards).dump(1);
      write_text(temporary / "index.json", index, Exit::checkpoint);
      read_back(temporary / "index.json", checksum(std::as_bytes(std::span(index))));
      sync_directory(temporary, Exit::checkpoint);
      fs::remove_all(final);  // a rerun of the same step
      fs::rename(temporary, final);
      sync_directory(directory_, Exit::checkpoint);
    });
  } catch (const Error&) {
    // That of all ranks: none writes any more. (A rank that is lost may leave something: remove_temporaries.)
    std::error_code ignored;
    if (world_.rank() == 0) fs::remove_all(temporary, ignored);
    throw;
  }
  on_first("mark the best", [&] {
    if (is_best) mark_best(name);
    remove_old(keep);
  });
}

void Checkpoints::mark_best(const std::string& name) const {
  const fs::path link = directory_ / (std::string(".best") + kTemporary), best = directory_ / "best";
  try {
    fs::remove(link);
    fs::create_symlink(name, link);
    fs::rename(link, best);
  } catch (const fs::filesystem_error& error) {
    fail(Exit::checkpoint, "{}: cannot link to {}: {}; best needs a file system with symbolic links",
         best.string(), name, error.code().message());
  }
}

void Checkpoints::remove_old(int64_t keep) const {
  const std::vector<std::string> all = names();
  const auto best_one = best();
  for (size_t i = 0; i + static_cast<size_t>(keep) < all.size(); ++i) {
    if (best_one && all[i] == best_one->filename()) continue;
    std::error_code error;
    fs::remove_all(directory_ / all[i], error);
    if (error) log_warn("{}: cannot remove it: {}", (directory_ / all[i]).string(), error.message());
  }
}

void Checkpoints::remove_temporaries() const {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(".") && name.ends_with(kTemporary)) fs::remove_all(entry.path(), ignored);
  }
}

std::vector<std::string> Checkpoints::names() const {
  std::vector<std::string> names;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(directory_, missing)) {
    const std::string name = entry.path().filename();
    if (is_name(name) && entry.is_directory() && !entry.is_symlink()) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<fs::path> Checkpoints::newest() const {
  const std::vector<std::string> all = names();
  const auto found = std::find_if(all.rbegin(), all.rend(), [&](const std::string& name) {
    return fs::exists(directory_ / name / "index.json");
  });
  return found == all.rend() ? std::nullopt : std::optional(directory_ / *found);
}

std::optional<fs::path> Checkpoints::best() const {
  std::error_code missing;
  const fs::path target = fs::read_symlink(directory_ / "best", missing);
  return missing ? std::nullopt : std::optional(directory_ / target);
}

/// Every rank looks at a share of the files. Collective.
void Checkpoints::check_whole(const fs::path& checkpoint) const {
  comm::do_together(
      world_,
      [&] {
        with_index(checkpoint, [&](const json& index) {
          int64_t number = 0;
          for (const auto& [file, checksum] : index.at("files").items()) {
            if (number++ % world_.size() == world_.rank())
              check_shard(checkpoint / file, checksum.get<std::string>());
          }
        });
      },
      kPurpose);
}

std::optional<fs::path> Checkpoints::to_resume(const std::optional<std::string>& from) const {
  // As the first rank sees them: a file system of a network may show others another state.
  const json seen = json::parse(comm::broadcast_text(world_, json(names()).dump(), 0, kPurpose));
  const auto all = seen.get<std::vector<std::string>>();
  if (from) {
    const std::string name = *from == "best" && best() ? best()->filename().string() : *from;
    if (std::find(all.begin(), all.end(), name) == all.end()) {
      fail(Exit::checkpoint, "{}: no checkpoint '{}'; there {}", directory_.string(), *from,
           all.empty() ? "is none" : fmt::format("are {}", fmt::join(all, ", ")));
    }
    check_whole(directory_ / name);
    return directory_ / name;
  }
  for (auto name = all.rbegin(); name != all.rend(); ++name) {
    try {
      check_whole(directory_ / *name);
      return directory_ / *name;
    } catch (const Error& error) {
      if (error.code() != Exit::checkpoint || std::next(name) == all.rend()) throw;
      log_warn("{}; going back to {}", error.what(), *std::next(name));
    }
  }
  return std::nullopt;
}

bool Checkpoints::go_back_to(const Progression& progression) const {
  const auto work = [&] {
    with_files(directory_, "go back to an older checkpoint", [&] {
      std::vector<std::string> newer = names();
      newer.erase(newer.begin(),
                  std::upper_bound(newer.begin(), newer.end(), directory_name(progression.step)));
      if (!newer.empty()) set_aside(newer);
      // A training that was killed may not have come to mark the best, or what was marked is set aside. (In a
      // copy that followed links the mark is a directory: it stays.)
      const fs::path mark = directory_ / "best";
      const std::string was_best = progression.best_step ? directory_name(*progression.best_step) : "";
      const bool free = fs::is_symlink(mark) || !fs::exists(mark);
      if (progression.best_step && free && fs::exists(directory_ / was_best)) mark_best(was_best);
      if (const auto now = best(); now && !fs::exists(*now)) fs::remove(mark);
    });
    return std::string(best() ? "best" : "");
  };
  return !comm::gather_results(
              world_, [&] { return world_.rank() == 0 ? work() : ""; }, kPurpose)
              .front()
              .empty();
}

void Checkpoints::set_aside(const std::vector<std::string>& names) const {
  const fs::path run = directory_.parent_path();
  fs::path place;
  for (int number = 1; place.empty() || fs::exists(place); ++number)
    place = run / fmt::format("set-aside-{}", number);
  fs::create_directories(place / "checkpoints");
  if (fs::exists(run / "metrics.jsonl")) fs::copy_file(run / "metrics.jsonl", place / "metrics.jsonl");
  for (const std::string& name : names)
    fs::rename(directory_ / name, place / "checkpoints" / name);
  log_info("{}: newer checkpoints ({}) and a copy of the metrics are kept there", place.string(),
           fmt::join(names, ", "));
}

Progression load_checkpoint(const fs::path& checkpoint, const std::vector<parallel::ParamGroup*>& groups,
                            AdamW* optimizer, Weights which) {
  return with_index(checkpoint, [&](const json& index) {
    CheckpointPieces pieces(checkpoint, index);
    const char* const part = part_of(pieces, which);
    const bool averages = optimizer != nullptr && optimizer->keeps_averages() && pieces.has_average();
    for (size_t g = 0; g < groups.size(); ++g) {
      groups[g]->load([&](const parallel::Param& param, Range elements, const Tensor& out) {
        pieces.read(param, part, elements, out);
      });
      auto sections = groups[g]->sections();
      for (size_t s = 0; optimizer != nullptr && s < sections.size(); ++s) {
        auto& moments = optimizer->moments(g, s);
        // A checkpoint without begins its average with its next step.
        moments.average = averages ? at::empty_like(moments.first) : Tensor();
        parallel::for_each_slice(
            sections[s], sections[s].mine, [&](const parallel::Param& param, Range elements, int64_t offset) {
              pieces.read(param, kMean, elements, moments.first.narrow(0, offset, elements.size()));
              pieces.read(param, kSquare, elements, moments.second.narrow(0, offset, elements.size()));
              if (averages)
                pieces.read(param, kAverage, elements, moments.average.narrow(0, offset, elements.size()));
            });
      }
    }
    return progression_of(index);
  });
}

NamedTensors read_weights(const fs::path& checkpoint, Weights which) {
  return with_index(checkpoint, [&](const json& index) {
    CheckpointPieces pieces(checkpoint, index);
    return pieces.whole_weights(part_of(pieces, which));
  });
}

bool has_average(const fs::path& checkpoint) {
  return with_index(checkpoint,
                    [&](const json& index) { return CheckpointPieces(checkpoint, index).has_average(); });
}

}  // namespace seqvit::train
