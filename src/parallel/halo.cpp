#include "parallel/halo.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

namespace seqvit::parallel {
namespace {

constexpr const char* kPurpose = "halo";

/// What backward needs again.
struct Where : torch::CustomClassHolder {
  Where(const Halo& h, bool g) : halo(h), gathers(g) {}
  const Halo& halo;
  bool gathers;
};

}  // namespace

/// Either direction; the other is its backward.
struct HaloFunction : torch::autograd::Function<HaloFunction> {
  static Tensor run(const Halo& halo, const Tensor& x, bool gathers) {
    return gathers ? halo.start(x).wait() : halo.sum_at_home(x);
  }
  static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& x,
                        const c10::intrusive_ptr<Where>& where) {
    ctx->saved_data["where"] = c10::IValue::make_capsule(where);
    return run(where->halo, x, where->gathers);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const auto where = c10::static_intrusive_pointer_cast<Where>(ctx->saved_data["where"].toCapsule());
    return {run(where->halo, grads[0], !where->gathers), Tensor()};
  }
};

Halo::Halo(comm::Comm& comm, grid::Neighbourhood near, at::Device device)
    : comm_(comm), near_(std::move(near)) {
  for (const grid::Neighbourhood::Peer& peer : near_.peers()) {
    gives_.push_back(at::tensor(peer.gives, at::kLong).to(device));
  }
}

Tensor Halo::Coming::wait() {
  std::vector<Tensor> all{like_};
  for (size_t i = 0; i < parts_.size(); ++i)
    all.push_back(parts_[i].wait().view({like_.size(0), units_[i], like_.size(2)}));
  parts_.clear();
  return all.size() == 2 ? all[1] : at::cat(all, 1);
}

Halo::Coming Halo::start(const Tensor& x_BUF) const {
  Coming coming;
  coming.like_ = x_BUF.detach().narrow(1, 0, 0);
  const int64_t row = x_BUF.size(0) * x_BUF.size(2);
  // Pairs of ranks in the same order everywhere, so that those that wait for one another in turn do not do so
  // in a circle.
  for (size_t i = 0; i < gives_.size(); ++i) {
    const grid::Neighbourhood::Peer& peer = near_.peers()[i];
    const auto rank = static_cast<int>(peer.rank);
    const Tensor message = x_BUF.detach().index_select(1, gives_[i]).view({-1});
    coming.parts_.push_back(comm_.send_recv(message, rank, rank, row * peer.takes, kPurpose));
    coming.units_.push_back(peer.takes);
  }
  return coming;
}

/// In the order of ranks, so the same bits every time.
Tensor Halo::sum_at_home(const Tensor& of_halo_BHF) const {
  const int64_t batch = of_halo_BHF.size(0), width = of_halo_BHF.size(2);
  std::vector<comm::Pending> coming;
  int64_t first = 0;
  for (const grid::Neighbourhood::Peer& peer : near_.peers()) {
    const Tensor message = of_halo_BHF.narrow(1, first, peer.takes).contiguous().view({-1});
    const auto rank = static_cast<int>(peer.rank);
    coming.push_back(comm_.send_recv(message, rank, rank, batch * std::ssize(peer.gives) * width, kPurpose));
    first += peer.takes;
  }
  Tensor sum = at::zeros({batch, near_.size(), width}, of_halo_BHF.options());
  for (size_t i = 0; i < coming.size(); ++i)
    sum.index_add_(1, gives_[i], coming[i].wait().view({batch, -1, width}));
  return sum;
}

Tensor Halo::gather(const Tensor& x_BUF) const {
  if (gives_.empty()) return x_BUF.narrow(1, 0, 0);
  return HaloFunction::apply(x_BUF, c10::make_intrusive<Where>(*this, true));
}

Tensor Halo::give_back(const Tensor& of_halo_BHF) const {
  if (gives_.empty())
    return at::zeros({of_halo_BHF.size(0), near_.size(), of_halo_BHF.size(2)}, of_halo_BHF.options());
  return HaloFunction::apply(of_halo_BHF, c10::make_intrusive<Where>(*this, false));
}

}  // namespace seqvit::parallel
