/// Every layout of a model on a machine: which fit, how fast they are, and why the others do not.
///
/// When to use it: `seqvit plan`. Layouts are pp x dp x sp x tp over all ranks and over a half, a quarter,
/// ... of them (a small model may be as fast on fewer), times sequence strategy, ZeRO stage, recomputation,
/// micro-batches and interleaving. Whether one is allowed is asked of the program's own validation, so that
/// what is listed starts. Cost: some microseconds for each of up to some hundred thousand.
///
/// Of the settings that share a mesh (pp, dp, sp, tp, strategy) the fastest that fits is kept: those of equal
/// time differ in memory only, and the least of it wins.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "plan/machine.h"
#include "plan/memory.h"
#include "plan/reasons.h"
#include "plan/time.h"

namespace seqvit::plan {

struct Layout {
  ParallelConfig parallel;
  Recompute recompute = Recompute::none;
  int64_t micro_batches = 1;
  MemoryPrediction memory;  ///< of the rank that needs most
  TimePrediction time;      ///< of the rank that takes longest

  int64_t ranks() const { return parallel.ranks(); }
  /// "--parallel.sp=4 ...": what brings a configuration to this layout.
  std::string settings() const;
};

struct LayoutPlan {
  std::vector<Layout> layouts;  ///< fastest first, one a mesh
  /// Why others do not run, most frequent first. Of those that lack memory only the ones that are faster than
  /// what their mesh has been found to have room for.
  std::vector<Rejected> rejected;
  int64_t considered = 0;
};

/// `config` gives model and training; what it says of `parallel` and of recomputation is replaced, the device
/// stays. Attention uses memory as `attention` says.
LayoutPlan plan_layouts(const model::ModelShape& shape, const Config& config, const Machine& machine,
                        int64_t ranks, AttentionMemory attention);

/// Of the layout that `config` itself names: the rank that needs most.
MemoryPrediction predict_most_memory(const model::ModelShape& shape, const Config& config,
                                     AttentionMemory attention);

/// One rank of it.
Layout predict_rank(const RankPart& rank, const model::ModelShape& shape, const Config& config,
                    const Machine& machine, AttentionMemory attention);

}  // namespace seqvit::plan
