// NCCL's functions on the test devices. The calls of a group are made when it ends: accesses are recorded on
// their streams, the data go to the referee and come back before the call returns, since the kernels behind
// it run at once. What fails does so as on a GPU: the call succeeds, and its stream does not end.
#include "nccl.h"

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "device/memory.h"
#include "device/nccl_faults.h"
#include "device/referee.h"
#include "device/reports.h"

using seqvit::test_device::CallKind;
using seqvit::test_device::NcclFault;
using seqvit::test_device::Outcome;
using seqvit::test_device::Reply;
using seqvit::test_device::Request;
using seqvit::test_device::StreamOf;

struct ncclComm {
  int socket = -1, rank = 0, size = 0;
  ncclResult_t error = ncclSuccess;
  std::map<int, int> groups;  // with messages, by peer
  std::vector<StreamOf> stuck;

  ~ncclComm() {
    if (socket >= 0) ::close(socket);
  }
};

namespace {

namespace td = seqvit::test_device;

/// A call in a group.
struct Queued {
  ncclComm* comm;
  CallKind kind;
  const void* from;  ///< null where this rank gives nothing
  void* to;          ///< null where it gets nothing
  int64_t count;
  ncclDataType_t type;
  int peer;
  StreamOf stream;

  size_t bytes() const { return static_cast<size_t>(count * td::size_of(type)); }
};

struct State {
  std::mutex mutex;
  std::map<std::string, int> listening;  // sockets whose referee is not there yet
  int names = 0;
  double patience = 60.0;
  std::array<std::pair<NcclFault, int>, td::kDevices> faults{};  // and groups until then
};
State& state() {
  static auto* state = new State;
  return *state;
}

thread_local int depth = 0;
thread_local std::vector<Queued> queue;

/// A name that needs no file.
std::pair<sockaddr_un, socklen_t> address_of(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  return {address, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())};
}

StreamOf stream_of(cudaStream_t stream) {
  const auto number = reinterpret_cast<intptr_t>(stream) - 1;
  return {static_cast<int>(number / td::kStreams), static_cast<int>(number % td::kStreams)};
}

NcclFault fault_of(int device) {
  const std::lock_guard lock(state().mutex);
  auto& [fault, groups] = state().faults[device];
  return fault != NcclFault::none && --groups <= 0 ? fault : NcclFault::none;
}

const char* name_of(CallKind kind) {
  switch (kind) {
    case CallKind::broadcast:
      return "ncclBroadcast";
    case CallKind::reduce:
      return "ncclReduce";
    case CallKind::all_reduce:
      return "ncclAllReduce";
    case CallKind::send:
      return "ncclSend";
    default:
      return "ncclRecv";
  }
}

void stick(const Queued& q, ncclResult_t error) {
  q.comm->error = error;
  q.comm->stuck.push_back(q.stream);
  td::stick(q.stream);
}

void record(const Queued& q) {
  td::launch(q.stream, name_of(q.kind));
  td::count_kernel(q.stream.device, name_of(q.kind));
  if (q.from != nullptr) td::access(q.stream, q.from, q.bytes(), false);
  if (q.to != nullptr) td::access(q.stream, q.to, q.bytes(), true);
}

bool tell(const Queued& q, size_t ticket) {
  const bool message = q.kind == CallKind::send || q.kind == CallKind::receive;
  const Request request{q.kind,
                        q.type,
                        q.peer,
                        message ? q.comm->groups[q.peer] : 0,
                        q.count,
                        q.from != nullptr ? static_cast<int64_t>(q.bytes()) : 0,
                        static_cast<int64_t>(ticket)};
  return td::send_all(q.comm->socket, &request, sizeof request) &&
         (q.from == nullptr || td::send_all(q.comm->socket, td::on_host(q.from), q.bytes()));
}

/// The next answer to one of these calls.
void hear(const std::vector<Queued>& calls) {
  ncclComm* comm = calls.front().comm;
  Reply reply{};
  if (!td::receive_all(comm->socket, &reply, sizeof reply)) return stick(calls.front(), ncclRemoteError);
  const Queued& q = calls[static_cast<size_t>(reply.ticket)];
  std::vector<char> data(static_cast<size_t>(reply.bytes));
  std::string text(static_cast<size_t>(reply.text), '\0');
  if (!td::receive_all(comm->socket, data.data(), data.size()) ||
      !td::receive_all(comm->socket, text.data(), text.size()))
    return stick(q, ncclRemoteError);
  if (!text.empty() && reply.outcome != Outcome::lost) td::report("NCCL: " + text);
  if (reply.outcome != Outcome::done)
    return stick(q, reply.outcome == Outcome::lost ? ncclRemoteError : ncclSuccess);
  if (q.to != nullptr) std::memcpy(td::on_host(q.to), data.data(), data.size());
}

/// Those of one communicator.
void run(std::vector<Queued>& calls, NcclFault fault) {
  ncclComm* comm = calls.front().comm;
  if (fault == NcclFault::lose_rank) {
    ::close(std::exchange(comm->socket, -1));
    throw td::RankLost("this rank was lost");
  }
  std::map<int, bool> met;
  for (const Queued& q : calls) {
    const bool message = q.kind == CallKind::send || q.kind == CallKind::receive;
    if (message && !std::exchange(met[q.peer], true)) ++comm->groups[q.peer];
  }
  size_t answers = 0;
  bool reached = true;
  for (size_t i = 0; i < calls.size(); ++i) {
    const Queued& q = calls[i];
    record(q);
    if (fault != NcclFault::none || !comm->stuck.empty()) {
      stick(q, fault == NcclFault::async_error ? ncclRemoteError : comm->error);
      reached = false;
    } else if (reached && !tell(q, i)) {
      stick(q, ncclRemoteError);
      reached = false;
    } else if (reached && q.kind != CallKind::send) {
      ++answers;
    }
  }
  for (; reached && answers > 0; --answers)
    hear(calls);
}

ncclResult_t end_group() {
  std::map<ncclComm*, std::vector<Queued>> by_comm;
  for (Queued& q : queue)
    by_comm[q.comm].push_back(q);
  queue.clear();
  for (auto& [comm, calls] : by_comm)
    run(calls, fault_of(calls.front().stream.device));
  return ncclSuccess;
}

ncclResult_t call(Queued q) {
  if (q.peer < 0 || q.peer >= q.comm->size) return ncclInvalidArgument;
  queue.push_back(q);
  return depth > 0 ? ncclSuccess : end_group();
}

}  // namespace

namespace seqvit::test_device {

void inject(NcclFault fault, int device, int group) {
  const std::lock_guard lock(state().mutex);
  state().faults.at(device) = {fault, group};
}
void set_nccl_patience(double seconds) {
  state().patience = seconds;
}

}  // namespace seqvit::test_device

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclRemoteError:
      return "remote process exited or there was a network error";
    case ncclInvalidArgument:
      return "invalid argument";
    default:
      return "internal error";
  }
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  const std::lock_guard lock(state().mutex);
  const std::string name = fmt::format("seqvit-test-nccl-{}-{}", ::getpid(), state().names++);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const auto [address, length] = address_of(name);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), length) != 0 || ::listen(socket, 64) != 0)
    return ncclSystemError;
  state().listening[name] = socket;
  std::memset(id, 0, sizeof *id);
  std::memcpy(id->internal, name.data(), name.size());
  return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t* out, int ranks, ncclUniqueId id, int rank) {
  auto comm = std::make_unique<ncclComm>();
  comm->rank = rank, comm->size = ranks;
  const std::string name = id.internal;
  if (rank == 0) {
    const std::lock_guard lock(state().mutex);
    td::start_referee(state().listening.extract(name).mapped(), ranks, state().patience);
  }
  comm->socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const auto [address, length] = address_of(name);
  const Request hello{CallKind::hello, ncclUint8, rank, 0, 0, 0, 0};
  Reply welcome{};
  if (::connect(comm->socket, reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
      !td::send_all(comm->socket, &hello, sizeof hello) ||
      !td::receive_all(comm->socket, &welcome, sizeof welcome))
    return ncclRemoteError;
  *out = comm.release();
  return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  return ncclCommAbort(comm);
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  for (const StreamOf& stream : comm->stuck)
    td::unstick(stream);
  delete comm;
  return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* result) {
  *result = comm->error;
  return ncclSuccess;
}

ncclResult_t ncclGroupStart() {
  ++depth;
  return ncclSuccess;
}
ncclResult_t ncclGroupEnd() {
  return --depth > 0 ? ncclSuccess : end_group();
}

ncclResult_t ncclSend(const void* from, size_t count, ncclDataType_t type, int to, ncclComm_t comm,
                      cudaStream_t stream) {
  return call(
      {comm, CallKind::send, from, nullptr, static_cast<int64_t>(count), type, to, stream_of(stream)});
}
ncclResult_t ncclRecv(void* to, size_t count, ncclDataType_t type, int from, ncclComm_t comm,
                      cudaStream_t stream) {
  return call(
      {comm, CallKind::receive, nullptr, to, static_cast<int64_t>(count), type, from, stream_of(stream)});
}
ncclResult_t ncclBroadcast(const void* from, void* to, size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
  return call({comm, CallKind::broadcast, comm->rank == root ? from : nullptr, to,
               static_cast<int64_t>(count), type, root, stream_of(stream)});
}
ncclResult_t ncclReduce(const void* from, void* to, size_t count, ncclDataType_t type, ncclRedOp_t, int root,
                        ncclComm_t comm, cudaStream_t stream) {
  return call({comm, CallKind::reduce, from, comm->rank == root ? to : nullptr, static_cast<int64_t>(count),
               type, root, stream_of(stream)});
}
ncclResult_t ncclAllReduce(const void* from, void* to, size_t count, ncclDataType_t type, ncclRedOp_t,
                           ncclComm_t comm, cudaStream_t stream) {
  return call(
      {comm, CallKind::all_reduce, from, to, static_cast<int64_t>(count), type, 0, stream_of(stream)});
}
