/// Normalisation of a model that starts from another's weights: they were trained on fields normalised by
/// their own means and deviations, so those stay with the fields that the weights know.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/experiment.h"

namespace seqvit::train {

/// Where moments come from, by field: "air", "6h tendency of air".
struct NormalizationReport {
  std::vector<std::string> source;  ///< from the file of weights
  /// Of the new training period: not in the file, or of another quantity there.
  std::vector<std::string> made;
};

/// Puts the file's moments in the place of those in `experiment.statistics`, for fields found by name
/// (converted where units differ) and lead times found by length. A file without any, as timm's, changes
/// nothing. Throws Error(checkpoint) where they cannot be read.
NormalizationReport take_normalization(const std::filesystem::path& file, Experiment& experiment);

/// All of the new training period.
NormalizationReport new_normalization(const Experiment& experiment);

}  // namespace seqvit::train
