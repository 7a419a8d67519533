#include "comm/nccl_comm.h"

#include <cstring>
#include <numeric>

#include <ATen/ops/zeros.h>

#include "comm/checked.h"
#include "comm/elements.h"
#include "comm/gpu_runtime.h"
#include "core/error.h"

namespace seqvit::comm {
namespace {

void check_nccl(const Call& call, ncclResult_t result) {
  if (result != ncclSuccess)
    fail(Exit::communication, "{}: NCCL: {}", describe(call), ncclGetErrorString(result));
}
void check_cuda(const Call& call, cudaError_t result) {
  if (result != cudaSuccess)
    fail(Exit::communication, "{}: CUDA: {}", describe(call), cudaGetErrorString(result));
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

/// NCCL's communicator with the stream that it works on.
struct Channel {
  Channel(ncclComm_t c, c10::Device d)
      : comm(c), device(d), stream(c10::cuda::getStreamFromPool(true, d.index())) {}
  ~Channel() { ncclCommDestroy(comm); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  ncclComm_t comm;
  c10::Device device;
  c10::cuda::CUDAStream stream;
};

/// A point in a stream. One that could not be made fails when it is recorded.
class Event {
 public:
  Event() { static_cast<void>(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming)); }
  ~Event() { static_cast<void>(cudaEventDestroy(event_)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

class NcclComm final : public CheckedComm {
 public:
  NcclComm(std::shared_ptr<Channel> channel, int rank, std::vector<int> members)
      : CheckedComm(rank, std::move(members)), channel_(std::move(channel)) {}

 private:
  /// Queues `work(stream)`, which reads x and writes `result`, behind what the current stream does now.
  template <typename Work>
  Pending queue(const Call& call, const Tensor& x, Tensor result, const Work& work) {
    const auto current = c10::cuda::getCurrentCUDAStream(channel_->device.index());
    const Event before;
    check_cuda(call, cudaEventRecord(before.get(), current));
    check_cuda(call, cudaStreamWaitEvent(channel_->stream, before.get(), 0));
    work(static_cast<cudaStream_t>(channel_->stream));
    auto after = std::make_shared<Event>();
    check_cuda(call, cudaEventRecord(after->get(), channel_->stream));
    // x and result are kept until the current stream has been told to wait: nothing reuses their memory
    // earlier.
    return Pending([call, after, x, result, device = channel_->device] {
      check_cuda(call, cudaStreamWaitEvent(c10::cuda::getCurrentCUDAStream(device.index()), after->get(), 0));
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
                                  channel_->comm, stream));
      if (receive[r] > 0)
        check_nccl(call, ncclRecv(at_element(to, offset(receive, r)), receive[r], type_of(to), r,
                                  channel_->comm, stream));
    }
    check_nccl(call, ncclGroupEnd());
  }

  Pending start_all_gather(const Call& call, const Tensor& mine, const Counts& counts) override {
    const Tensor all = flat_empty(mine, total(counts));
    return queue(call, mine, all, [&](cudaStream_t stream) {
      // Parts may differ in size: a broadcast of each, as one group.
      check_nccl(call, ncclGroupStart());
      for (int r = 0; r < size(); ++r) {
        if (counts[r] == 0) continue;
        check_nccl(call, ncclBroadcast(mine.data_ptr(), at_element(all, offset(counts, r)), counts[r],
                                       type_of(mine), r, channel_->comm, stream));
      }
      check_nccl(call, ncclGroupEnd());
    });
  }
  Pending start_reduce_scatter(const Call& call, const Tensor& parts, const Counts& counts) override {
    const Tensor sum = flat_empty(parts, counts[rank()]);
    return queue(call, parts, sum, [&](cudaStream_t stream) {
      check_nccl(call, ncclGroupStart());
      for (int r = 0; r < size(); ++r) {
        if (counts[r] == 0) continue;
        check_nccl(call, ncclReduce(at_element(parts, offset(counts, r)), sum.data_ptr(), counts[r],
                                    type_of(parts), ncclSum, r, channel_->comm, stream));
      }
      check_nccl(call, ncclGroupEnd());
    });
  }
  Pending start_all_reduce(const Call& call, const Tensor& x) override {
    const Tensor sum = flat_empty(x, x.numel());
    return queue(call, x, sum, [&](cudaStream_t stream) {
      check_nccl(call, ncclAllReduce(x.data_ptr(), sum.data_ptr(), x.numel(), type_of(x), ncclSum,
                                     channel_->comm, stream));
    });
  }
  Pending start_all_to_all(const Call& call, const Tensor& x, const Counts& send,
                           const Counts& receive) override {
    const Tensor received = flat_empty(x, total(receive));
    return queue(call, x, received,
                 [&](cudaStream_t stream) { exchange(call, x, send, received, receive, stream); });
  }
  Pending start_send_recv(const Call& call, const Tensor& x, int to, int from, int64_t count) override {
    const Tensor received = flat_empty(x, count);
    Counts send(size(), 0), receive(size(), 0);
    send[to] = x.numel(), receive[from] = count;
    return queue(call, x, received,
                 [&](cudaStream_t stream) { exchange(call, x, send, received, receive, stream); });
  }
  Pending start_broadcast(const Call& call, const Tensor& x, int root) override {
    const Tensor received = flat_empty(x, x.numel());
    return queue(call, x, received, [&](cudaStream_t stream) {
      check_nccl(call, ncclBroadcast(x.data_ptr(), received.data_ptr(), x.numel(), type_of(x), root,
                                     channel_->comm, stream));
    });
  }
  std::unique_ptr<Comm> make_group(int, int, std::vector<int>) override {
    fail(Exit::bug, "NCCL's communicators are made over those of the host");
  }
  void check_device(const Tensor& x) const override { check(x.is_cuda(), "NCCL moves tensors of GPUs"); }

  std::shared_ptr<Channel> channel_;
};

}  // namespace

std::unique_ptr<Comm> make_nccl_comm(Comm& host, c10::Device device) {
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
  return std::make_unique<NcclComm>(std::make_shared<Channel>(comm, device), host.rank(), std::move(members));
}

}  // namespace seqvit::comm
