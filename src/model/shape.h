/// What the model's parts agree on: sizes, tokenisation, and which tokens this rank holds.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/model_config.h"
#include "grid/partition.h"

namespace seqvit::model {

/// What happens to fields from one step of a forecast fed back to the next, by numbers of inputs. The network
/// itself does not know it: an input that it must not see is all zero.
struct Feedback {
  std::vector<int64_t> forcings;  ///< come from outside at each step
  /// Stand for what is only put out: predicted as it is, not as a change, and zero as an input.
  std::vector<int64_t> diagnostics;
  /// {a, b}: a is at the next step what b is now (the state before).
  std::vector<std::pair<int64_t, int64_t>> shifts;
  /// Of targets, low and high of the normalised field; empty: none.
  std::vector<std::array<double, 2>> bounds;
};

struct ModelShape {
  int64_t rows = 0, columns = 0;  ///< of the grid
  /// Degrees north of each row and east of each column, which rotary positions are functions of. Empty: rows
  /// and columns as even as on a globe of that many.
  std::vector<double> latitude, longitude;
  /// Of each input (variables, then static fields) its group, numbered from 0: a token, before aggregation,
  /// holds the inputs of one group. Levels of a variable go together (`model.patch_levels`), any other input
  /// is alone. A joint token holds all groups.
  std::vector<int64_t> groups;
  std::vector<int64_t> targets;  ///< inputs that are predicted, in the order they come out
  Feedback feedback;
  std::vector<double> target_weights;  ///< of their squared errors in the loss; empty: all 1
  int64_t conditions = 0;              ///< numbers a sample beside its fields, noise not among them
  ModelConfig config;
  uint64_t seed = 0;
  bool periodic = false;  ///< columns go round the globe: what neighbours are

  int64_t inputs() const { return static_cast<int64_t>(groups.size()); }
  int64_t group_count() const;
  int64_t tokens_per_patch() const;
  grid::TokenGrid token_grid() const;
  /// Whether tokens or patches read or write those around them.
  bool reads_neighbours() const {
    return config.local != Local::none || config.embed_overlap || config.head_overlap;
  }
  /// Points of an input that a token is made of, and of a target that it writes: those of its patch, or of
  /// the window around it.
  int64_t read_points() const { return points(config.embed_overlap); }
  int64_t written_points() const { return points(config.head_overlap); }
  int64_t patch_points() const { return points(false); }
  /// Operations of one training step and sample: 3 x forward of the blocks (or convolutions), recomputation
  /// not counted.
  double training_operations() const;
  int64_t hidden_dim() const {
    return static_cast<int64_t>(config.mlp_ratio * static_cast<double>(config.embed_dim));
  }

 private:
  int64_t points(bool overlap) const {
    const int64_t side = config.patch_size + (overlap ? 2 * (config.patch_size / 2) : 0);
    return side * side;
  }
};

/// Groups of `count` inputs that are each alone.
std::vector<int64_t> single_inputs(int64_t count);

}  // namespace seqvit::model
