#include "comm/mesh.h"

#include "comm/device.h"
#include "core/error.h"

namespace seqvit {

Mesh::Mesh(Comm& world, int pp, int dp, int sp, int tp, DeviceKind device)
    : device_(open_device(device)),
      device_world_(device_.is_cpu() ? nullptr : make_device_comm(world, device_)),
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
  const int rank = world.rank();
  const int tensor = rank % tp, sequence = rank / tp % sp, data = rank / (tp * sp) % dp;
  const int pipeline = rank / (tp * sp * dp);
  // The color names the line along an axis: the coordinates on all other axes.
  pp_ = split(pp, (data * sp + sequence) * tp + tensor);
  if (pp > 1) pp_back_ = pp_->split(0);
  tp_ = split(tp, rank / tp);
  sp_ = split(sp, (pipeline * dp + data) * tp + tensor);
  dp_ = split(dp, (pipeline * sp + sequence) * tp + tensor);
  data_ = split(dp * sp, pipeline * tp + tensor);
  if (tp == 1) return;
  stage_ = split(dp * sp * tp, pipeline);
  tokens_ = split(sp * tp, pipeline * dp + data);
}

Mesh::Mesh(Comm& world, const ParallelConfig& config)
    : Mesh(world, static_cast<int>(config.pp), static_cast<int>(config.dp), static_cast<int>(config.sp),
           static_cast<int>(config.tp), config.device) {}

std::unique_ptr<Comm> Mesh::split(int size, int color) {
  return size == 1 ? make_self_comm() : world_.split(color);
}

const SequenceSplit& Mesh::split_sequence(int ulysses) {
  const int size = sp_->size(), rank = sp_->rank();
  if (ulysses < 1 || size % ulysses != 0)
    fail(Exit::usage, "parallel.ulysses: {} does not divide parallel.sp: {}", ulysses, size);
  const auto [entry, added] = sequence_.try_emplace(ulysses);
  if (!added) return entry->second;
  entry->second.ulysses = ulysses == 1 ? make_self_comm() : sp_->split(rank / ulysses);
  entry->second.ring = ulysses == size ? make_self_comm() : sp_->split(rank % ulysses);
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
  for (const Comm* comm : {&world_, pp_.get(), pp_back_.get(), dp_.get(), sp_.get(), tp_.get(), data_.get(),
                           stage_.get(), tokens_.get()}) {
    if (comm != nullptr) add(*comm);
  }
  for (const auto& [ulysses, parts] : sequence_) {
    add(*parts.ulysses);
    add(*parts.ring);
  }
  return total;
}

}  // namespace seqvit
