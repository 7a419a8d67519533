// gpu.h's communicator: ranks with a GPU each, talking through NCCL (or, with the same calls, RCCL).
//
// Every collective is queued on a stream of the communicator behind the work that makes its input; `wait`
// makes the current stream wait, not the host, so exchanges overlap with computation. Sums are NCCL's: equal
// on all ranks, but not to the last bit those of the CPU's communicators. A rank that dies is noticed where
// the host waits for the device (Comm::to_host), and by the host's communicator, which every step uses too.
#include <cstring>
#include <exception>
#include <mutex>
#include <numeric>
#include <set>

#include <ATen/ops/zeros.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "comm/checked.h"
#include "comm/elements.h"
#include "comm/gpu.h"
#include "comm/nccl_runtime.h"
#include "core/error.h"

namespace seqvit::comm {
namespace {

void check_nccl(const Call& call, ncclResult_t result) {
  if (result != ncclSuccess)
    fail(Exit::communication, "{}: NCCL: {}", describe(call), ncclGetErrorString(result));
}

ncclDataType_t type_of(const Tensor& x) {
  switch (x.scalar_type()) {
    case at::kFloat:
      return ncclFloat32;
    case at::kDouble:
      return ncclFloat64;
    case at::kBFloat16:
      return ncclBfloat16;
    case at::kLong:
      return ncclInt64;
    default:
      check(x.element_size() == 1, "a type that NCCL moves");
      return ncclUint8;
  }
}

c10::Stream current_stream(c10::Device device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device);
}

class Channel;

/// All channels that live, of all ranks that are threads of this process.
struct Channels {
  std::mutex mutex;
  std::set<Channel*> all;
};
Channels& channels() {
  static auto* channels = new Channels;  // outlives every communicator
  return *channels;
}

/// NCCL's communicator with the stream that it works on.
class Channel {
 public:
  Channel(ncclComm_t c, c10::Device d)
      : comm_(c),
        device_(d),
        stream_(c10::impl::VirtualGuardImpl(d.type()).getStreamFromGlobalPool(d, /*isHighPriority=*/true)) {
    const std::lock_guard lock(channels().mutex);
    channels().all.insert(this);
  }
  ~Channel() {
    {
      const std::lock_guard lock(channels().mutex);
      channels().all.erase(this);
    }
    // Not under the lock, which peers that are threads take before they finish what this waits for.
    // Destroying waits for what is under way, which after a failure, here or elsewhere, may never end.
    const bool failed = failed_ || std::uncaught_exceptions() > 0;
    if (comm_ != nullptr) static_cast<void>(failed ? ncclCommAbort(comm_) : ncclCommDestroy(comm_));
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// Throws Error(communication) where it was aborted.
  ncclComm_t comm(const Call& call) const {
    if (comm_ == nullptr) fail(Exit::communication, "{}: NCCL: ended by this rank before", describe(call));
    return comm_;
  }
  c10::Device device() const { return device_; }
  const c10::Stream& stream() const { return stream_; }

  /// With `channels` locked: what NCCL says has gone wrong, or nothing.
  std::string failure() {
    ncclResult_t result = ncclSuccess;
    if (comm_ == nullptr || ncclCommGetAsyncError(comm_, &result) != ncclSuccess) return {};
    if (result == ncclSuccess || result == ncclInProgress) return {};
    failed_ = true;
    return ncclGetErrorString(result);
  }
  void abort() {
    if (comm_ != nullptr) static_cast<void>(ncclCommAbort(comm_));
    comm_ = nullptr;
  }

 private:
  ncclComm_t comm_;
  c10::Device device_;
  c10::Stream stream_;
  bool failed_ = false;
};

class NcclComm final : public CheckedComm {
 public:
  NcclComm(std::shared_ptr<Channel> channel, int rank, std::vector<int> members)
      : CheckedComm(rank, std::move(members)), channel_(std::move(channel)) {}

 private:
  /// Queues `work(stream)`, which reads x and writes `result`, behind what the current stream does now.
  template <typename Work>
  Pending queue(const Tensor& x, Tensor result, const Work& work) {
    const auto type = channel_->device().type();
    c10::Event before(type);
    before.record(current_stream(channel_->device()));
    before.block(channel_->stream());
    work(nccl_stream(channel_->stream()));
    auto after = std::make_shared<c10::Event>(type);
    after->record(channel_->stream());
    // x and result are kept until the current stream has been told to wait: nothing reuses their memory
    // earlier.
    return Pending([after, x, result, device = channel_->device()] {
      after->block(current_stream(device));
      return result;
    });
  }

  static char* at_element(const Tensor& x, int64_t element) {
    return static_cast<char*>(x.data_ptr()) + element * static_cast<int64_t>(x.element_size());
  }
  /// Messages of a group: to and from each rank, `counts` elements one after another.
  void exchange(const Call& call, const Tensor& from, const Counts& send, const Tensor& to,
                const Counts& receive, cudaStream_t stream) const {
    check_nccl(call, ncclGroupStart());
    for (int r = 0; r < size(); ++r) {
      if (send[r] > 0)
        check_nccl(call, ncclSend(at_element(from, offset(send, r)), send[r], type_of(from), r,
                                  channel_->comm(call), stream));
      if (receive[r] > 0)
        check_nccl(call, ncclRecv(at_element(to, offset(receive, r)), receive[r], type_of(to), r,
                                  channel_->comm(call), stream));
    }
    check_nccl(call, ncclGroupEnd());
  }

  Pending start_all_gather(const Call& call, const Tensor& mine, const Counts& counts) override {
    const Tensor all = flat_empty(mine, total(counts));
    return queue(mine, all, [&](cudaStream_t stream) {
      // Parts may differ in size: a broadcast of each, as one group.
      check_nccl(call, ncclGroupStart());
      for (int r = 0; r < size(); ++r) {
        if (counts[r] == 0) continue;
        check_nccl(call, ncclBroadcast(mine.data_ptr(), at_element(all, offset(counts, r)), counts[r],
                                       type_of(mine), r, channel_->comm(call), stream));
      }
      check_nccl(call, ncclGroupEnd());
    });
  }
  Pending start_reduce_scatter(const Call& call, const Tensor& parts, const Counts& counts) override {
    const Tensor sum = flat_empty(parts, counts[rank()]);
    return queue(parts, sum, [&](cudaStream_t stream) {
      check_nccl(call, ncclGroupStart());
      for (int r = 0; r < size(); ++r) {
        if (counts[r] == 0) continue;
        check_nccl(call, ncclReduce(at_element(parts, offset(counts, r)), sum.data_ptr(), counts[r],
                                    type_of(parts), ncclSum, r, channel_->comm(call), stream));
      }
      check_nccl(call, ncclGroupEnd());
    });
  }
  Pending start_all_reduce(const Call& call, const Tensor& x) override {
    const Tensor sum = flat_empty(x, x.numel());
    return queue(x, sum, [&](cudaStream_t stream) {
      check_nccl(call, ncclAllReduce(x.data_ptr(), sum.data_ptr(), x.numel(), type_of(x), ncclSum,
                                     channel_->comm(call), stream));
    });
  }
  Pending start_all_to_all(const Call& call, const Tensor& x, const Counts& send,
                           const Counts& receive) override {
    const Tensor received = flat_empty(x, total(receive));
    return queue(x, received,
                 [&](cudaStream_t stream) { exchange(call, x, send, received, receive, stream); });
  }
  Pending start_send_recv(const Call& call, const Tensor& x, int to, int from, int64_t count) override {
    const Tensor received = flat_empty(x, count);
    Counts send(size(), 0), receive(size(), 0);
    send[to] = x.numel(), receive[from] = count;
    return queue(x, received,
                 [&](cudaStream_t stream) { exchange(call, x, send, received, receive, stream); });
  }
  Pending start_broadcast(const Call& call, const Tensor& x, int root) override {
    const Tensor received = flat_empty(x, x.numel());
    return queue(x, received, [&](cudaStream_t stream) {
      check_nccl(call, ncclBroadcast(x.data_ptr(), received.data_ptr(), x.numel(), type_of(x), root,
                                     channel_->comm(call), stream));
    });
  }
  std::unique_ptr<Comm> make_group(int, int, std::vector<int>) override {
    fail(Exit::bug, "NCCL's communicators are made over those of the host");
  }
  void check_device(const Tensor& x) const override {
    check(x.device() == channel_->device(), "NCCL moves tensors of this rank's GPU");
  }

  std::shared_ptr<Channel> channel_;
};

}  // namespace

std::unique_ptr<Comm> make_gpu_comm(Comm& host, c10::Device gpu) {
  const Call call{Kind::split, "nccl", host.size()};
  ncclUniqueId id{};
  if (host.rank() == 0) check_nccl(call, ncclGetUniqueId(&id));
  const Tensor bytes = at::zeros({static_cast<int64_t>(sizeof id)}, at::kByte);
  std::memcpy(bytes.data_ptr(), &id, sizeof id);
  const Tensor shared = host.broadcast(bytes, 0, "nccl").wait();
  std::memcpy(&id, shared.const_data_ptr(), sizeof id);
  ncclComm_t comm = nullptr;
  check_nccl(call, ncclCommInitRank(&comm, host.size(), id, host.rank()));
  std::vector<int> members(host.size());
  std::iota(members.begin(), members.end(), 0);
  return std::make_unique<NcclComm>(std::make_shared<Channel>(comm, gpu), host.rank(), std::move(members));
}

std::string gpu_comm_failure(c10::Device gpu) {
  const std::lock_guard lock(channels().mutex);
  for (Channel* channel : channels().all) {
    if (channel->device() != gpu) continue;
    if (std::string failure = channel->failure(); !failure.empty()) return failure;
  }
  return {};
}

void abort_gpu_comms(c10::Device gpu) {
  const std::lock_guard lock(channels().mutex);
  for (Channel* channel : channels().all) {
    if (channel->device() == gpu) channel->abort();
  }
}

}  // namespace seqvit::comm
