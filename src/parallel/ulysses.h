/// DeepSpeed-Ulysses (Jacobs et al., arXiv 2309.14509): attention over whole sequences of some heads.
///
/// Each rank swaps its tokens of all heads for all tokens of its heads, attends, and swaps back. Ranks need
/// at most as many as there are heads; heads may divide unevenly. With an inner strategy that spreads the
/// sequence over another group it is the hybrid of USP (Fang & Zhao, arXiv 2405.07719).
///
/// Elements sent by a rank a layer, L tokens here, h = H E: 3 L h (P-1)/P for packed q, k, v and L h (P-1)/P
/// for the result, the same again backward: 8 N h (P-1)/P^2 for even shares. Recomputation repeats the
/// forward part. Keys and values take N h / P.
#pragma once

#include <memory>

#include "comm/comm.h"
#include "parallel/sequence_parallel.h"

namespace seqvit::parallel {

/// `token_counts`: tokens of each rank of `comm`. `inner` attends to the tokens of the whole group.
std::unique_ptr<SequenceParallel> make_ulysses(comm::Comm& comm, comm::Counts token_counts,
                                               std::unique_ptr<SequenceParallel> inner);

}  // namespace seqvit::parallel
