/// What can be scored or written to a file: anything that advances fields by one lead time.
///
/// The same evaluation runs on one rank and on many, each of which holds a slab of grid rows: ranks meet only
/// in `sum_over_ranks`. Every rank makes the same calls in the same order. B batch, V variables of the data
/// set, Y X rows and columns of this rank's slab.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/partition.h"
#include "data/calendar.h"

namespace seqvit::evaluate {

class Forecaster {
 public:
  virtual ~Forecaster() = default;

  /// Advances one state for each of `times`, at which it is valid, by `stride` lead times at once. `states`
  /// is [B, H, V, Y, X], the state and those one, two, ... lead times before it, the result [B, V, Y, X], in
  /// physical units of Dataset::variables() on `rows()`, NaN where missing. `noise`: for each state the key
  /// of what a forecaster of ensembles draws in this step. Collective.
  virtual std::vector<float> step(std::span<const float> states, std::span<const data::TimeStamp> times,
                                  int64_t stride, std::span<const uint64_t> noise) = 0;
  /// The strides that step() takes, from the shortest, 1.
  virtual std::vector<int64_t> strides() const { return {1}; }

  /// H: how many states it is given.
  virtual int64_t history() const { return 1; }

  /// Columns that are made together, counted from the first of the grid: where a seam between them may show.
  /// 0: none.
  virtual int64_t patch_columns() const { return 0; }

  /// My slab of grid rows. Slabs of different ranks may overlap in a row that is cut between them; see
  /// `owned`.
  virtual Range rows() const = 0;

  /// [V, Y, X]: 1 for a point of my slab that this rank answers for, 0 for one that another rank does. Over
  /// all ranks each point is owned once. Empty: this rank owns its whole slab.
  virtual std::span<const float> owned() const { return {}; }

  /// Replaces `values` by their sum over the ranks that hold the slabs of the grid, the same bits on all of
  /// them; a slab that is held by several ranks counts once. Nothing to do on one rank. Collective.
  virtual void sum_over_ranks(std::span<double> values) = 0;

  /// True on the one rank that writes files.
  virtual bool writes() const = 0;
};

}  // namespace seqvit::evaluate
