#include "parallel/strategy.h"

#include <numeric>

#include "parallel/lss.h"
#include "parallel/ring.h"
#include "parallel/ulysses.h"

namespace seqvit {
namespace {

/// Ulysses inside groups of neighbouring ranks, a ring across the groups.
std::unique_ptr<SequenceParallel> make_hybrid(Mesh& mesh, int group, const Counts& token_counts) {
  const SequenceSplit& split = mesh.split_sequence(group);
  Counts of_my_group, of_groups;
  for (auto first = token_counts.begin(); first != token_counts.end(); first += group) {
    of_groups.push_back(std::accumulate(first, first + group, int64_t{0}));
  }
  const auto mine = token_counts.begin() + static_cast<int64_t>(split.ring->rank()) * group;
  of_my_group.assign(mine, mine + group);
  return make_ulysses(*split.ulysses, of_my_group, make_ring(*split.ring, of_groups));
}

}  // namespace

std::unique_ptr<SequenceParallel> make_strategy(const ParallelConfig& config, Mesh& mesh,
                                                const Counts& token_counts) {
  Comm& sp = mesh.sp();
  if (sp.size() == 1) return make_local_attention();
  switch (config.sequence) {
    case Sequence::ulysses:
      return make_ulysses(sp, token_counts, make_local_attention());
    case Sequence::lss:
      return make_lss(sp, token_counts);
    case Sequence::lss_kv:
      return make_lss_kv(sp, token_counts);
    case Sequence::ring:
      return make_ring(sp, token_counts);
    case Sequence::hybrid:
      return make_hybrid(mesh, static_cast<int>(config.ulysses), token_counts);
  }
  return nullptr;
}

}  // namespace seqvit
