/// What one rank of a layout holds: tokens, samples, heads, blocks and weights, without a communicator or a
/// tensor.
///
/// When to use it: as the one description that the models of memory, traffic and time are written on. It is
/// derived by the rules that build the model (make_slab, share, blocks_of_stage), so that it is exact where
/// shares are uneven; `tests/plan` compares it with the model built. Cost: O(ranks that share a sample), and
/// of a halo O(its units).
#pragma once

#include <vector>

#include "core/config.h"
#include "grid/partition.h"
#include "model/shape.h"

namespace seqvit::plan {

/// Elements of a flat vector of weights, and how ranks share it.
struct SharedVector {
  int64_t elements = 0;
  bool matrix = false;            ///< used in the compute type; else in the master type
  int64_t sharers = 1, rank = 0;  ///< ranks that share it, and mine among them

  /// Elements that I update.
  int64_t mine() const { return share(elements, rank, sharers).size(); }
};

/// What is gathered together: the embedding, a block or the head, as `parallel/param.h` groups them.
struct WeightGroup {
  enum class Part { embed, block, head };
  Part part = Part::block;
  int64_t count = 1;                  ///< groups that are like this one: of the blocks here
  std::vector<SharedVector> vectors;  ///< of one, without empty ones

  int64_t elements() const;  ///< of one
};

/// The part of a sequence that a rank holds.
struct TokenPart {
  /// Of place `sp` of the sequence axis, `tp` of its tensor-parallel group. Throws Error(usage) where the
  /// sequence has fewer parts than ranks.
  TokenPart(const model::ModelShape& shape, const ParallelConfig& config, int64_t sp, int64_t tp);

  grid::Slab slab;     ///< of its tokens
  int64_t tokens = 0;  ///< of the slab
  /// Tokens of each rank of the sequence axis, a tensor-parallel group together; mine among them is
  /// group_tokens[sp].
  std::vector<int64_t> group_tokens;
  int64_t all_tokens = 0;  ///< of the sequence
  int64_t units = 0;       ///< parts of the sequence that are mine (grid/partition.h)
  /// Units that others need of mine, each time that one does; 0 where the model reads no neighbours.
  int64_t halo_gives = 0;
  int64_t halo_takes = 0;  ///< units that I need of others
};

struct RankPart : TokenPart {
  /// `rank` of the pp x dp x sp x tp ranks of `config.parallel`, whose ZeRO stage may change afterwards, as
  /// recomputation may. Throws as TokenPart does.
  RankPart(const model::ModelShape& shape, const Config& config, int64_t rank);
  /// The same where its tokens are known.
  RankPart(const model::ModelShape& shape, const Config& config, int64_t rank, TokenPart tokens);

  int64_t pp = 0, dp = 0, sp = 0, tp = 0;  ///< where it stands on the mesh
  int64_t loaded_samples = 0;              ///< of a step, each once
  int64_t samples = 0;        ///< the same with their members (train.members): what goes through the model
  int64_t micro_samples = 0;  ///< of its largest micro-batch
  int64_t heads = 0;          ///< mine under tensor parallelism
  int64_t hidden = 0;         ///< channels of the MLP that are mine under tensor parallelism
  std::vector<Range> chunks;  ///< blocks, a range for each chunk of the stage
  /// Of the embedding, of one block for all, of the head, as far as they are here.
  std::vector<WeightGroup> groups;
  bool begins_model = false, ends_model = false;

  int64_t blocks() const;
  /// Groups of weights, each of those that are alike.
  int64_t group_count() const;
  /// Micro-batches of each chunk that are kept, at most, when `chunk` begins a backward.
  const std::vector<int64_t>& in_flight(int64_t chunk) const { return in_flight_[chunk]; }
  /// Ranks of the Ulysses group that I am in (1: none) and of the ring across such groups (1: none).
  int64_t ulysses = 1, ring = 1;
  /// Tokens of everyone in my Ulysses group.
  int64_t ulysses_tokens() const;
  /// Heads that are mine in my Ulysses group.
  int64_t ulysses_heads() const { return share(heads, sp % ulysses, ulysses).size(); }

 private:
  std::vector<std::vector<int64_t>> in_flight_;
};

/// Steps of a forecast fed back that run a second time in backward, whole (memory.recompute_rollout).
int64_t steps_run_again(const Config& config);

}  // namespace seqvit::plan
