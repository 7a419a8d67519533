/// One collective as people see it: what it is called, at which step, and how its failures are worded.
///
/// When to use it: inside implementations of Comm, so that threads, MPI and others fail with the same words.
/// Ranks in messages are ranks of the whole job, since that is what logs and schedulers number.
#pragma once

#include <string>
#include <vector>

namespace seqvit::comm {

enum class Kind { all_gather, reduce_scatter, all_reduce, all_to_all, send_recv, broadcast, barrier, split };

struct Call {
  Kind kind;
  std::string purpose;
  int size;  ///< ranks of the communicator
};

/// "all_gather 'zero' at step 12 over 4 ranks".
std::string describe(const Call& call);

/// "rank 3" or "ranks 1, 2 and 5"; a long list is cut short.
std::string list_ranks(const std::vector<int>& ranks);

/// Each throws Error(communication) with one line.
[[noreturn]] void fail_timeout(const Call& call, double seconds, const std::vector<int>& missing);
[[noreturn]] void fail_lost(const Call& call, const std::vector<int>& lost);
[[noreturn]] void fail_mismatch(const Call& mine, int other_rank, const std::string& other);

/// Seconds that a collective waits for its peers: what set_comm_timeout was given.
double comm_timeout();

}  // namespace seqvit::comm
