/// Which part of a model a rank has: its tokens, its blocks, and how everything is shared.
#pragma once

#include <vector>

#include "grid/partition.h"
#include "parallel/param.h"
#include "parallel/peers.h"

namespace seqvit::model {

struct ModelLayout {
  grid::Slab slab;                         ///< my tokens, of those that sp and tp share out
  const parallel::Peers* peers = nullptr;  ///< outlives the model
  parallel::Sharding whole, cut;           ///< of weights that every rank of a stage uses, and that tp cuts
  std::vector<Range> chunks;               ///< my blocks: one range a chunk of my pipeline stage
};

}  // namespace seqvit::model
