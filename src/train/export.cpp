#include "train/export.h"

namespace seqvit::train {

std::string exported_name(const std::string& weight) {
  const bool encoder = weight.starts_with("blocks.") || weight.starts_with("norm.");
  return encoder ? weight : "seqvit." + weight;
}

int64_t export_weights(const std::filesystem::path& checkpoint, const std::filesystem::path& output,
                       const Metadata& metadata, Weights which) {
  NamedTensors weights = read_weights(checkpoint, which);
  for (auto& [name, weight] : weights)
    name = exported_name(name);
  write_safetensors(output, weights, metadata);
  return static_cast<int64_t>(weights.size());
}

}  // namespace seqvit::train
