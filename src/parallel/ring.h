/// Ring attention (Liu et al., arXiv 2310.01889): queries stay, blocks of keys and values go round.
///
/// While a rank attends to one block the next is on its way. Partial results are merged by their log-sum-exp
/// in fp32, so the error does not grow with the number of ranks. In backward the gradients of a block's keys
/// and values travel with it, one hop behind, and reach home after P - 1 hops; a rank's own block comes last,
/// so that the first hop hides behind nothing but the last one does. Any number of ranks and heads; keys and
/// values take two blocks.
///
/// Elements sent by a rank a layer, even shares: 2 N h (P-1)/P forward, 4 N h (P-1)/P backward (keys and
/// values again, and their gradients in fp32); recomputation of all repeats the forward part, keep_attention
/// does not.
#pragma once

#include <memory>

#include "comm/comm.h"
#include "parallel/sequence_parallel.h"

namespace seqvit::parallel {

std::unique_ptr<SequenceParallel> make_ring(comm::Comm& comm, comm::Counts token_counts);

}  // namespace seqvit::parallel
