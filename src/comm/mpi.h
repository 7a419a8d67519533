/// Messages between MPI processes, and the collectives under way that are made of them. mpi.cpp is the only
/// user of <mpi.h>.
///
/// When to use it: by `mpi_comm` and `launch` only.
/// Everything is built from non-blocking point-to-point messages, one to and one from each peer, as Open
/// MPI's own non-blocking collectives (libnbc) do. That way a time-out knows exactly which ranks have not
/// come, and messages may exceed the 2^31 bytes of an MPI count: they go in pieces. Cost: a waiting rank
/// yields its core, then sleeps up to 0.2 ms at a time, so that more ranks than cores still run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "comm/call.h"
#include "comm/comm.h"

namespace seqvit::comm {

class Channel;  ///< an MPI communicator

/// Initialises MPI; the channel of all processes, `rank` and `size` of this one in it. Error(communication)
/// if MPI cannot.
std::shared_ptr<Channel> join_mpi(int& rank, int& size);
/// Ranks of equal `group` form a channel, in the order of `rank`; a negative group is left out and gets null.
/// Collective and without a time-out, so synchronise first.
std::shared_ptr<Channel> split_channel(Channel& channel, int group, int rank);
/// Finalises MPI, which all ranks must do; every channel must be gone by then.
void leave_mpi();
/// Ranks on this machine, this one among them.
int mpi_ranks_here();

/// Ends all processes of the job with this exit code.
[[noreturn]] void abort_mpi(int code);
/// Longest single MPI message (default 2^30 bytes, the same on all ranks); tests make it small.
void set_mpi_message_limit(int64_t bytes);

using Bytes = std::span<char>;
using Blocks = std::vector<Bytes>;  ///< one a rank

/// A collective under way: messages, and what to do when they have arrived.
class Operation {
 public:
  /// Ranks of `members` in the whole job are those that errors name; `tag` is this collective's own.
  Operation(Call call, std::shared_ptr<Channel> channel, std::vector<int> members, int rank, int tag);
  ~Operation();

  /// Starts messages to and from one peer; an empty block is no message.
  void send(int peer, Bytes block);
  void receive(int peer, Bytes block);
  /// Starts one message to and one from every rank.
  void exchange(const Blocks& outgoing, const Blocks& incoming);

  /// Moves on as far as possible without waiting; true when complete.
  bool advance();
  /// Waits until complete, and meanwhile moves all other operations too. Throws Error(communication) when
  /// peers are lost or do not come in time; memory that MPI may still write is then kept for good.
  static void await(const std::shared_ptr<Operation>& operation);

  std::vector<Tensor> in_use;            ///< memory that the messages read and write
  std::function<void(Operation&)> next;  ///< called when the messages have arrived; may start more
  Tensor result;

 private:
  struct Messages;

  void check_arrived(int code) const;
  void check_peers(double waited_seconds, double limit_seconds) const;
  std::vector<int> missing() const;
  void give_up();

  Call call_;
  std::shared_ptr<Channel> channel_;
  std::vector<int> members_;
  int rank_, tag_;
  std::unique_ptr<Messages> messages_;
  bool done_ = false;
};

/// Lets `await` of any operation move this one too; the Pending gives its result.
Pending start(std::shared_ptr<Operation> operation);

}  // namespace seqvit::comm
