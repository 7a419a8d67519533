#include "comm/device_comm.h"

#include <chrono>
#include <thread>
#include <utility>

#include <ATen/ops/empty.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "comm/call.h"
#include "comm/gpu.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/watch.h"

namespace seqvit::comm {
namespace {

constexpr int64_t kYields = 2000;  ///< polls before the host sleeps between two: some 0.2 ms

class DeviceComm final : public Comm {
 public:
  DeviceComm(std::unique_ptr<Comm> owned, Comm& host, MakeDirect make_direct)
      : owned_(std::move(owned)),
        host_(host),
        make_direct_(std::move(make_direct)),
        direct_(make_direct_ && host.size() > 1 ? make_direct_(host) : nullptr) {}

  int rank() const override { return host_.rank(); }
  int size() const override { return host_.size(); }
  bool is_phantom() const override { return host_.is_phantom(); }
  Pending all_gather(const Tensor& mine, const Counts& counts, const char* purpose) override {
    return send(mine, purpose,
                [&](Comm& comm, const Tensor& x) { return comm.all_gather(x, counts, purpose); });
  }
  Pending reduce_scatter(const Tensor& parts, const Counts& counts, const char* purpose) override {
    return send(parts, purpose,
                [&](Comm& comm, const Tensor& x) { return comm.reduce_scatter(x, counts, purpose); });
  }
  Pending all_reduce(const Tensor& x, const char* purpose) override {
    return send(x, purpose, [&](Comm& comm, const Tensor& y) { return comm.all_reduce(y, purpose); });
  }
  Pending all_to_all(const Tensor& x, const Counts& sent, const Counts& received,
                     const char* purpose) override {
    return send(x, purpose,
                [&](Comm& comm, const Tensor& y) { return comm.all_to_all(y, sent, received, purpose); });
  }
  Pending send_recv(const Tensor& x, int to, int from, int64_t count, const char* purpose) override {
    return send(x, purpose,
                [&](Comm& comm, const Tensor& y) { return comm.send_recv(y, to, from, count, purpose); });
  }
  Pending broadcast(const Tensor& x, int root, const char* purpose) override {
    return send(x, purpose, [&](Comm& comm, const Tensor& y) { return comm.broadcast(y, root, purpose); });
  }
  void barrier(const char* purpose) override {
    count(purpose, 0);
    host_.barrier(purpose);
  }
  Tensor to_host(const Tensor& x) override {
    if (x.is_cpu()) return x;
    const TimedPart time("waiting for the device");
    const Tensor copy = at::empty(x.sizes(), x.options().device(c10::kCPU).pinned_memory(true));
    copy.copy_(x, /*non_blocking=*/true);
    c10::Event done(x.device().type());
    done.record(c10::impl::VirtualGuardImpl(x.device().type()).getStream(x.device()));
    await(done, x.device());
    return copy;
  }
  std::unique_ptr<Comm> split(const Coloring& color_of) override {
    auto host = host_.split(color_of);
    Comm& reference = *host;
    return std::make_unique<DeviceComm>(std::move(host), reference, make_direct_);
  }

 private:
  std::unique_ptr<Comm> owned_;  // host_, of one that was split off
  Comm& host_;
  MakeDirect make_direct_;
  std::unique_ptr<Comm> direct_;

  template <typename Collective>
  Pending send(const Tensor& x, const char* purpose, const Collective& collective) {
    if (size() == 1) return collective(host_, x);
    Comm& comm = x.is_cpu() || !direct_ ? host_ : *direct_;
    const int64_t before = sent_so_far(comm, purpose);
    Pending pending = collective(comm, &comm == &host_ ? x.cpu() : x);
    count(purpose, sent_so_far(comm, purpose) - before);
    if (x.is_cpu() || direct_) return pending;
    return Pending([p = std::make_shared<Pending>(std::move(pending)), device = x.device()] {
      return p->wait().to(device);
    });
  }

  /// The driver would wait for ever for a kernel of NCCL's that waits for a lost peer.
  void await(const c10::Event& done, c10::Device device) {
    const double start = seconds_now(), limit = comm_timeout();
    for (int64_t polls = 0; !done.query(); ++polls) {
      if (polls < kYields) {
        std::this_thread::yield();
        continue;
      }
      std::this_thread::sleep_for(std::chrono::microseconds(50));
      if (!direct_) continue;
      const std::string failure = gpu_comm_failure(device);
      if (!failure.empty() || seconds_now() - start > limit) fail_device(device, failure);
    }
    sign_of_life();
  }

  /// Whoever is still there comes to this barrier, so that it names those who do not.
  [[noreturn]] void fail_device(c10::Device device, const std::string& failure) {
    abort_gpu_comms(device);
    host_.barrier("after the GPU");
    fail(Exit::communication, "{}: all ranks are there; NCCL: {}",
         describe({Kind::barrier, "after the GPU", size()}),
         failure.empty() ? "no answer within parallel.timeout_seconds" : failure);
  }

  static int64_t sent_so_far(const Comm& comm, const char* purpose) {
    const auto found = comm.traffic().find(purpose);
    return found == comm.traffic().end() ? 0 : found->second.bytes;
  }
};

}  // namespace

std::unique_ptr<Comm> make_device_comm(Comm& host, MakeDirect make_direct) {
  return std::make_unique<DeviceComm>(nullptr, host, std::move(make_direct));
}

}  // namespace seqvit::comm
