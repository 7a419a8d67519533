#include "train/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/isfinite.h>
#include <fmt/ranges.h>

#include "comm/agreement.h"
#include "comm/text.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/log.h"
#include "train/safetensors.h"

namespace seqvit::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kFormat = 1;
const char* const kPurpose = "checkpoint";
const char* const kTemporary = ".tmp";
const char* const kParts[] = {"weight", "exp_avg", "exp_avg_sq", "ema"};
const char* const kAverage = kParts[3];

/// The weight, the two moments and the average, if there is one, of a section, in the order of kParts.
std::vector<Tensor> parts_of(const parallel::Section& section, AdamW& optimizer, size_t group, size_t index) {
  const auto& moments = optimizer.moments(group, index);
  std::vector<Tensor> parts = {section.weight.detach(), moments.first, moments.second};
  if (moments.average.defined()) parts.push_back(moments.average);
  return parts;
}

const std::string kStart = "step-";

std::string directory_name(int64_t step) {
  return fmt::format("{}{:08}", kStart, step);
}

/// A copy that somebody keeps beside them ("step-00000500.good") is none of ours.
bool is_name(const std::string& name) {
  return name.starts_with(kStart) && name.size() > kStart.size() &&
         name.find_first_not_of("0123456789", kStart.size()) == std::string::npos;
}

bool all_finite(const Tensor& values) {
  return at::isfinite(values).all().item<bool>();
}

/// Reads what was just written; a disk or memory that fails shows here, while older checkpoints are still
/// there.
void read_back(const fs::path& file, const std::string& expected) {
  drop_from_cache(file);
  const std::string found = file_checksum(file, Exit::checkpoint);
  if (found == expected) return;
  fail(Exit::checkpoint, "{}: written with checksum {}, read back with {}; disk or memory is failing",
       file.string(), expected, found);
}

/// Writes my shares and returns what the index says of them.
json write_shard(const fs::path& directory, const std::vector<parallel::ParamGroup*>& groups,
                 AdamW& optimizer, int rank) {
  const std::string file = fmt::format("rank-{:05}.safetensors", rank);
  std::vector<std::pair<std::string, Tensor>> tensors;
  json entries = json::array();
  for (size_t g = 0; g < groups.size(); ++g) {
    auto sections = groups[g]->sections();
    const comm::Comm& data = *groups[g]->sharding().data;
    for (size_t s = 0; s < sections.size(); ++s) {
      const auto parts = parts_of(sections[s], optimizer, g, s);
      // At stage 0 every rank has all: each still writes only its share.
      const Range mine = share(sections[s].size, data.rank(), data.size());
      parallel::for_each_slice(
          sections[s], mine, [&](const parallel::Param& param, Range elements, int64_t offset) {
            for (size_t part = 0; part < parts.size(); ++part) {
              Tensor values = parts[part].narrow(0, offset, elements.size());
              if (elements.size() == param.size()) values = values.view(param.shape());
              const std::string key = part == 0 ? param.name() : param.name() + "." + kParts[part];
              if (!all_finite(values)) {
                fail(Exit::not_finite,
                     "{}: '{}' is not finite, no checkpoint is written; lower train.learning_rate, or look "
                     "at the data with `seqvit inspect`",
                     directory.parent_path().string(), key);
              }
              entries.push_back({{"name", param.name()},
                                 {"part", kParts[part]},
                                 {"shape", param.whole_shape()},
                                 {"begin", elements.begin},
                                 {"end", elements.end},
                                 {"file", file},
                                 {"key", key}});
              if (!param.cut().is_whole())
                entries.back()["cut"] = {param.cut().stride, param.cut().begin, param.cut().size};
              tensors.emplace_back(key, values);
            }
          });
    }
  }
  const std::string checksum = write_safetensors(directory / file, tensors);
  read_back(directory / file, checksum);
  return {{"entries", entries}, {"file", file}, {"checksum", checksum}};
}

/// index.json of the ranks' shards.
json make_index(const Progression& progression, const std::vector<std::string>& shards) {
  json index = {{"format", kFormat}, {"step", progression.step}, {"tensors", json::array()}};
  if (std::isfinite(progression.best_validation_loss))
    index["best_validation_loss"] = progression.best_validation_loss;
  if (progression.best_step) index["best_step"] = *progression.best_step;
  if (progression.samples) index["samples"] = *progression.samples;
  if (progression.learning_rate) index["learning_rate"] = *progression.learning_rate;
  if (const SpikeGuard::State& s = progression.spikes; s != SpikeGuard::State{}) {
    index["spikes"] = {{"loss", s.loss},
                       {"norm", s.norm},
                       {"admitted", s.admitted},
                       {"skipped", s.skipped},
                       {"in_a_row", s.in_a_row}};
  }
  for (const std::string& text : shards) {
    const json part = json::parse(text);
    for (const json& entry : part.at("entries"))
      index["tensors"].push_back(entry);
    index["files"][part.at("file").get<std::string>()] = part.at("checksum");
  }
  return index;
}

/// What make_index was given.
Progression progression_of(const json& index) {
  Progression progression;
  progression.step = index.at("step");
  progression.best_validation_loss = index.value("best_validation_loss", progression.best_validation_loss);
  if (index.contains("best_step")) progression.best_step = index["best_step"].get<int64_t>();
  if (index.contains("samples")) progression.samples = index["samples"].get<int64_t>();
  if (index.contains("learning_rate")) progression.learning_rate = index["learning_rate"].get<double>();
  if (index.contains("spikes")) {
    const json& s = index["spikes"];
    progression.spikes = {s.at("loss"), s.at("norm"), s.at("admitted"), s.at("skipped"), s.at("in_a_row")};
  }
  return progression;
}

json read_index(const fs::path& checkpoint) {
  const fs::path path = checkpoint / "index.json";
  json index = json::parse(read_text(path, Exit::checkpoint), nullptr, /*allow_exceptions=*/false);
  const bool usable = index.is_object() && index.value("format", 0) == kFormat && index.contains("tensors") &&
                      index.contains("files") && index.contains("step") && count_of(index["step"]);
  if (!usable)
    fail(Exit::checkpoint, "{}: not a checkpoint index of this version, or corrupt", path.string());
  return index;
}

/// Elements of a weight of this shape, or nothing where an int64_t does not hold their number.
std::optional<int64_t> elements_if_any(const std::vector<int64_t>& shape) {
  int64_t elements = 1;
  for (const int64_t size : shape) {
    if (__builtin_mul_overflow(elements, size, &elements)) return std::nullopt;
  }
  return elements;
}

/// Whether a piece can be what the index says: elements [begin, end) of a cut of a weight, in a file beside
/// the index. Whatever is computed of such a piece stays within its weight.
bool is_sound(const json& entry) {
  const auto shape = counts_of(entry.at("shape"));
  const auto begin = count_of(entry.at("begin")), end = count_of(entry.at("end"));
  const auto elements = shape ? elements_if_any(*shape) : std::nullopt;
  if (!elements || !begin || !end) return false;
  int64_t held = *elements;
  if (entry.contains("cut")) {
    const auto cut = counts_of(entry["cut"]);
    if (!cut || cut->size() != 3) return false;
    const int64_t stride = cut->at(0), first = cut->at(1), size = cut->at(2);
    if (size < 1 || size > stride || first > stride - size || *elements % stride != 0) return false;
    held = *elements / stride * size;
  }
  const fs::path file = entry.at("file").get<std::string>();
  return *begin <= *end && *end <= held && file.has_filename() && file == file.filename() && file != "..";
}

/// What `use` makes of a checkpoint's index. Throws Error(checkpoint) where it does not hold what it should.
template <typename Use>
auto with_index(const fs::path& checkpoint, Use use) {
  try {
    return use(read_index(checkpoint));
  } catch (const json::exception& error) {
    fail(Exit::checkpoint, "{}: broken index: {}", checkpoint.string(), error.what());
  }
}

SafetensorsFile open_shard(const fs::path& path, const std::string& expected) {
  const std::string found = file_checksum(path, Exit::checkpoint);
  if (found != expected) {
    fail(Exit::checkpoint, "{}: expected checksum {}, found {}; the file is corrupt, use an older checkpoint",
         path.string(), expected, found);
  }
  return SafetensorsFile(path);
}

void check_finite(const Tensor& values, const fs::path& where, const std::string& name) {
  if (all_finite(values)) return;
  fail(Exit::checkpoint, "{}: '{}' is not finite; the training had failed, use an older checkpoint",
       where.string(), name);
}

/// Throws Error(checkpoint) unless a file is as it was written and holds nothing that is not finite.
void check_shard(const fs::path& path, const std::string& expected) {
  const SafetensorsFile file = open_shard(path, expected);
  for (const auto& [name, entry] : file.entries())
    check_finite(file.read(name), path, name);
}

/// Pieces of one checkpoint, found by weight and part.
class Pieces {
 public:
  Pieces(const fs::path& checkpoint, const json& index)
      : checkpoint_(checkpoint), checksums_(index.at("files")) {
    for (const json& entry : index.at("tensors")) {
      if (!is_sound(entry))
        fail(Exit::checkpoint, "{}: broken index: {}", checkpoint.string(), json_text(entry));
      pieces_[{entry.at("name"), entry.at("part")}].push_back(entry);
    }
  }

  void read(const parallel::Param& param, const char* part, Range elements, const Tensor& out) {
    const auto found = pieces_.find({param.name(), part});
    if (found == pieces_.end()) {
      fail(Exit::checkpoint, "{}: no {} '{}'; the configuration asks for another model than was saved",
           checkpoint_.string(), part, param.name());
    }
    for (const json& piece : found->second) {
      const auto shape = piece.at("shape").get<std::vector<int64_t>>();
      if (shape != param.whole_shape()) {
        fail(Exit::checkpoint, "{}: '{}': expected shape [{}] from the configuration, found [{}]",
             checkpoint_.string(), param.name(), fmt::join(param.whole_shape(), ", "),
             fmt::join(shape, ", "));
      }
    }
    int64_t filled = 0;
    for (const json& piece : found->second)
      filled += copy(piece, param.cut(), elements, out);
    check_filled(param.name(), filled, elements.size());
    check_finite(out, checkpoint_, param.name());
  }

  bool has_average() const {
    return std::any_of(pieces_.begin(), pieces_.end(),
                       [](const auto& piece) { return piece.first.second == kAverage; });
  }
  /// The part that holds such weights.
  const char* part_of(Weights which) const {
    return which == Weights::averaged && has_average() ? kAverage : kParts[0];
  }

  /// Every weight as a whole, by name.
  NamedTensors whole_weights(Weights which) {
    NamedTensors weights;
    for (const auto& [key, pieces] : pieces_) {
      const auto& [name, part] = key;
      if (part != part_of(which)) continue;
      const json& first = pieces.front();
      const auto shape = first.at("shape").get<std::vector<int64_t>>();
      check_held(name, pieces, shape);
      const Tensor weight = at::empty(shape, entry_of(first).dtype);
      int64_t filled = 0;
      for (const json& piece : pieces)
        filled += copy(piece, parallel::Cut::none(weight.numel()), {0, weight.numel()}, weight.view({-1}));
      check_filled(name, filled, weight.numel());
      check_finite(weight, checkpoint_, name);
      weights.emplace_back(name, weight);
    }
    return weights;
  }

 private:
  fs::path checkpoint_;
  json checksums_;
  std::map<std::pair<std::string, std::string>, std::vector<json>> pieces_;
  std::map<std::string, SafetensorsFile> files_;

  /// Copies what a piece (elements of a cut of the weight) has of `elements` of another cut; returns how
  /// many.
  int64_t copy(const json& piece, const parallel::Cut& cut, Range elements, const Tensor& out) {
    const auto shape = piece.at("shape").get<std::vector<int64_t>>();
    const int64_t whole = parallel::elements_of(shape);
    const Range held{piece.at("begin"), piece.at("end")};
    parallel::Cut theirs = parallel::Cut::none(whole);
    if (piece.contains("cut")) theirs = {piece["cut"].at(0), piece["cut"].at(1), piece["cut"].at(2)};
    struct Run {
      int64_t from, to, count;
    };
    std::vector<Run> runs;
    cut.for_each_run(elements, {0, whole}, [&](Range mine, int64_t first) {
      theirs.for_each_run(held, {first, first + mine.size()}, [&](Range run, int64_t begin) {
        runs.push_back({run.begin, mine.begin + begin - first, run.size()});
      });
    });
    if (runs.empty()) return 0;
    check_size(piece);
    // One reading, from the first element that is wanted to the last.
    const int64_t begin = runs.front().from, end = runs.back().from + runs.back().count;
    const Tensor values =
        open(piece.at("file")).read(piece.at("key"), {begin - held.begin, end - held.begin});
    int64_t copied = 0;
    for (const Run& run : runs) {
      out.narrow(0, run.to - elements.begin, run.count).copy_(values.narrow(0, run.from - begin, run.count));
      copied += run.count;
    }
    return copied;
  }

  const SafetensorsFile::Entry& entry_of(const json& piece) {
    const auto& entries = open(piece.at("file")).entries();
    const auto found = entries.find(piece.at("key"));
    if (found == entries.end()) {
      fail(Exit::checkpoint, "{}: no tensor '{}' in {}; the index is corrupt, use an older checkpoint",
           checkpoint_.string(), piece.at("key").get<std::string>(), piece.at("file").get<std::string>());
    }
    return found->second;
  }

  /// Throws unless the file holds as many elements as the index says; returns their number.
  int64_t check_size(const json& piece) {
    const int64_t held = piece.at("end").get<int64_t>() - piece.at("begin").get<int64_t>();
    const int64_t found = parallel::elements_of(entry_of(piece).shape);
    if (found == held) return held;
    fail(Exit::checkpoint,
         "{}: '{}': expected {} elements in {}, found {}; the index is corrupt, use an older checkpoint",
         checkpoint_.string(), piece.at("name").get<std::string>(), held, piece.at("file").get<std::string>(),
         found);
  }

  /// Throws unless files hold enough for a weight of this shape, before memory for it is asked for.
  void check_held(const std::string& name, const std::vector<json>& pieces,
                  const std::vector<int64_t>& shape) {
    int64_t held = 0;
    for (const json& piece : pieces) {
      if (piece.at("shape") != shape)
        fail(Exit::checkpoint, "{}: '{}': broken index: pieces of two shapes", checkpoint_.string(), name);
      held += check_size(piece);
    }
    const int64_t wanted = parallel::elements_of(shape);
    check_filled(name, std::min(held, wanted), wanted);
  }

  void check_filled(const std::string& name, int64_t filled, int64_t wanted) const {
    if (filled == wanted) return;
    fail(Exit::checkpoint, "{}: '{}': {} of {} elements are missing", checkpoint_.string(), name,
         wanted - filled, wanted);
  }

  const SafetensorsFile& open(const std::string& file) {
    const auto known = files_.find(file);
    if (known != files_.end()) return known->second;
    return files_.emplace(file, open_shard(checkpoint_ / file, checksums_.value(file, ""))).first->second;
  }
};

/// The exceptions of the file system as errors.
void with_files(const fs::path& checkpoint, const char* action, const std::function<void()>& work) {
  try {
    work();
  } catch (const fs::filesystem_error& error) {
    fail(Exit::checkpoint, "{}: cannot {}: {}", checkpoint.string(), action, error.code().message());
  }
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
    Pieces pieces(checkpoint, index);
    const char* const part = pieces.part_of(which);
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
              pieces.read(param, kParts[1], elements, moments.first.narrow(0, offset, elements.size()));
              pieces.read(param, kParts[2], elements, moments.second.narrow(0, offset, elements.size()));
              if (averages)
                pieces.read(param, kAverage, elements, moments.average.narrow(0, offset, elements.size()));
            });
      }
    }
    return progression_of(index);
  });
}

NamedTensors read_weights(const fs::path& checkpoint, Weights which) {
  return with_index(checkpoint,
                    [&](const json& index) { return Pieces(checkpoint, index).whole_weights(which); });
}

bool has_average(const fs::path& checkpoint) {
  return with_index(checkpoint, [&](const json& index) { return Pieces(checkpoint, index).has_average(); });
}

}  // namespace seqvit::train
