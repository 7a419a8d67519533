/// One file of a checkpoint: a rank's shares of weights, moments and averages, and what the index says of
/// them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "train/optimizer.h"
#include "train/safetensors.h"

namespace seqvit::train {

/// What is kept of a weight, by its name in files.
inline constexpr const char *kWeight = "weight", *kMean = "exp_avg", *kSquare = "exp_avg_sq",
                            *kAverage = "ema";

/// Writes my shares, reads the file back, and returns {"entries": [{name, part, shape, begin, end, file, key,
/// cut}], "file", "checksum"}. Throws Error(not_finite) naming a weight that is not finite, Error(checkpoint)
/// where it cannot be written or reads back differently.
nlohmann::json write_shard(const std::filesystem::path& directory,
                           const std::vector<parallel::ParamGroup*>& groups, AdamW& optimizer, int rank);

/// Reads what was just written; a disk or memory that fails shows here, while older checkpoints are still
/// there.
void read_back(const std::filesystem::path& file, const std::string& expected_checksum);

/// Throws Error(checkpoint) unless the file has this checksum.
SafetensorsFile open_shard(const std::filesystem::path& path, const std::string& expected_checksum);
/// Throws Error(checkpoint) unless a file is as it was written and holds nothing that is not finite.
void check_shard(const std::filesystem::path& path, const std::string& expected_checksum);
/// Throws Error(checkpoint) naming `name` in `where`.
void check_finite(const Tensor& values, const std::filesystem::path& where, const std::string& name);

}  // namespace seqvit::train
