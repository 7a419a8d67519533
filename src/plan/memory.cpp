#include "plan/memory.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "plan/traffic.h"

namespace seqvit::plan {
namespace {

using Part = WeightGroup::Part;

class Rank {
 public:
  Rank(const RankPart& part, const model::ModelShape& shape, const Config& config, AttentionMemory attention)
      : part_(part),
        shape_(shape),
        config_(config),
        c_(compute_bytes(config)),
        m_(master_bytes(config)),
        zero_(config.parallel.zero),
        again_(config.memory.recompute != Recompute::none),
        blocks_(std::max<int64_t>(part.blocks(), 1)),
        targets_(std::ssize(shape.targets)),
        stream_(part.micro_samples * part.tokens * shape.config.embed_dim * m_),
        block_(predict_block(part, shape, config, attention)) {
    for (const WeightGroup& group : part.groups)
      add_group(group, bytes_[static_cast<size_t>(group.part)]);
    add_batch();
  }

  MemoryPrediction peak() {
    int64_t behind = of(Part::head).gradients;
    if (part_.ends_model) consider_head();
    for (size_t chunk = part_.chunks.size(); chunk-- > 0;)
      consider_blocks(chunk, behind);
    if (part_.begins_model) consider_embedding();
    consider_end();
    return worst_;
  }

 private:
  /// Of the groups of one part of the model, all together.
  struct Bytes {
    int64_t weights = 0, vectors = 0;  ///< whole, in the master type; those among them that are no matrices
    int64_t gradients = 0;             ///< as they wait for the end of the step
    /// Others' parts of the gradient of my share, while they are summed in backward.
    int64_t arriving = 0;
    /// Copies of whole weights while they are used, gathered or cast: of matrices, of all others.
    int64_t matrix_copies = 0, vector_copies = 0;

    int64_t copies() const { return matrix_copies + vector_copies; }
  };

  const RankPart& part_;
  const model::ModelShape& shape_;
  const Config& config_;
  int64_t c_, m_, zero_;
  bool again_;
  int64_t blocks_, targets_;
  int64_t stream_;  // a micro-batch's tokens here, master type
  BlockMemory block_;
  Bytes bytes_[3];              // by WeightGroup::Part
  int64_t largest_vector_ = 0;  // while its gradient is summed over ranks or squared for its norm
  MemoryParts state_;
  MemoryPrediction worst_;

  const Bytes& of(Part part) const { return bytes_[static_cast<size_t>(part)]; }
  int64_t all_gradients() const {
    return of(Part::embed).gradients + of(Part::block).gradients + of(Part::head).gradients;
  }

  void consider(MemoryParts parts) {
    parts += state_;
    if (const int64_t sum = parts.total(); sum > worst_.peak) worst_ = {parts, sum};
  }

  /// With several micro-batches, chunks or steps that run again, all gradients are there while a block works.
  bool accumulates() const {
    return config_.train.micro_batches > 1 || part_.chunks.size() > 1 || steps_run_again(config_) > 0;
  }
  int64_t fields(int64_t variables, int64_t samples) const {
    return samples * variables * part_.slab.rows.size() * shape_.columns * m_;
  }
  /// Points that my patches read of all inputs and write of all targets, for products.
  int64_t points_read() const { return points(shape_.inputs() * shape_.read_points()); }
  int64_t points_written() const { return points(targets_ * shape_.written_points()); }
  int64_t points(int64_t of_patch) const {
    return part_.micro_samples * part_.slab.patches.size() * of_patch * c_;
  }

  /// What a group holds from step to step, and `sum` of its part of the model.
  void add_group(const WeightGroup& group, Bytes& sum) {
    for (const SharedVector& v : group.vectors) {
      const int64_t mine = v.mine(), whole = group.count * m_ * v.elements;
      const bool shared = v.sharers > 1;
      const int64_t kept = group.count * m_ * (zero_ == 0 ? v.elements : mine);
      state_.weights += kept + ((zero_ == 1 || zero_ == 2) && shared ? whole : 0);
      state_.moments += (config_.train.ema > 0.0 ? 3 : 2) * kept;

      sum.weights += whole;
      if (!v.matrix) sum.vectors += whole;
      sum.gradients += zero_ <= 1 ? whole : group.count * m_ * mine;
      if (zero_ >= 2 && shared) sum.arriving += group.count * m_ * mine * v.sharers;
      const bool gathered = zero_ == 3 && shared;  // of one rank: the weights themselves
      if (v.matrix && (gathered || c_ != m_)) sum.matrix_copies += group.count * c_ * v.elements;
      if (!v.matrix && gathered) sum.vector_copies += whole;
      largest_vector_ = std::max(largest_vector_, m_ * (zero_ <= 1 ? (shared ? 2 : 1) * v.elements : mine));
    }
  }

  void add_batch() {
    const int64_t steps = config_.train.longest_rollout();
    state_.batch =
        fields(shape_.inputs() + targets_ * steps + std::ssize(shape_.feedback.forcings) * (steps - 1),
               part_.loaded_samples);
    // Where a slab ends inside a row: which points are mine, a byte each.
    const int64_t row = shape_.token_grid().patch_columns() * shape_.tokens_per_patch();
    if (part_.slab.tokens.begin % row != 0 || part_.slab.tokens.end % row != 0)
      state_.batch += fields(targets_, 1) / m_;
  }

  int64_t kept_block() const { return config_.memory.offload != Offload::none ? 0 : block_.kept; }
  int64_t kept_copies() const { return again_ ? 0 : of(Part::block).copies() / blocks_; }

  /// What everyone keeps when `chunk` begins a backward.
  MemoryParts kept(size_t chunk) const {
    MemoryParts parts;
    const auto& flight = part_.in_flight(static_cast<int64_t>(chunk));
    // A forecast that is fed back keeps every one of its steps, or of those that run again what they begin
    // with.
    const int64_t steps = config_.train.longest_rollout() - steps_run_again(config_);
    for (size_t c = 0; c < part_.chunks.size(); ++c) {
      const int64_t passes = flight[c] * steps;
      const Range blocks = part_.chunks[c];
      const bool first = blocks.begin == 0, last = blocks.end == shape_.config.depth;
      // Error and weight of each point, or what went on to the next stage.
      const int64_t ends =
          (first ? points_read() : 0) + (last ? 2 * fields(targets_, part_.micro_samples) : stream_);
      parts.kept_activations += passes * (blocks.size() * kept_block() + ends);
      parts.weights += passes * (blocks.size() * kept_copies() + (first ? of(Part::embed).matrix_copies : 0) +
                                 (last ? of(Part::head).copies() : 0));
    }
    // The fields of a step; of the loss error and weight, and of a sum of tendencies one more.
    parts.kept_activations += steps_run_again(config_) * (fields(shape_.inputs(), part_.micro_samples) +
                                                          3 * fields(targets_, part_.micro_samples));
    return parts;
  }

  /// From the last block's result to the gradient of it.
  void consider_head() {
    MemoryParts parts = kept(part_.chunks.size() - 1);
    const int64_t layers = shape_.config.head_layers;
    parts.embedding_and_head = 2 * stream_ + layers * 2 * stream_ / m_ * c_ + (layers > 0 ? stream_ : 0) +
                               points_written() + 4 * fields(targets_, part_.micro_samples) +
                               of(Part::head).weights;
    parts.gradients = accumulates() ? all_gradients() : 0;
    consider(parts);
  }

  void consider_blocks(size_t chunk, int64_t& behind) {
    const MemoryParts before = kept(chunk);
    const int64_t one = of(Part::block).weights / blocks_, copy = of(Part::block).copies() / blocks_,
                  gradient = of(Part::block).gradients / blocks_;
    // Of a block that runs again, and of the next, which is on its way.
    const int64_t gathered = again_ ? (zero_ == 3 ? 2 : 1) * copy : 0;
    // From block to block what is kept shrinks and gradients grow by the same: the first or the last holds
    // most.
    const int64_t blocks = part_.chunks[chunk].size();
    for (const int64_t done : {int64_t{0}, blocks - 1}) {
      MemoryParts now = before;
      now.kept_activations -= (done + 1) * kept_block();
      now.block = block_.at_work - block_.packed - block_.buffers;
      now.packed_operands = block_.packed, now.send_buffers = block_.buffers;
      now.weights += gathered - done * kept_copies();
      now.gradients = accumulates() ? all_gradients() : behind + done * gradient;
      consider(now);
      // Its gradients are handed over: in parts, as one vector, and what of it arrives from others.
      now.block = 2 * stream_ + 2 * one;
      now.packed_operands = 0, now.send_buffers = of(Part::block).arriving / blocks_;
      consider(now);
    }
    behind += blocks * gradient;
  }

  void consider_embedding() {
    const Bytes& embed = of(Part::embed);
    MemoryParts parts;
    parts.kept_activations = points_read();
    parts.gradients = all_gradients() - (accumulates() ? 0 : embed.gradients);
    // The gradient of my patches' positions is one of all, before it goes into the vector.
    parts.embedding_and_head = stream_ + embed.weights + embed.vectors;
    parts.weights = embed.copies();
    parts.send_buffers = embed.arriving;
    consider(parts);
  }

  /// Sums of gradients over ranks, or the square of a gradient for its norm; one vector after another.
  void consider_end() {
    MemoryParts parts;
    parts.gradients = all_gradients();
    parts.send_buffers = largest_vector_;
    consider(parts);
  }
};

}  // namespace

namespace {

struct NamedPart {
  const char* name;
  int64_t MemoryParts::*bytes;
};
constexpr NamedPart kParts[] = {{"weights", &MemoryParts::weights},
                                {"gradients", &MemoryParts::gradients},
                                {"moments", &MemoryParts::moments},
                                {"batch", &MemoryParts::batch},
                                {"kept activations", &MemoryParts::kept_activations},
                                {"block", &MemoryParts::block},
                                {"packed operands", &MemoryParts::packed_operands},
                                {"send buffers", &MemoryParts::send_buffers},
                                {"embedding and head", &MemoryParts::embedding_and_head}};
static_assert(sizeof(MemoryParts) == std::size(kParts) * sizeof(int64_t), "every part has a name");

}  // namespace

int64_t MemoryParts::total() const {
  int64_t sum = 0;
  for (const NamedPart& part : kParts)
    sum += this->*part.bytes;
  return sum;
}

std::map<std::string, int64_t> MemoryParts::by_name() const {
  std::map<std::string, int64_t> parts;
  for (const NamedPart& part : kParts)
    parts[part.name] = this->*part.bytes;
  return parts;
}

MemoryParts& MemoryParts::operator+=(const MemoryParts& other) {
  for (const NamedPart& part : kParts)
    this->*part.bytes += other.*part.bytes;
  return *this;
}

MemoryPrediction predict_memory(const RankPart& part, const model::ModelShape& shape, const Config& config,
                                AttentionMemory attention) {
  return Rank(part, shape, config, attention).peak();
}

}  // namespace seqvit::plan
