/// The one behind NCCL's functions of the test devices: every rank of a communicator, thread or process,
/// tells it of each call and gives it the data; it sees who calls what, moves and sums.
///
/// Why one: it knows of every rank what it has called, so a collective whose ranks differ in kind, count,
/// type or root is named with both sides, and one that does not come together with the ranks that did not
/// come. Sums are made in the order of ranks. It runs on a thread of rank 0's process; ranks talk to it over
/// sockets of the machine.
#pragma once

#include <cstdint>
#include <string>

namespace seqvit::test_device {

enum class CallKind : int32_t { hello, broadcast, reduce, all_reduce, send, receive };

/// What a rank tells; `bytes` of data follow.
struct Request {
  CallKind kind;
  int32_t type;   ///< ncclDataType_t
  int32_t peer;   ///< root, receiver or sender; of hello the rank itself
  int32_t group;  ///< messages: how many groups with messages between the two this rank has begun
  int64_t count;
  int64_t bytes;
  int64_t ticket;  ///< comes back with the answer: messages of a group arrive in any order
};

enum class Outcome : int32_t {
  done,
  mismatch,  ///< ranks differ
  lost,      ///< a rank is gone
  late       ///< a rank does not come
};
/// What it answers: data and then text, which says what is wrong, also of what is done.
struct Reply {
  Outcome outcome;
  int32_t text;
  int64_t bytes;
  int64_t ticket;
};

/// "ncclAllReduce of 5 float32".
std::string describe(const Request& request);
int64_t size_of(int32_t type);

/// Sends or receives all of it; false where the other end is gone.
bool send_all(int socket, const void* data, size_t bytes);
bool receive_all(int socket, void* data, size_t bytes);

/// Serves `ranks` that connect to this listening socket, which it then owns, until the last has gone. A rank
/// counts as late after `patience` seconds.
void start_referee(int listening, int ranks, double patience);

}  // namespace seqvit::test_device
