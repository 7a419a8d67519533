#include "parallel/pipeline.h"

#include <algorithm>

#include <ATen/ops/empty.h>

#include "core/error.h"
#include "parallel/cut.h"

namespace seqvit::parallel {
namespace {

/// The k-th forward or backward of a stage. Micro-batches pass in groups of `stages` through one chunk after
/// another.
Action nth(int64_t k, Action::Kind kind, int64_t stages, int64_t chunks) {
  if (chunks == 1) return {kind, k, 0};
  const int64_t group = stages * chunks, chunk = k % group / stages;
  return {kind, k / group * stages + k % stages, kind == Action::Kind::forward ? chunk : chunks - 1 - chunk};
}

}  // namespace

std::vector<Action> pipeline_schedule(int64_t stage, int64_t stages, int64_t chunks, int64_t micro_batches) {
  check(chunks == 1 || micro_batches % stages == 0, "interleaving needs full groups of micro-batches");
  const int64_t total = chunks * micro_batches;
  // Forwards before the first backward: until the stage's first micro-batch has come back from the end.
  const int64_t ahead = chunks == 1 ? stages - 1 - stage : 2 * (stages - 1 - stage) + (chunks - 1) * stages;
  const int64_t filling = std::min(ahead, total);
  std::vector<Action> actions;
  auto add = [&](int64_t k, Action::Kind kind) { actions.push_back(nth(k, kind, stages, chunks)); };
  for (int64_t k = 0; k < filling; ++k)
    add(k, Action::Kind::forward);
  for (int64_t k = filling; k < total; ++k) {
    add(k, Action::Kind::forward);
    add(k - filling, Action::Kind::backward);
  }
  for (int64_t k = total - filling; k < total; ++k)
    add(k, Action::Kind::backward);
  return actions;
}

std::vector<Range> divide_blocks(int64_t depth, int64_t parts, double first, double last) {
  check(parts >= 1 && parts <= depth, "every part holds a block");
  std::vector<int64_t> sizes(parts, 1);
  auto work_with_one_more = [&](int64_t part) {
    return static_cast<double>(sizes[part] + 1) + (part == 0 ? first : 0.0) +
           (part == parts - 1 ? last : 0.0);
  };
  // Each further block goes to the part that then has least, of equal ones to the last: early stages hold
  // more micro-batches in flight. With blocks of equal work no division has a lower maximum, and it ends
  // after as many rounds as there are blocks, whatever the sums are rounded to.
  for (int64_t block = parts; block < depth; ++block) {
    int64_t least = 0;
    for (int64_t part = 1; part < parts; ++part) {
      if (work_with_one_more(part) <= work_with_one_more(least)) least = part;
    }
    ++sizes[least];
  }
  std::vector<Range> blocks;
  for (int64_t begin = 0; const int64_t size : sizes) {
    blocks.push_back({begin, begin + size});
    begin += size;
  }
  return blocks;
}

std::pair<int, comm::Comm&> PipelineWires::Wire::peer(int step) const {
  const int size = along.size(), rank = along.rank() + step, wrapped = (rank + size) % size;
  return {wrapped, rank == wrapped ? along : around};
}

void PipelineWires::send(const Wire& wire, const Tensor& x, int step) {
  const auto [to, comm] = wire.peer(step);
  sent_.push_back(comm.send_recv(x.contiguous().view({-1}), to, to, 0, "pp"));
}

Tensor PipelineWires::receive(const Wire& wire, std::vector<int64_t> shape, const at::TensorOptions& options,
                              int step) {
  const auto [from, comm] = wire.peer(step);
  return comm.send_recv(at::empty({0}, options), from, from, elements_of(shape), "pp").wait().view(shape);
}

void PipelineWires::finish() {
  for (comm::Pending& sent : sent_)
    sent.wait();
  sent_.clear();
}

}  // namespace seqvit::parallel
