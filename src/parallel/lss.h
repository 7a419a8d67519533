/// Long-Sequence-Segmentation (Wang et al., arXiv 2311.02382): only queries are spread, keys and values are
/// everywhere.
///
/// `lss` gathers the normalised tokens and every rank projects all keys and values itself; `lss_kv` gathers
/// projected keys and values instead. Any number of ranks and heads; keys and values take N h on every rank.
///
/// Elements sent by a rank a layer, even shares: lss N h (P-1)/P forward and as much backward (reduce-scatter
/// of the tokens' gradient), once more forward under recomputation; lss_kv twice each.
#pragma once

#include <memory>

#include "comm/comm.h"
#include "parallel/sequence_parallel.h"

namespace seqvit::parallel {

std::unique_ptr<SequenceParallel> make_lss(comm::Comm& comm, comm::Counts token_counts);
std::unique_ptr<SequenceParallel> make_lss_kv(comm::Comm& comm, comm::Counts token_counts);

}  // namespace seqvit::parallel
