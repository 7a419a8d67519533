#include "train/checkpoint_index.h"

#include <cmath>
#include <optional>

#include "core/file.h"
#include "core/json.h"

namespace seqvit::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kFormat = 1;

/// Elements of a weight of this shape, or nothing where an int64_t does not hold their number.
std::optional<int64_t> elements_if_any(const std::vector<int64_t>& shape) {
  int64_t elements = 1;
  for (const int64_t size : shape) {
    if (__builtin_mul_overflow(elements, size, &elements)) return std::nullopt;
  }
  return elements;
}

}  // namespace

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

}  // namespace seqvit::train
