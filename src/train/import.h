/// Starting a model from the weights of another: of a run with other patches, another grid, other variables,
/// or of timm's VisionTransformer.
///
/// The blocks must be the same (width, depth, heads, hidden width). What depends on patches is resampled
/// (model/resample.h): embedding and head to another patch size, positions to another grid of patches.
/// Variables are found by their names. What the file lacks keeps its initial value: other variables, another
/// tokenisation, the head where the source predicts something else (state or tendency) or has another number
/// of hidden layers in it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "parallel/param.h"
#include "train/import_source.h"

namespace seqvit::train {

/// What became of each weight of the model, by its name, "NAME of VARIABLE" where it is a part of one.
struct ImportReport {
  std::vector<std::string> taken;      ///< as they are
  std::vector<std::string> resampled;  ///< to the model's patches
  std::vector<std::string> initial;    ///< not in the file
  std::vector<std::string> unused;     ///< in the file (its names), not in the model
};

/// Fills the weights of a model that is whole on this rank. `model`: what it is; `grid`: see ImportSource.
/// Throws Error(checkpoint): a file that is missing or corrupt, a weight of another shape (naming it, both
/// shapes and the setting), blocks that the model lacks or has more of.
ImportReport import_weights(const std::filesystem::path& file, std::optional<PatchRowsColumns> grid,
                            const ModelDescription& model, const std::vector<parallel::ParamGroup*>& groups);

}  // namespace seqvit::train
