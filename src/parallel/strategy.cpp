#include "parallel/strategy.h"

#include <numeric>

#include "parallel/lss.h"
#include "parallel/ring.h"
#include "parallel/ulysses.h"

namespace seqvit::parallel {
namespace {

/// Sums of `group` neighbours.
comm::Counts sums(const comm::Counts& counts, int group) {
  comm::Counts result;
  for (auto first = counts.begin(); first != counts.end(); first += group)
    result.push_back(std::accumulate(first, first + group, int64_t{0}));
  return result;
}

/// Ulysses inside groups of neighbouring ranks, a ring across the groups.
std::unique_ptr<SequenceParallel> make_hybrid(comm::Mesh& mesh, int group, const comm::Counts& token_counts) {
  const comm::SequenceSplit& split = mesh.split_sequence(group);
  comm::Counts of_my_group;
  const auto mine = token_counts.begin() + static_cast<int64_t>(split.ring->rank()) * group;
  of_my_group.assign(mine, mine + group);
  return make_ulysses(*split.ulysses, of_my_group, make_ring(*split.ring, sums(token_counts, group)));
}

}  // namespace

std::unique_ptr<SequenceParallel> make_strategy(const ParallelConfig& config, comm::Mesh& mesh,
                                                const comm::Counts& token_counts) {
  comm::Comm& sp = mesh.sp();
  if (sp.size() == 1) return make_local_attention();
  // The ranks of a tensor-parallel group bring their tokens together before attention, each for its heads.
  const comm::Counts of_groups = sums(token_counts, mesh.tp().size());
  switch (config.sequence) {
    case Sequence::ulysses:
      return make_ulysses(sp, of_groups, make_local_attention());
    case Sequence::lss:
      return make_lss(mesh.tokens(), token_counts);
    case Sequence::lss_kv:
      return make_lss_kv(sp, of_groups);
    case Sequence::ring:
      return make_ring(sp, of_groups);
    case Sequence::hybrid:
      return make_hybrid(mesh, static_cast<int>(config.ulysses), of_groups);
  }
  return nullptr;
}

}  // namespace seqvit::parallel
