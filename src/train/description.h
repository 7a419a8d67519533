/// What the weights of a model do not say of it: which fields it is for, and the patches they are cut into.
///
/// A run's manifest holds it, an exported file repeats it; with it weights can be resampled and be read by
/// other programs.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "grid/partition.h"
#include "train/experiment.h"

namespace seqvit::train {

struct ModelDescription {
  int64_t rows = 0, columns = 0;                  ///< of the grid
  std::array<double, 2> latitude{}, longitude{};  ///< of the first and the last row or column
  bool periodic = false;                          ///< the columns go round the globe
  int64_t patch_size = 1;
  int64_t num_heads = 1;
  int64_t noise_dim = 0;                              ///< numbers of noise that blocks take
  int64_t rotary_waves = 0;                           ///< highest wavenumber of rotary positions; 0: none
  std::vector<std::string> inputs;                    ///< variables, those before ("air -6h"), static fields
  std::vector<int64_t> groups;                        ///< of the inputs, see ModelShape
  std::vector<std::string> targets;                   ///< variables that are predicted
  std::vector<std::string> forcings, diagnostics;     ///< see data::Role; the others are state
  std::map<std::string, Bounds> bounds;               ///< of targets, in their units
  std::string tokens, positions, predict, lead_time;  ///< as in the configuration
  std::string network = "vit";                        ///< as in the configuration
  std::vector<std::string> leads;                     ///< lead times it knows, lead_time first
  bool embed_overlap = false,
       head_overlap = false;   ///< patches read and write half a patch of those around them
  std::string local = "none";  ///< what blocks begin with, as in the configuration

  grid::TokenGrid grid() const { return {rows, columns, patch_size}; }
};

ModelDescription describe(const Experiment& experiment);

/// {"grid": [rows, columns], "latitude": [first, last], "longitude", "periodic", "patch_size", "num_heads",
/// "rotary_waves", "inputs", "groups", "targets", "tokens", "positions", "predict", "lead_time", "leads",
/// "embed_overlap", "head_overlap", "local", "forcings", "diagnostics", "bounds": {name: [low or null, high
/// or null]}}; without "leads" there is one, without the last three nothing reads its neighbours.
nlohmann::json to_json(const ModelDescription& model);
/// Throws Error(checkpoint); `where` stands in the message.
ModelDescription description_from_json(const nlohmann::json& json, const std::string& where);

}  // namespace seqvit::train
