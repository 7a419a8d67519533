#include "comm/device_comm.h"

#include <utility>

namespace seqvit::comm {
namespace {

class DeviceComm final : public Comm {
 public:
  DeviceComm(std::unique_ptr<Comm> owned, Comm& host, MakeDirect make_direct)
      : owned_(std::move(owned)),
        host_(host),
        make_direct_(std::move(make_direct)),
        direct_(make_direct_ && host.size() > 1 ? make_direct_(host) : nullptr) {}

  int rank() const override { return host_.rank(); }
  int size() const override { return host_.size(); }
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
