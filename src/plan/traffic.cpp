#include "plan/traffic.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace seqvit::plan {
namespace {

/// What all_reduce counts (comm/checked.h).
int64_t all_reduced(int64_t elements, int64_t rank, int64_t ranks) {
  const int64_t own = share(elements, rank, ranks).size();
  return elements - own + own * (ranks - 1);
}

int64_t zero_bytes(const RankPart& part, const Config& config) {
  const int64_t passes = config.train.micro_batches * config.train.longest_rollout(),
                passes_again = config.train.micro_batches * steps_run_again(config);
  const int64_t stage = config.parallel.zero, m = master_bytes(config);
  const bool again = config.memory.recompute != Recompute::none;
  int64_t sum = 0;
  for (const WeightGroup& group : part.groups) {
    int64_t bytes = 0;  // of one
    const int64_t uses = passes * (again && group.part == WeightGroup::Part::block ? 2 : 1) + passes_again;
    for (const SharedVector& v : group.vectors) {
      const int64_t used = v.matrix ? compute_bytes(config) : m, others = v.elements - v.mine();
      if (stage == 0) bytes += m * all_reduced(v.elements, v.rank, v.sharers);
      if (stage == 1) bytes += m * others;
      if (stage >= 2) bytes += m * others * passes;
      if (stage == 1 || stage == 2) bytes += m * v.mine() * (v.sharers - 1);
      if (stage == 3) bytes += used * v.mine() * (v.sharers - 1) * uses;
    }
    sum += group.count * bytes;
  }
  return sum;
}

/// Everything below: of one block, for B samples that pass once, forward F times in all.
struct BlockTraffic {
  const RankPart& part;
  const model::ModelShape& shape;
  const Config& config;
  int64_t B = part.samples * config.train.longest_rollout(), B_again = part.samples * steps_run_again(config);
  int64_t c = compute_bytes(config), m = master_bytes(config);
  bool again = config.memory.recompute != Recompute::none;
  int64_t width = shape.config.embed_dim, head = width / shape.config.num_heads;
  int64_t group = part.group_tokens[part.sp];  // tokens of my tensor-parallel group
  int64_t F = (again ? 2 : 1) * B + B_again;   ///< samples that pass forward, all runs together

  int64_t tensor() const {
    const int64_t gathers = part.tokens * width * c * (config.parallel.tp - 1),
                  sums = (group - part.tokens) * width * m;
    // Backward mirrors forward; the sum that ends the block is not made again.
    return 2 * (F + B) * (gathers + sums) - (again ? B * sums : 0);
  }

  /// Of the depthwise layer: my tokens to whom they are neighbours; backward their gradients, on a GPU those
  /// of what came.
  int64_t halo() const {
    if (shape.config.local == Local::none) return 0;
    const int64_t per_unit = part.tokens / part.units;
    const int64_t back = config.parallel.device == DeviceKind::cpu ? part.halo_gives : part.halo_takes;
    return per_unit * width * m * (F * part.halo_gives + B * back);
  }

  int64_t ulysses() const {
    const int64_t mine = part.ulysses_heads();
    const int64_t to_heads = (part.heads - mine) * group * head * c,
                  to_tokens = mine * (part.ulysses_tokens() - group) * head * c;
    // Queries, keys, values and the result; backward the mirror image.
    return F * (3 * to_heads + to_tokens) + B * (to_heads + 3 * to_tokens);
  }

  int64_t lss() const {
    const int64_t ranks = config.parallel.sp * config.parallel.tp;
    return F * part.tokens * width * c * (ranks - 1) + B * (part.all_tokens - part.tokens) * width * m;
  }
  int64_t lss_kv() const {
    const int64_t row = 2 * part.heads * head;
    return F * row * group * c * (config.parallel.sp - 1) + B * row * (part.all_tokens - group) * m;
  }

  int64_t ring() const {
    const int64_t mine = part.ulysses_heads(), place = part.sp / part.ulysses;
    // Tokens of every block but the one that is here last, and but my own.
    const auto block = [&](int64_t place_of) {
      int64_t sum = 0;
      for (int64_t r = 0; r < part.ulysses; ++r)
        sum += part.group_tokens[place_of * part.ulysses + r];
      return sum;
    };
    const int64_t last = block((place + 1) % part.ring), own = block(place);
    const int64_t row = 2 * mine * head;
    const int64_t runs = (config.memory.recompute == Recompute::full ? 3 : 2) * B + B_again;
    return row * (runs * c * (part.all_tokens - last) + B * m * (part.all_tokens - own));
  }
};

/// The most of these inputs that are in one group.
int64_t longest_group(const model::ModelShape& shape, const std::vector<int64_t>& inputs) {
  std::vector<int64_t> of_groups(shape.group_count(), 0);
  for (const int64_t input : inputs)
    ++of_groups[shape.groups[input]];
  return *std::max_element(of_groups.begin(), of_groups.end());
}

/// Points of patches that overlap, in the master type: an embedding's come at each step, and from the second
/// on their gradients go home; a head's go home, and gradients come.
int64_t overlap_bytes(const RankPart& part, const model::ModelShape& shape, const Config& config) {
  const int64_t steps = config.train.longest_rollout(), again = steps_run_again(config);
  const int64_t point = part.samples * shape.patch_points() * master_bytes(config);
  const Tokens tokens = shape.config.tokens;
  std::vector<int64_t> inputs(shape.inputs());
  std::iota(inputs.begin(), inputs.end(), 0);
  int64_t bytes = 0;
  if (shape.config.embed_overlap && part.begins_model) {
    // Groups are filled up to the length of the longest.
    const int64_t fields =
        tokens == Tokens::joint
            ? shape.inputs()
            : longest_group(shape, inputs) * (tokens == Tokens::aggregated ? shape.group_count() : 1);
    bytes += point * fields * ((steps + again) * part.halo_gives + (steps - 1) * part.halo_takes);
  }
  if (shape.config.head_overlap && part.ends_model) {
    const int64_t fields =
        tokens == Tokens::variable ? longest_group(shape, shape.targets) : std::ssize(shape.targets);
    bytes += point * fields * ((steps + again) * part.halo_takes + steps * part.halo_gives);
  }
  return bytes;
}

/// Micro-batches do not change it: the samples are the same.
int64_t pipeline_bytes(const RankPart& part, const model::ModelShape& shape, const Config& config) {
  int64_t crossings = 0;
  for (const Range& chunk : part.chunks)
    crossings += (chunk.begin > 0 ? 1 : 0) + (chunk.end < shape.config.depth ? 1 : 0);
  return crossings * part.samples * config.train.longest_rollout() * part.tokens * shape.config.embed_dim *
         master_bytes(config);
}

}  // namespace

int64_t compute_bytes(const Config& config) {
  return config.train.precision == Precision::bf16 ? 2 : config.train.precision == Precision::fp64 ? 8 : 4;
}
int64_t master_bytes(const Config& config) {
  return config.train.precision == Precision::fp64 ? 8 : 4;
}

TrafficBytes predict_traffic(const RankPart& part, const model::ModelShape& shape, const Config& config) {
  const ParallelConfig& p = config.parallel;
  const int64_t ranks = p.ranks();
  const int64_t rank = ((part.pp * p.dp + part.dp) * p.sp + part.sp) * p.tp + part.tp;
  TrafficBytes bytes;
  bytes[Purpose::zero] = zero_bytes(part, config);
  bytes[Purpose::pp] = pipeline_bytes(part, shape, config);
  const BlockTraffic block{part, shape, config};
  if (p.tp > 1) bytes[Purpose::tp] = part.blocks() * block.tensor();
  bytes[Purpose::halo] = part.blocks() * block.halo() + overlap_bytes(part, shape, config);
  if (p.sp > 1) {
    if (part.ulysses > 1) bytes[Purpose::ulysses] = part.blocks() * block.ulysses();
    if (part.ring > 1) bytes[Purpose::ring] = part.blocks() * block.ring();
    if (p.sequence == Sequence::lss) bytes[Purpose::lss] = part.blocks() * block.lss();
    if (p.sequence == Sequence::lss_kv) bytes[Purpose::lss_kv] = part.blocks() * block.lss_kv();
  }
  // Doubles, over the world: the loss's weight beside a flag, the loss, the square of the gradient.
  bytes[Purpose::loss_weight] = 8 * all_reduced(2, rank, ranks);
  bytes[Purpose::loss] = bytes[Purpose::gradient_norm] = 8 * all_reduced(1, rank, ranks);
  return bytes;
}

std::map<std::string, int64_t> TrafficBytes::by_name() const {
  std::map<std::string, int64_t> named;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] > 0) named[kPurposes[i]] = values[i];
  }
  return named;
}

}  // namespace seqvit::plan
