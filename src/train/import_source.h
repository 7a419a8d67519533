/// A file of weights, by the program's names: what `seqvit export` wrote, or the state of timm's
/// VisionTransformer.
///
/// Of timm's it gives the blocks, the norm after them, the positions of patches (without those of class and
/// register tokens) and, where there are as many channels as the model has inputs, the patch embedding: those
/// are then the inputs in their order. timm's head, pooling and class token are for classes of images.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "train/description.h"
#include "train/safetensors.h"

namespace seqvit::train {

/// Patch rows and columns that positions belong to.
using PatchRowsColumns = std::pair<int64_t, int64_t>;

class ImportSource {
 public:
  /// `model`: what is imported into; `grid`: the source's, where the file does not say it. Throws
  /// Error(checkpoint): not a file of weights, positions that are no such grid; Error(usage): a grid where
  /// the file says its own.
  ImportSource(const std::filesystem::path& file, const ModelDescription& model,
               std::optional<PatchRowsColumns> grid);

  const std::string& path() const { return path_; }
  bool is_timm() const { return timm_; }
  /// What the weights are for; of timm's file as far as it can be known.
  const ModelDescription& description() const { return description_; }

  /// The shape of a weight, as the program has it; none if the file lacks it.
  std::optional<std::vector<int64_t>> shape(const std::string& weight) const;
  /// The weight itself, from then on used. The file must have it.
  Tensor take(const std::string& weight);
  /// Names in the file of the weights of the blocks.
  std::vector<std::string> block_weights() const;
  /// Names in the file that were not taken.
  std::vector<std::string> unused() const;

 private:
  std::string path_;
  SafetensorsFile file_;
  bool timm_;
  ModelDescription description_;
  int64_t skipped_positions_ = 0;  // of timm's class and register tokens
  std::set<std::string> taken_;

  std::optional<std::string> name_in_file(const std::string& weight) const;
  void describe_timm(const ModelDescription& model, std::optional<PatchRowsColumns> grid);
  PatchRowsColumns timm_grid(std::optional<PatchRowsColumns> grid);
};

}  // namespace seqvit::train
