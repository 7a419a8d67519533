#include "comm/mesh.h"

#include "comm/device.h"
#include "core/error.h"

namespace seqvit::comm {

Mesh::Mesh(Comm& world, int pp, int dp, int sp, int tp, DeviceKind device, bool share_gpus)
    : device_(open_device(device, world)),
      device_world_(device_.is_cpu() ? nullptr : make_device_comm(world, device_, share_gpus)),
      world_(device_world_ ? *device_world_ : world) {
  if (pp < 1 || dp < 1 || sp < 1 || tp < 1)
    fail(Exit::usage, "parallel: pp {}, dp {}, sp {}, tp {}: expected numbers of ranks of at least 1", pp, dp,
         sp, tp);
  const int64_t ranks = int64_t{pp} * dp * sp * tp;
  if (ranks != world.size())
    fail(Exit::usage,
         "parallel: pp {} x dp {} x sp {} x tp {} = {} ranks, but {} {} started; run `mpirun -n {}` or "
         "change parallel.*",
         pp, dp, sp, tp, ranks, world.size(), world.size() == 1 ? "was" : "were", ranks);
  // The color names the line along an axis: the coordinates on all other axes.
  const int stage = dp * sp * tp, sample = sp * tp;  // ranks of a pipeline stage, ranks that share a sample
  pp_ = split(pp, [=](int r) { return r % stage; });
  tp_ = split(tp, [=](int r) { return r / tp; });
  sp_ = split(sp, [=](int r) { return r / sample * tp + r % tp; });
  dp_ = split(dp, [=](int r) { return r / stage * sample + r % sample; });
  data_ = split(dp * sp, [=](int r) { return r / stage * tp + r % tp; });
  if (tp == 1) return;
  stage_ = split(stage, [=](int r) { return r / stage; });
  tokens_ = split(sample, [=](int r) { return r / sample; });
}

Mesh::Mesh(Comm& world, const ParallelConfig& config)
    : Mesh(world, static_cast<int>(config.pp), static_cast<int>(config.dp), static_cast<int>(config.sp),
           static_cast<int>(config.tp), config.device, config.share_gpus) {}

std::unique_ptr<Comm> Mesh::split(int size, const Coloring& color_of) {
  return size == 1 ? make_self_comm() : world_.split(color_of);
}

Comm& Mesh::pp_line(size_t index) {
  while (pp_lines_.size() <= index)
    pp_lines_.push_back(pp_->size() == 1 ? make_self_comm() : pp_->split([](int) { return 0; }));
  return *pp_lines_[index];
}

const SequenceSplit& Mesh::split_sequence(int ulysses) {
  const int size = sp_->size();
  if (ulysses < 1 || size % ulysses != 0)
    fail(Exit::usage, "parallel.ulysses: {} does not divide parallel.sp: {}", ulysses, size);
  const auto [entry, added] = sequence_.try_emplace(ulysses);
  if (!added) return entry->second;
  entry->second.ulysses = ulysses == 1 ? make_self_comm() : sp_->split([=](int r) { return r / ulysses; });
  entry->second.ring = ulysses == size ? make_self_comm() : sp_->split([=](int r) { return r % ulysses; });
  return entry->second;
}

std::map<std::string, Traffic> Mesh::traffic() const {
  std::map<std::string, Traffic> total;
  const auto add = [&](const Comm& comm) {
    for (const auto& [purpose, sent] : comm.traffic()) {
      total[purpose].bytes += sent.bytes;
      total[purpose].calls += sent.calls;
    }
  };
  for (const Comm* comm :
       {&world_, pp_.get(), dp_.get(), sp_.get(), tp_.get(), data_.get(), stage_.get(), tokens_.get()}) {
    if (comm != nullptr) add(*comm);
  }
  for (const auto& line : pp_lines_)
    add(*line);
  for (const auto& [ulysses, parts] : sequence_) {
    add(*parts.ulysses);
    add(*parts.ring);
  }
  return total;
}

}  // namespace seqvit::comm
