/// Settings of section `model`.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>

namespace seqvit {

enum class Tokens { joint, variable, aggregated };
enum class Positions { learned, fixed };
enum class Local { none, depthwise };
enum class Predict { tendency, state };
enum class Network { vit, unet };

/// What values a variable can have, in its units.
struct Bounds {
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};

struct ModelConfig {
  Network network =
      Network::vit;        ///< unet: a plain convolutional network of as many weights, to compare with
  int64_t patch_size = 4;  ///< grid points along each side of a patch
  Tokens tokens = Tokens::joint;
  int64_t patch_levels = 1;       ///< neighbouring levels of a variable in one token; `joint` has all anyway
  int64_t aggregated_tokens = 1;  ///< tokens a patch that `aggregated` makes of its variables
  Positions positions =
      Positions::learned;     ///< of patches; fixed: sines and cosines, without memory for long sequences
  bool rotary = false;        ///< positions also turn queries and keys, see model/rotary.h
  int64_t rotary_waves = 32;  ///< the highest wavenumber of those
  bool qk_norm = false;       ///< root-mean-square norm of queries and keys, by head
  int64_t embed_dim = 128, depth = 4, num_heads = 4;
  double mlp_ratio = 4.0;
  bool embed_overlap = false,
       head_overlap = false;  ///< patches read and write half a patch of their neighbours too
  Local local = Local::none;  ///< what a block begins with beside attention: tokens read those around them
  int64_t head_layers = 0;    ///< linear + GELU layers of the width before the map to points
  double drop_path = 0.0;     ///< rate of the last block; earlier ones scale linearly from 0
  Predict predict = Predict::tendency;
  std::map<std::string, Bounds> bounds;  ///< by variable: no forecast leaves them
  int64_t noise_dim = 0;  ///< numbers of noise that turn a forecast into a member of an ensemble; 0: none
  bool time_embedding = true;  ///< the model is told time of day and time of year
};

const char* to_string(Tokens);

}  // namespace seqvit
