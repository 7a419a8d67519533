#include "comm/mpi.h"

#define OMPI_SKIP_MPICXX 1   // Open MPI's and
#define MPICH_SKIP_MPICXX 1  // MPICH's C++ bindings left the standard long ago
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mpi.h>
#include <sched.h>
#include <thread>
#include <utility>

#include "comm/processes.h"
#include "core/error.h"
#include "core/watch.h"

namespace seqvit::comm {

class Channel {
 public:
  explicit Channel(MPI_Comm made) : comm(made) { MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN); }
  ~Channel() {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (!finalized) MPI_Comm_free(&comm);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  MPI_Comm comm;
};

struct Operation::Messages {
  struct Message {
    int peer;
    int bytes;
    bool incoming;
  };
  std::vector<MPI_Request> requests;
  std::vector<MPI_Status> statuses;
  std::vector<Message> messages;

  MPI_Request& add(int peer, int bytes, bool incoming) {
    messages.push_back({peer, bytes, incoming});
    return requests.emplace_back(MPI_REQUEST_NULL);
  }
};

namespace {

using Clock = std::chrono::steady_clock;

constexpr int yields = 200;  // polls before a waiting rank sleeps: about 0.1 ms
constexpr auto longest_sleep = std::chrono::microseconds(200);
constexpr auto between_looks = std::chrono::milliseconds(20);

int64_t message_limit = int64_t{1} << 30;
std::vector<ProcessId> processes;  // of all ranks

// All that this process has under way, on any communicator: whoever waits moves everything, or else ranks
// that wait for two all_reduces in different order would each hold back the second half of the other's.
std::vector<std::shared_ptr<Operation>> active;
// Operations that failed; MPI may still touch their memory.
std::vector<std::shared_ptr<Operation>> abandoned;

int first_piece(Bytes block) {
  return static_cast<int>(std::min<int64_t>(message_limit, block.size()));
}

void pause(int polls) {
  if (polls < yields) {
    ::sched_yield();
  } else {
    std::this_thread::sleep_for(std::min(std::chrono::microseconds(polls - yields), longest_sleep));
  }
}

}  // namespace

Operation::Operation(Call call, std::shared_ptr<Channel> channel, std::vector<int> members, int rank, int tag)
    : call_(std::move(call)),
      channel_(std::move(channel)),
      members_(std::move(members)),
      rank_(rank),
      tag_(tag),
      messages_(std::make_unique<Messages>()) {}

Operation::~Operation() = default;

void Operation::send(int peer, Bytes block) {
  for (; !block.empty(); block = block.subspan(first_piece(block))) {
    const int bytes = first_piece(block);
    MPI_Request& request = messages_->add(peer, bytes, false);
    if (MPI_Isend(block.data(), bytes, MPI_BYTE, peer, tag_, channel_->comm, &request) != MPI_SUCCESS)
      fail_lost(call_, {members_[peer]});
  }
}

void Operation::receive(int peer, Bytes block) {
  for (; !block.empty(); block = block.subspan(first_piece(block))) {
    const int bytes = first_piece(block);
    MPI_Request& request = messages_->add(peer, bytes, true);
    if (MPI_Irecv(block.data(), bytes, MPI_BYTE, peer, tag_, channel_->comm, &request) != MPI_SUCCESS)
      fail_lost(call_, {members_[peer]});
  }
}

void Operation::exchange(const Blocks& outgoing, const Blocks& incoming) {
  const int size = call_.size;
  // Peers in rotated order, so that not everyone sends to rank 0 first.
  for (int i = 1; i < size; ++i) {
    const int peer = (rank_ + size - i) % size;
    receive(peer, incoming[peer]);
  }
  for (int i = 1; i < size; ++i) {
    const int peer = (rank_ + i) % size;
    send(peer, outgoing[peer]);
  }
  const Bytes mine = outgoing[rank_], kept = incoming[rank_];
  if (!kept.empty() && kept.data() != mine.data()) std::memcpy(kept.data(), mine.data(), kept.size());
}

bool Operation::advance() {
  while (!done_) {
    auto& [requests, statuses, messages] = *messages_;
    statuses.resize(requests.size());
    int arrived = 0;
    const int code =
        MPI_Testall(static_cast<int>(requests.size()), requests.data(), &arrived, statuses.data());
    if (code == MPI_SUCCESS && !arrived) return false;
    check_arrived(code);
    requests.clear();
    messages.clear();
    if (next) {
      std::exchange(next, nullptr)(*this);
    } else {
      done_ = true;
      in_use.clear();
    }
  }
  return true;
}

/// Fails unless every message has come, as long as expected.
void Operation::check_arrived(int code) const {
  const auto& [requests, statuses, messages] = *messages_;
  for (size_t i = 0; i < messages.size(); ++i) {
    const int peer = members_[messages[i].peer];
    const int error = code == MPI_ERR_IN_STATUS ? statuses[i].MPI_ERROR : code;
    int error_class = MPI_SUCCESS, bytes = messages[i].bytes;
    MPI_Error_class(error, &error_class);
    if (error_class == MPI_ERR_PENDING) continue;
    if (error_class == MPI_ERR_TRUNCATE) fail_mismatch(call_, peer, "a longer message");
    if (error_class != MPI_SUCCESS) fail_lost(call_, {peer});
    if (messages[i].incoming && code == MPI_SUCCESS) MPI_Get_count(&statuses[i], MPI_BYTE, &bytes);
    if (bytes != messages[i].bytes) fail_mismatch(call_, peer, "a shorter message");
  }
}

std::vector<int> Operation::missing() const {
  std::vector<int> ranks;
  for (size_t i = 0; i < messages_->requests.size(); ++i) {
    int arrived = 0;
    MPI_Request_get_status(messages_->requests[i], &arrived, MPI_STATUS_IGNORE);
    if (!arrived) ranks.push_back(members_[messages_->messages[i].peer]);
  }
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  return ranks;
}

void Operation::check_peers(double waited_seconds, double limit_seconds) const {
  if (const std::vector<int> ended = ended_processes(processes); !ended.empty()) fail_lost(call_, ended);
  if (waited_seconds > limit_seconds) fail_timeout(call_, limit_seconds, missing());
}

void Operation::give_up() {
  for (size_t i = 0; i < messages_->requests.size(); ++i) {
    MPI_Request& request = messages_->requests[i];
    if (request == MPI_REQUEST_NULL) continue;
    if (messages_->messages[i].incoming) MPI_Cancel(&request);
    MPI_Request_free(&request);
  }
}

void Operation::await(const std::shared_ptr<Operation>& operation) {
  const Clock::time_point begin = Clock::now();
  Clock::time_point looked = begin;
  const double limit_seconds = comm_timeout();
  try {
    for (int polls = 0;; ++polls) {
      sign_of_life();  // this wait has a limit of its own, and names the ranks
      std::erase_if(active, [](const auto& other) { return other->advance(); });
      if (operation->done_) return;
      const Clock::time_point now = Clock::now();
      if (now - looked > between_looks) {
        operation->check_peers(std::chrono::duration<double>(now - begin).count(), limit_seconds);
        looked = now;
      }
      pause(polls);
    }
  } catch (...) {
    operation->give_up();
    abandoned.push_back(operation);
    std::erase(active, operation);
    throw;
  }
}

Pending start(std::shared_ptr<Operation> operation) {
  active.push_back(operation);
  return Pending([operation = std::move(operation)] {
    Operation::await(operation);
    return std::move(operation->result);
  });
}

std::shared_ptr<Channel> join_mpi(int& rank, int& size) {
  int provided = 0;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided) != MPI_SUCCESS ||
      provided < MPI_THREAD_SERIALIZED)
    fail(Exit::communication, "communication: MPI could not be initialised with MPI_THREAD_SERIALIZED");
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  processes.resize(size);
  const ProcessId mine = this_process();
  MPI_Allgather(&mine, sizeof mine, MPI_BYTE, processes.data(), sizeof mine, MPI_BYTE, MPI_COMM_WORLD);
  MPI_Comm own = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &own);
  return std::make_shared<Channel>(own);
}

std::shared_ptr<Channel> split_channel(Channel& channel, int group, int rank) {
  MPI_Comm made = MPI_COMM_NULL;
  MPI_Comm_split(channel.comm, group < 0 ? MPI_UNDEFINED : group, rank, &made);
  return made == MPI_COMM_NULL ? nullptr : std::make_shared<Channel>(made);
}

int mpi_ranks_here() {
  const int64_t here = this_process().machine;
  return static_cast<int>(std::ranges::count(processes, here, &ProcessId::machine));
}

void leave_mpi() {
  active.clear();
  MPI_Finalize();
}

void abort_mpi(int code) {
  MPI_Abort(MPI_COMM_WORLD, code);
  std::_Exit(code);
}

void set_mpi_message_limit(int64_t bytes) {
  message_limit = bytes;
}

}  // namespace seqvit::comm
