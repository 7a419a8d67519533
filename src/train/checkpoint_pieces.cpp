#include "train/checkpoint_pieces.h"

#include <algorithm>

#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/json.h"
#include "train/checkpoint_index.h"
#include "train/checkpoint_shard.h"

namespace seqvit::train {

namespace fs = std::filesystem;
using nlohmann::json;

CheckpointPieces::CheckpointPieces(const fs::path& checkpoint, const json& index)
    : checkpoint_(checkpoint), checksums_(index.at("files")) {
  for (const json& entry : index.at("tensors")) {
    if (!is_sound(entry))
      fail(Exit::checkpoint, "{}: broken index: {}", checkpoint.string(), json_text(entry));
    pieces_[{entry.at("name"), entry.at("part")}].push_back(entry);
  }
}

void CheckpointPieces::read(const parallel::Param& param, const char* part, Range elements,
                            const Tensor& out) {
  const auto found = pieces_.find({param.name(), part});
  if (found == pieces_.end()) {
    fail(Exit::checkpoint, "{}: no {} '{}'; the configuration asks for another model than was saved",
         checkpoint_.string(), part, param.name());
  }
  for (const json& piece : found->second) {
    const auto shape = piece.at("shape").get<std::vector<int64_t>>();
    if (shape != param.whole_shape()) {
      fail(Exit::checkpoint, "{}: '{}': expected shape [{}] from the configuration, found [{}]",
           checkpoint_.string(), param.name(), fmt::join(param.whole_shape(), ", "), fmt::join(shape, ", "));
    }
  }
  int64_t filled = 0;
  for (const json& piece : found->second)
    filled += copy(piece, param.cut(), elements, out);
  check_filled(param.name(), filled, elements.size());
  check_finite(out, checkpoint_, param.name());
}

bool CheckpointPieces::has_average() const {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [](const auto& piece) { return piece.first.second == kAverage; });
}

NamedTensors CheckpointPieces::whole_weights(const std::string& part) {
  NamedTensors weights;
  for (const auto& [key, pieces] : pieces_) {
    const auto& [name, part_of_key] = key;
    if (part_of_key != part) continue;
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

int64_t CheckpointPieces::copy(const json& piece, const parallel::Cut& cut, Range elements,
                               const Tensor& out) {
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
  const Tensor values = open(piece.at("file")).read(piece.at("key"), {begin - held.begin, end - held.begin});
  int64_t copied = 0;
  for (const Run& run : runs) {
    out.narrow(0, run.to - elements.begin, run.count).copy_(values.narrow(0, run.from - begin, run.count));
    copied += run.count;
  }
  return copied;
}

const SafetensorsFile::Entry& CheckpointPieces::entry_of(const json& piece) {
  const auto& entries = open(piece.at("file")).entries();
  const auto found = entries.find(piece.at("key"));
  if (found == entries.end()) {
    fail(Exit::checkpoint, "{}: no tensor '{}' in {}; the index is corrupt, use an older checkpoint",
         checkpoint_.string(), piece.at("key").get<std::string>(), piece.at("file").get<std::string>());
  }
  return found->second;
}

int64_t CheckpointPieces::check_size(const json& piece) {
  const int64_t held = piece.at("end").get<int64_t>() - piece.at("begin").get<int64_t>();
  const int64_t found = parallel::elements_of(entry_of(piece).shape);
  if (found == held) return held;
  fail(Exit::checkpoint,
       "{}: '{}': expected {} elements in {}, found {}; the index is corrupt, use an older checkpoint",
       checkpoint_.string(), piece.at("name").get<std::string>(), held, piece.at("file").get<std::string>(),
       found);
}

void CheckpointPieces::check_held(const std::string& name, const std::vector<json>& pieces,
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

void CheckpointPieces::check_filled(const std::string& name, int64_t filled, int64_t wanted) const {
  if (filled == wanted) return;
  fail(Exit::checkpoint, "{}: '{}': {} of {} elements are missing", checkpoint_.string(), name,
       wanted - filled, wanted);
}

const SafetensorsFile& CheckpointPieces::open(const std::string& file) {
  const auto known = files_.find(file);
  if (known != files_.end()) return known->second;
  return files_.emplace(file, open_shard(checkpoint_ / file, checksums_.value(file, ""))).first->second;
}

}  // namespace seqvit::train
