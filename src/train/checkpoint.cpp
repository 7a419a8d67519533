#include "train/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include "comm/text.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "train/safetensors.h"

namespace seqvit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kFormat = 1;
const char* const kParts[] = {"weight", "exp_avg", "exp_avg_sq"};

/// The weight and the two moments of a section, in the order of kParts.
std::array<Tensor, 3> parts_of(const Section& section, AdamW& optimizer, size_t group, size_t index) {
  const auto& moments = optimizer.moments(group, index);
  return {section.weight.detach(), moments.first, moments.second};
}

std::string directory_name(int64_t step) {
  return fmt::format("step-{:08}", step);
}

/// Writes my shares and returns what the index says of them.
json write_shard(const fs::path& directory, const std::vector<ParamGroup*>& groups, AdamW& optimizer,
                 int rank) {
  const std::string file = fmt::format("rank-{:05}.safetensors", rank);
  std::vector<std::pair<std::string, Tensor>> tensors;
  json entries = json::array();
  for (size_t g = 0; g < groups.size(); ++g) {
    auto sections = groups[g]->sections();
    const Comm& data = *groups[g]->sharding().data;
    for (size_t s = 0; s < sections.size(); ++s) {
      const auto parts = parts_of(sections[s], optimizer, g, s);
      // At stage 0 every rank has all: each still writes only its share.
      const Range mine = share(sections[s].size, data.rank(), data.size());
      for_each_slice(sections[s], mine, [&](const Param& param, Range elements, int64_t offset) {
        for (size_t part = 0; part < 3; ++part) {
          Tensor values = parts[part].narrow(0, offset, elements.size());
          if (elements.size() == param.size()) values = values.view(param.shape());
          const std::string key = part == 0 ? param.name() : param.name() + "." + kParts[part];
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
  write_safetensors(directory / file, tensors);
  return {
      {"entries", entries}, {"file", file}, {"checksum", file_checksum(directory / file, Exit::checkpoint)}};
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

  void read(const Param& param, const char* part, Range elements, const Tensor& out) {
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
  }

  /// Every weight as a whole, by name.
  NamedTensors whole_weights() {
    NamedTensors weights;
    for (const auto& [key, pieces] : pieces_) {
      const auto& [name, part] = key;
      if (part != kParts[0]) continue;
      const json& first = pieces.front();
      const auto shape = first.at("shape").get<std::vector<int64_t>>();
      check_held(name, pieces, shape);
      const Tensor weight = at::empty(shape, entry_of(first).dtype);
      int64_t filled = 0;
      for (const json& piece : pieces)
        filled += copy(piece, Cut::none(weight.numel()), {0, weight.numel()}, weight.view({-1}));
      check_filled(name, filled, weight.numel());
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
  int64_t copy(const json& piece, const Cut& cut, Range elements, const Tensor& out) {
    const auto shape = piece.at("shape").get<std::vector<int64_t>>();
    const int64_t whole = elements_of(shape);
    const Range held{piece.at("begin"), piece.at("end")};
    Cut theirs = Cut::none(whole);
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
    const int64_t found = elements_of(entry_of(piece).shape);
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
    const int64_t wanted = elements_of(shape);
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
    const fs::path path = checkpoint_ / file;
    const std::string expected = checksums_.value(file, ""), found = file_checksum(path, Exit::checkpoint);
    if (found != expected) {
      fail(Exit::checkpoint,
           "{}: expected checksum {}, found {}; the file is corrupt, use an older checkpoint", path.string(),
           expected, found);
    }
    return files_.emplace(file, SafetensorsFile(path)).first->second;
  }
};

}  // namespace

Checkpoints::Checkpoints(fs::path run, Comm& world)
    : directory_(std::move(run) / "checkpoints"), world_(world) {}

void Checkpoints::save(const std::vector<ParamGroup*>& groups, AdamW& optimizer,
                       const Progression& progression, bool is_best, int64_t keep) {
  const std::string name = directory_name(progression.step);
  const fs::path temporary = directory_ / ("." + name + ".tmp"), final = directory_ / name;
  if (world_.rank() == 0) {
    fs::remove_all(temporary);
    make_directories(temporary, Exit::checkpoint);
  }
  world_.barrier("checkpoint");
  try {
    const json shard = write_shard(temporary, groups, optimizer, world_.rank());
    const auto shards = gather_text(world_, shard.dump(), "checkpoint");
    if (world_.rank() == 0) {
      json index = {{"format", kFormat}, {"step", progression.step}, {"tensors", json::array()}};
      if (std::isfinite(progression.best_validation_loss)) {
        index["best_validation_loss"] = progression.best_validation_loss;
      }
      for (const std::string& text : shards) {
        const json part = json::parse(text);
        for (const json& entry : part.at("entries"))
          index["tensors"].push_back(entry);
        index["files"][part.at("file").get<std::string>()] = part.at("checksum");
      }
      write_text(temporary / "index.json", index.dump(1), Exit::checkpoint);
      sync_directory(temporary, Exit::checkpoint);
      fs::remove_all(final);  // a rerun of the same step
      fs::rename(temporary, final);
      sync_directory(directory_, Exit::checkpoint);
    }
  } catch (const fs::filesystem_error& error) {
    fs::remove_all(temporary);
    fail(Exit::checkpoint, "{}: cannot save the checkpoint: {}", final.string(), error.code().message());
  } catch (const Error&) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    throw;
  }
  if (world_.rank() == 0) {
    if (is_best) mark_best(name);
    remove_old(keep);
  }
  world_.barrier("checkpoint");
}

void Checkpoints::mark_best(const std::string& name) const {
  const fs::path link = directory_ / ".best.tmp", best = directory_ / "best";
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
  std::vector<fs::path> all;
  for (const auto& entry : fs::directory_iterator(directory_)) {
    if (entry.is_directory() && !entry.is_symlink() &&
        entry.path().filename().string().starts_with("step-")) {
      all.push_back(entry.path());
    }
  }
  std::sort(all.begin(), all.end());
  const auto best_one = best();
  for (size_t i = 0; i + static_cast<size_t>(keep) < all.size(); ++i) {
    if (!best_one || all[i].filename() != best_one->filename()) fs::remove_all(all[i]);
  }
}

std::optional<fs::path> Checkpoints::newest() const {
  std::optional<fs::path> newest;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(directory_, missing)) {
    const bool complete =
        entry.path().filename().string().starts_with("step-") && fs::exists(entry.path() / "index.json");
    if (complete && (!newest || entry.path() > *newest)) newest = entry.path();
  }
  return newest;
}

std::optional<fs::path> Checkpoints::best() const {
  std::error_code missing;
  const fs::path target = fs::read_symlink(directory_ / "best", missing);
  if (missing || !fs::exists(directory_ / target / "index.json")) return std::nullopt;
  return directory_ / target;
}

Progression load_checkpoint(const fs::path& checkpoint, const std::vector<ParamGroup*>& groups,
                            AdamW* optimizer) {
  try {
    const json index = read_index(checkpoint);
    Pieces pieces(checkpoint, index);
    for (size_t g = 0; g < groups.size(); ++g) {
      groups[g]->load([&](const Param& param, Range elements, const Tensor& out) {
        pieces.read(param, kParts[0], elements, out);
      });
      auto sections = groups[g]->sections();
      for (size_t s = 0; optimizer != nullptr && s < sections.size(); ++s) {
        const auto& moments = optimizer->moments(g, s);
        for_each_slice(
            sections[s], sections[s].mine, [&](const Param& param, Range elements, int64_t offset) {
              pieces.read(param, kParts[1], elements, moments.first.narrow(0, offset, elements.size()));
              pieces.read(param, kParts[2], elements, moments.second.narrow(0, offset, elements.size()));
            });
      }
    }
    Progression progression;
    progression.step = index.at("step");
    progression.best_validation_loss = index.value("best_validation_loss", progression.best_validation_loss);
    return progression;
  } catch (const json::exception& error) {
    fail(Exit::checkpoint, "{}: broken index: {}", checkpoint.string(), error.what());
  }
}

NamedTensors read_weights(const fs::path& checkpoint) {
  try {
    return Pieces(checkpoint, read_index(checkpoint)).whole_weights();
  } catch (const json::exception& error) {
    fail(Exit::checkpoint, "{}: broken index: {}", checkpoint.string(), error.what());
  }
}

}  // namespace seqvit
