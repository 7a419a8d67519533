/// Pipeline parallelism: stages of consecutive blocks, micro-batches passing through them.
///
/// A stage runs a list of actions, forward or backward of a micro-batch, in an order that all stages derive
/// from the same rule: 1F1B (PipeDream-Flush, Narayanan et al., arXiv 2006.09503), where at most `stages -
/// stage` micro-batches are in flight, or interleaved 1F1B (arXiv 2104.04473), where a stage holds several
/// chunks of blocks and the pipeline fills in chunks. With one stage it is plain gradient accumulation: F0 B0
/// F1 B1.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "comm/mesh.h"
#include "core/partition.h"

namespace seqvit::parallel {

struct Action {
  enum class Kind { forward, backward };
  Kind kind;
  int64_t micro = 0;  ///< micro-batch
  int64_t chunk = 0;  ///< of the stage's blocks
  friend bool operator==(const Action&, const Action&) = default;
};

/// What a stage does in a step, in order. With several chunks, `micro_batches` must be a multiple of
/// `stages`.
std::vector<Action> pipeline_schedule(int64_t stage, int64_t stages, int64_t chunks, int64_t micro_batches);

/// Blocks of each of `parts` consecutive parts of a model, as even in work as whole blocks allow and at least
/// one each; `first` and `last` are the work of what comes before and after the blocks, in blocks.
std::vector<Range> divide_blocks(int64_t depth, int64_t parts, double first, double last);

/// Tensors between neighbouring stages, each to the next and from the previous rank of a circle (chunks go
/// round). Volume: one activation and one gradient a micro-batch, chunk and boundary.
///
/// A communicator may run its messages strictly in order, as NCCL does, each until its other end has it. So
/// gradients have one of their own, and so has what goes round between the last stage and the first: with two
/// stages a send would else wait for a receive behind it, on both sides.
class PipelineWires {
 public:
  /// Collective over pp.
  PipelineWires(comm::Mesh& mesh, int64_t chunks)
      : activations_{mesh.pp(), chunks > 1 ? mesh.pp_line(1) : mesh.pp()},
        gradients_{mesh.pp_line(0), chunks > 1 ? mesh.pp_line(2) : mesh.pp_line(0)} {}

  void send_activation(const Tensor& x) { send(activations_, x, +1); }
  /// Of the previous stage.
  Tensor receive_activation(std::vector<int64_t> shape, const at::TensorOptions& options) {
    return receive(activations_, std::move(shape), options, -1);
  }
  void send_gradient(const Tensor& x) { send(gradients_, x, -1); }
  /// Of the next stage.
  Tensor receive_gradient(std::vector<int64_t> shape, const at::TensorOptions& options) {
    return receive(gradients_, std::move(shape), options, +1);
  }
  /// Waits until all that was sent is on its way.
  void finish();

 private:
  struct Wire {
    comm::Comm &along, &around;  ///< to a neighbour in rank, and between the last and the first
    /// The rank `step` further, and the communicator for messages to and from it.
    std::pair<int, comm::Comm&> peer(int step) const;
  };
  Wire activations_, gradients_;
  std::vector<comm::Pending> sent_;

  void send(const Wire& wire, const Tensor& x, int step);
  static Tensor receive(const Wire& wire, std::vector<int64_t> shape, const at::TensorOptions& options,
                        int step);
};

}  // namespace seqvit::parallel
