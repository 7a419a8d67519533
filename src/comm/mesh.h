/// The ranks as a grid of four axes, and a communicator along each.
///
/// When to use it: once a run; everything parallel takes one of its communicators. Tensor parallelism is
/// innermost because it talks most and neighbouring ranks share a machine, then sequence, data, pipeline:
///   rank = ((pipeline * dp + data) * sp + sequence) * tp + tensor.
/// Cost: one split of the world an axis longer than 1; axes of length 1 are self communicators and cost
/// nothing.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <c10/core/Device.h>

#include "comm/comm.h"
#include "core/parallel_config.h"

namespace seqvit::comm {

/// The sequence axis once more divided: rank on it = ring.rank() * ulysses.size() + ulysses.rank().
struct SequenceSplit {
  std::unique_ptr<Comm> ulysses;  ///< inner: neighbouring ranks, for all-to-alls
  std::unique_ptr<Comm> ring;     ///< outer: one rank of each Ulysses group, for blocks that go round
};

class Mesh {
 public:
  /// Collective over `world`, which must outlive the mesh. Throws Error(usage) unless the axes fill the
  /// world; `share_gpus`: ranks may have the same GPU (device.h).
  Mesh(Comm& world, int pp, int dp, int sp, int tp, DeviceKind device = DeviceKind::cpu,
       bool share_gpus = false);
  Mesh(Comm& world, const ParallelConfig& config);

  Comm& world() const { return world_; }
  /// Where this rank's tensors lie; all communicators of the mesh move them.
  c10::Device device() const { return device_; }
  Comm& pp() const { return *pp_; }
  /// One of any number of further communicators of the ranks of pp, for messages that must not wait for
  /// others; made at the first call (collective over pp), kept for the life of the mesh.
  Comm& pp_line(size_t index);
  Comm& dp() const { return *dp_; }
  Comm& sp() const { return *sp_; }
  Comm& tp() const { return *tp_; }
  /// dp x sp as one, sp inner: ranks with the same part of the weights that tensor parallelism cuts.
  /// Gradients are summed over it, and states sharded.
  Comm& data() const { return *data_; }
  /// dp x sp x tp as one, tp inner: all ranks of a pipeline stage. The same for weights that are not cut.
  Comm& stage() const { return stage_ ? *stage_ : *data_; }
  /// sp x tp as one, tp inner: ranks that share out the tokens of a sample.
  Comm& tokens() const { return tokens_ ? *tokens_ : *sp_; }

  /// Divides sp into Ulysses groups of `ulysses` ranks and rings across them; made at the first call
  /// (collective over sp), kept for the life of the mesh. Throws Error(usage) unless `ulysses` divides sp.
  const SequenceSplit& split_sequence(int ulysses);

  /// What this rank has sent by purpose, over all communicators of the mesh and the world.
  std::map<std::string, Traffic> traffic() const;

 private:
  std::unique_ptr<Comm> split(int size, const Coloring& color_of);

  c10::Device device_;
  std::unique_ptr<Comm> device_world_;  // null on the CPU
  Comm& world_;
  std::unique_ptr<Comm> pp_, dp_, sp_, tp_, data_;
  std::vector<std::unique_ptr<Comm>> pp_lines_;
  std::unique_ptr<Comm> stage_, tokens_;  // null where tp is 1: the same ranks as data_ and sp_
  std::map<int, SequenceSplit> sequence_;
};

}  // namespace seqvit::comm
