#include "parallel/param.h"

#include <algorithm>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"
#include "core/random.h"
#include "core/watch.h"
#include "ops/recompute.h"

namespace seqvit::parallel {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Init init_zero() {
  return init_constant(0.0F);
}

Init init_constant(float value) {
  return [value](std::span<float> out, int64_t) { std::fill(out.begin(), out.end(), value); };
}

Init init_truncated_normal(double std, uint64_t seed, const std::string& name) {
  const uint64_t key = random_key(seed, name);
  return [std, key](std::span<float> out, int64_t first) {
    fill_truncated_normal(out, std, key, static_cast<uint64_t>(first));
  };
}

const Tensor& Param::operator*() const {
  check(full_.defined(), "weight read outside ParamGroup::gather()");
  return full_;
}

/// Where a vector's gradient goes.
struct Home : torch::CustomClassHolder {
  Home(const ParamGroup& g, Section& s) : group(g), section(s) {}
  const ParamGroup& group;
  Section& section;
};

/// My share -> the whole vector in the type it is used in; backward adds to the group's gradient. The
/// gradient does not go through autograd's leaves: it is summed in the master type, and over ranks where the
/// stage says so.
struct GatherFunction : torch::autograd::Function<GatherFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& /*weight: makes the result differentiable*/,
                        const Tensor& full, const c10::intrusive_ptr<Home>& home) {
    ctx->saved_data["home"] = c10::IValue::make_capsule(home);
    return full.view_as(full);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto home = c10::static_intrusive_pointer_cast<Home>(ctx->saved_data["home"].toCapsule());
    if (grads[0].defined()) home->group.accumulate(home->section, grads[0]);
    return {Tensor(), Tensor(), Tensor()};
  }
};

ParamGroup::ParamGroup(std::string name, const Sharding& sharding)
    : name_(std::move(name)), sharding_(sharding) {
  sections_[0].kind = ParamKind::matrix;
  sections_[1].kind = ParamKind::vector;
}

const Param* ParamGroup::add(const std::string& name, std::vector<int64_t> shape, ParamKind kind, Init init,
                             const Slice& slice) {
  auto param = std::make_unique<Param>();
  param->name_ = name_.empty() ? name : name_ + "." + name;
  param->whole_shape_ = param->shape_ = std::move(shape);
  param->cut_ = Cut::none(param->size());
  if (slice.dim >= 0) {
    const auto dim = static_cast<size_t>(slice.dim);
    param->cut_ = Cut::along(param->whole_shape_, dim, slice.blocks, slice.part);
    param->shape_[dim] = slice.blocks * slice.part.size();
  }
  param->init_ = std::move(init);
  Section& section = sections_[kind == ParamKind::matrix ? 0 : 1];
  section.size += param->size();
  section.params.push_back(std::move(param));
  return section.params.back().get();
}

void ParamGroup::seal() {
  const int ranks = sharding_.data->size(), rank = sharding_.data->rank();
  for (Section& section : sections_) {
    section.counts = share_sizes(section.size, ranks);
    section.mine = sharding_.stage == 0 ? Range{0, section.size} : share(section.size, rank, ranks);
    section.weight =
        at::empty({section.mine.size()}, at::TensorOptions(sharding_.master).device(sharding_.device));
  }
  load([](const Param& param, Range elements, Tensor out) {
    std::vector<float> values(elements.size());
    param.cut().for_each_run(elements, {0, elements_of(param.whole_shape())}, [&](Range run, int64_t first) {
      param.init_(std::span(values).subspan(run.begin - elements.begin, run.size()), first);
    });
    out.copy_(at::from_blob(values.data(), {elements.size()}, at::kFloat));
  });
}

void ParamGroup::load(const std::function<void(const Param&, Range, Tensor)>& read) {
  const at::NoGradGuard no_grad;
  for (Section& section : sections_) {
    section.weight.requires_grad_(false);
    for_each_slice(section, section.mine, [&](const Param& param, Range elements, int64_t offset) {
      read(param, elements, section.weight.narrow(0, offset, elements.size()));
      sign_of_life();
    });
    section.weight.requires_grad_(true);
  }
  publish_weights();
}

comm::Pending ParamGroup::start_gather(Section& section) const {
  const bool matrix = section.kind == ParamKind::matrix;
  return sharding_.data->all_gather(section.weight.detach().to(matrix ? sharding_.compute : sharding_.master),
                                    section.counts, "zero");
}

void fetch_ahead(std::span<const std::vector<ParamGroup*>> in_order) {
  for (size_t i = 0; i < in_order.size(); ++i) {
    for (ParamGroup* group : in_order[i]) {
      if (i > 0) group->before_ = in_order[i - 1];
      if (i + 1 < in_order.size()) group->after_ = in_order[i + 1];
    }
  }
}

void ParamGroup::prefetch() {
  if (sharding_.stage < 3 || depth_ > 0) return;
  for (Section& section : sections_) {
    if (section.size > 0 && !section.coming) section.coming.emplace(start_gather(section));
  }
}

ParamGroup::Gathered ParamGroup::gather() {
  if (depth_++ > 0) return Gathered(*this);
  for (ParamGroup* next : ops::recomputing() ? before_ : after_)
    next->prefetch();
  for (Section& section : sections_) {
    if (section.size == 0) continue;
    Tensor full;
    if (sharding_.stage == 3) {
      if (!section.coming) section.coming.emplace(start_gather(section));
      full = section.coming->wait();
      section.coming.reset();
    } else {
      full = section.full.defined() ? section.full : section.weight.detach();
      if (section.kind == ParamKind::matrix) full = full.to(sharding_.compute);
    }
    const Tensor flat =
        GatherFunction::apply(section.weight, full, c10::make_intrusive<Home>(*this, section));
    // One split instead of a narrow for each weight: its backward is one concatenation, where each narrow's
    // is a zero-filled vector of the whole length.
    std::vector<int64_t> sizes;
    for (const auto& param : section.params)
      sizes.push_back(param->size());
    const auto parts = flat.split_with_sizes(sizes);
    for (size_t i = 0; i < parts.size(); ++i)
      section.params[i]->full_ = parts[i].view(section.params[i]->shape());
  }
  return Gathered(*this);
}

ParamGroup::Gathered::~Gathered() {
  if (--group_.depth_ > 0) return;
  for (Section& section : group_.sections_) {
    for (const auto& param : section.params)
      param->full_ = Tensor();
  }
}

void ParamGroup::accumulate(Section& section, const Tensor& gradient) const {
  const Tensor sum = gradient.to(sharding_.master);
  auto add_to = [](Tensor& total, const Tensor& part) {
    if (total.defined()) {
      total.add_(part);
    } else {
      total = part;
    }
  };
  if (sharding_.stage <= 1) return add_to(section.full_gradient, sum);
  add_to(section.gradient, sharding_.data->reduce_scatter(sum, section.counts, "zero").wait());
}

void ParamGroup::finish_gradients() {
  if (sharding_.stage > 1) return;
  for (Section& section : sections_) {
    if (!section.full_gradient.defined()) continue;
    section.gradient =
        sharding_.stage == 0
            ? sharding_.data->all_reduce(section.full_gradient, "zero").wait()
            : sharding_.data->reduce_scatter(section.full_gradient, section.counts, "zero").wait();
    section.full_gradient = Tensor();
  }
}

void ParamGroup::publish_weights() {
  for (Section& section : sections_) {
    section.gradient = Tensor();
    const bool keeps_whole = sharding_.stage == 1 || sharding_.stage == 2;
    if (!keeps_whole || section.size == 0) continue;
    section.full = sharding_.data->all_gather(section.weight.detach(), section.counts, "zero").wait();
  }
}

void for_each_slice(const Section& section, Range flat,
                    const std::function<void(const Param&, Range, int64_t)>& f) {
  int64_t at = 0;
  for (const auto& param : section.params) {
    const Range whole{at, at + param->size()};
    const Range part{std::max(whole.begin, flat.begin), std::min(whole.end, flat.end)};
    if (part.size() > 0) f(*param, {part.begin - at, part.end - at}, part.begin - section.mine.begin);
    at = whole.end;
  }
}

}  // namespace seqvit::parallel
