#include "train/import_source.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "train/export.h"

namespace seqvit::train {
namespace {

const char* const kEmbedding = "patch_embed.proj.weight";

}  // namespace

ImportSource::ImportSource(const std::filesystem::path& file, const ModelDescription& model,
                           std::optional<PatchRowsColumns> grid)
    : path_(file.string()),
      file_(file),
      timm_(std::none_of(file_.entries().begin(), file_.entries().end(),
                         [](const auto& entry) { return entry.first.starts_with("seqvit."); })),
      description_(model) {
  if (timm_) {
    describe_timm(model, grid);
    return;
  }
  const auto text = file_.metadata().find(kModelKey);
  if (text == file_.metadata().end()) {
    fail(Exit::checkpoint, "{}: does not say which model it is of; write it with `seqvit export`", path_);
  }
  description_ =
      description_from_json(nlohmann::json::parse(text->second, nullptr, /*allow_exceptions=*/false), path_);
  if (grid) {
    const grid::TokenGrid own = description_.grid();
    fail(Exit::usage, "--source_grid: {} says its own, {} x {} patches; leave it out", path_,
         own.patch_rows(), own.patch_columns());
  }
}

void ImportSource::describe_timm(const ModelDescription& model, std::optional<PatchRowsColumns> grid) {
  if (block_weights().empty())
    fail(Exit::checkpoint, "{}: no transformer blocks (blocks.N.*) in it; is it a ViT's?", path_);
  description_.patch_size = 1;
  description_.inputs.clear();
  description_.targets.clear();
  description_.periodic = description_.embed_overlap = description_.head_overlap = false;
  description_.rotary_waves = 0;
  description_.network = "vit";
  const auto embedding = file_.entries().find(kEmbedding);
  if (embedding != file_.entries().end() && embedding->second.shape.size() == 4) {
    const auto& shape = embedding->second.shape;  // [D, channels, p, p]
    description_.patch_size = shape[2];
    if (shape[1] == static_cast<int64_t>(model.inputs.size()) && shape[2] == shape[3])
      description_.inputs = model.inputs;
  }
  if (file_.entries().contains("pos_embed")) {
    const auto [rows, columns] = timm_grid(grid);
    description_.rows = rows * description_.patch_size;
    description_.columns = columns * description_.patch_size;
  } else if (grid) {
    fail(Exit::usage, "--source_grid: {} has no positions; leave it out", path_);
  }
}

/// Positions of class and register tokens come first. Some of timm's models have none for them; as 15 patches
/// and a class token are also 4 x 4 patches, that is believed only of a grid that is named.
PatchRowsColumns ImportSource::timm_grid(std::optional<PatchRowsColumns> grid) {
  const auto& entries = file_.entries();
  const auto& shape = entries.at("pos_embed").shape;
  const int64_t count = shape.size() == 3 ? shape[1] : 0;
  const auto registers = entries.find("reg_token");
  int64_t prefix = entries.contains("cls_token") ? 1 : 0;
  if (registers != entries.end() && registers->second.shape.size() == 3) prefix += registers->second.shape[1];
  for (const int64_t skipped : {prefix, int64_t{0}}) {
    const int64_t patches = count - skipped;
    const auto side = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(patches))));
    const PatchRowsColumns found = grid.value_or(PatchRowsColumns{side, side});
    if (patches <= 0 || found.first * found.second != patches || (!grid && skipped != prefix)) continue;
    skipped_positions_ = skipped;
    return found;
  }
  fail(Exit::checkpoint, "{}: pos_embed: expected {} patches and {} other tokens, found {} positions; {}",
       path_, grid ? fmt::format("{} x {}", grid->first, grid->second) : "a square of", prefix, count,
       "give --source_grid ROWSxCOLUMNS as the model was trained with");
}

std::optional<std::string> ImportSource::name_in_file(const std::string& weight) const {
  const std::string name = timm_ ? weight : exported_name(weight);
  if (!file_.entries().contains(name)) return std::nullopt;
  if (timm_ && weight.starts_with("patch_embed.") && description_.inputs.empty()) return std::nullopt;
  const bool shared = weight.starts_with("blocks.") || weight.starts_with("norm.") ||
                      weight.starts_with("patch_embed.") || weight == "pos_embed";
  if (timm_ && !shared) return std::nullopt;
  return name;
}

std::optional<std::vector<int64_t>> ImportSource::shape(const std::string& weight) const {
  const auto name = name_in_file(weight);
  if (!name) return std::nullopt;
  const std::vector<int64_t>& shape = file_.entries().at(*name).shape;
  if (timm_ && weight == kEmbedding) return std::vector<int64_t>{shape[0], shape[1] * shape[2] * shape[3]};
  if (timm_ && weight == "pos_embed") return std::vector<int64_t>{shape[1] - skipped_positions_, shape[2]};
  return shape;
}

Tensor ImportSource::take(const std::string& weight) {
  const std::string name = name_in_file(weight).value();
  taken_.insert(name);
  Tensor values = file_.read(name);
  if (timm_ && weight == "pos_embed") values = values.select(0, 0).slice(0, skipped_positions_).contiguous();
  return values.view(*shape(weight));
}

std::vector<std::string> ImportSource::block_weights() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : file_.entries()) {
    if (name.starts_with("blocks.")) names.push_back(name);
  }
  return names;
}

std::vector<std::string> ImportSource::unused() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : file_.entries()) {
    if (!taken_.contains(name)) names.push_back(name);
  }
  return names;
}

}  // namespace seqvit::train
