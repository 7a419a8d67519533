/// What the model's parts agree on: sizes, tokenisation, and which tokens this rank holds.
#pragma once

#include <cstdint>
#include <vector>

#include "core/config.h"
#include "grid/partition.h"

namespace seqvit::model {

struct ModelShape {
  int64_t rows = 0, columns = 0;  ///< of the grid
  /// Of each input (variables, then static fields) its group, numbered from 0: a token, before aggregation,
  /// holds the inputs of one group. Levels of a variable go together (`model.patch_levels`), any other input
  /// is alone. A joint token holds all groups.
  std::vector<int64_t> groups;
  std::vector<int64_t> targets;        ///< inputs that are predicted, in the order they come out
  std::vector<double> target_weights;  ///< of their squared errors in the loss; empty: all 1
  int64_t conditions = 0;              ///< numbers a sample beside its fields
  ModelConfig config;
  uint64_t seed = 0;

  int64_t inputs() const { return static_cast<int64_t>(groups.size()); }
  int64_t group_count() const;
  int64_t tokens_per_patch() const;
  grid::TokenGrid token_grid() const;
  int64_t patch_points() const { return config.patch_size * config.patch_size; }
  /// Operations of one training step and sample: 3 x forward of the blocks, recomputation not counted.
  double training_operations() const;
  int64_t hidden_dim() const {
    return static_cast<int64_t>(config.mlp_ratio * static_cast<double>(config.embed_dim));
  }
};

/// Groups of `count` inputs that are each alone.
std::vector<int64_t> single_inputs(int64_t count);

}  // namespace seqvit::model
