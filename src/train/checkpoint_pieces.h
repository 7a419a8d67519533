/// The weights, moments and averages of a checkpoint, put together from the pieces that its ranks wrote.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "parallel/param.h"
#include "train/safetensors.h"

namespace seqvit::train {

/// Pieces by weight and part (checkpoint_shard.h). A file's checksum is held against the index when it is
/// first read. Methods throw Error(checkpoint): a file is missing or corrupt, the index contradicts itself or
/// a file, what is asked for is not there, has another shape or is not finite.
class CheckpointPieces {
 public:
  CheckpointPieces(const std::filesystem::path& checkpoint, const nlohmann::json& index);

  /// Fills `out` with `elements` of my cut of a weight.
  void read(const parallel::Param& param, const char* part, Range elements, const Tensor& out);
  bool has_average() const;
  /// Every weight as a whole, by name.
  NamedTensors whole_weights(const std::string& part);

 private:
  std::filesystem::path checkpoint_;
  nlohmann::json checksums_;
  std::map<std::pair<std::string, std::string>, std::vector<nlohmann::json>> pieces_;
  std::map<std::string, SafetensorsFile> files_;

  /// Copies what a piece (elements of a cut of the weight) has of `elements` of another cut; returns how
  /// many.
  int64_t copy(const nlohmann::json& piece, const parallel::Cut& cut, Range elements, const Tensor& out);
  const SafetensorsFile::Entry& entry_of(const nlohmann::json& piece);
  /// Throws unless the file holds as many elements as the index says; returns their number.
  int64_t check_size(const nlohmann::json& piece);
  /// Throws unless files hold enough for a weight of this shape, before memory for it is asked for.
  void check_held(const std::string& name, const std::vector<nlohmann::json>& pieces,
                  const std::vector<int64_t>& shape);
  void check_filled(const std::string& name, int64_t filled, int64_t wanted) const;
  const SafetensorsFile& open(const std::string& file);
};

}  // namespace seqvit::train
