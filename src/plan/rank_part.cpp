#include "plan/rank_part.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "grid/neighbourhood.h"
#include "model/stages.h"
#include "parallel/pipeline.h"

namespace seqvit::plan {
namespace {

using Part = WeightGroup::Part;

WeightGroup make_group(Part part, int64_t matrices, int64_t vectors, int64_t sharers, int64_t rank,
                       int64_t count = 1) {
  WeightGroup group{part, count, {}};
  if (matrices > 0) group.vectors.push_back({matrices, true, sharers, rank});
  if (vectors > 0) group.vectors.push_back({vectors, false, sharers, rank});
  return group;
}

/// [matrices, vectors] of the embedding (model/embed.cpp).
std::pair<int64_t, int64_t> embed_weights(const model::ModelShape& shape) {
  const int64_t width = shape.config.embed_dim, points = shape.read_points(), inputs = shape.inputs();
  const bool joint = shape.config.tokens == Tokens::joint;
  int64_t matrices = inputs * points * width, vectors = joint ? width : inputs * width;
  if (shape.config.tokens == Tokens::aggregated) {
    matrices += 3 * width * width;                                // keys and values, projection
    vectors += (shape.config.aggregated_tokens + 2 + 3) * width;  // queries, norm, biases
  }
  if (shape.config.positions == Positions::learned) vectors += shape.token_grid().patches() * width;
  if (shape.conditions > 0) matrices += shape.conditions * width, vectors += width;
  return {matrices, vectors};
}

/// The same of the head (model/head.cpp).
std::pair<int64_t, int64_t> head_weights(const model::ModelShape& shape) {
  const int64_t width = shape.config.embed_dim, layers = shape.config.head_layers,
                outputs = std::ssize(shape.targets) * shape.written_points();
  const int64_t read = shape.config.tokens == Tokens::aggregated ? width * shape.tokens_per_patch() : width;
  return {layers * width * width + outputs * read, 2 * width + layers * width + outputs};
}

/// [chunk that begins a backward][chunk] of a stage: micro-batches kept then, at most.
std::vector<std::vector<int64_t>> most_in_flight(int64_t stage, const Config& config) {
  const ParallelConfig& p = config.parallel;
  // From its second round of pp micro-batches on a schedule repeats itself.
  const int64_t micro_batches = std::min(config.train.micro_batches, 4 * p.pp);
  std::vector<int64_t> now(p.interleave, 0);
  std::vector<std::vector<int64_t>> most(p.interleave, now);
  for (const parallel::Action& a : parallel::pipeline_schedule(stage, p.pp, p.interleave, micro_batches)) {
    if (a.kind == parallel::Action::Kind::forward) {
      ++now[a.chunk];
      continue;
    }
    for (size_t c = 0; c < now.size(); ++c)
      most[a.chunk][c] = std::max(most[a.chunk][c], now[c]);
    --now[a.chunk];
  }
  return most;
}

}  // namespace

int64_t WeightGroup::elements() const {
  int64_t sum = 0;
  for (const SharedVector& vector : vectors)
    sum += vector.elements;
  return sum;
}

TokenPart::TokenPart(const model::ModelShape& shape, const ParallelConfig& p, int64_t sp, int64_t tp) {
  const grid::TokenGrid grid = shape.token_grid();
  slab = grid::make_slab(grid, sp * p.tp + tp, p.sp * p.tp);
  tokens = slab.tokens.size(), all_tokens = grid.tokens();
  // Neighbours' slabs touch, so a group's tokens are one share of the units after another.
  for (int64_t group = 0; group < p.sp; ++group) {
    const int64_t begin = share(grid.units(), group * p.tp, p.sp * p.tp).begin,
                  end = share(grid.units(), group * p.tp + p.tp - 1, p.sp * p.tp).end;
    group_tokens.push_back((end - begin) * grid.tokens_per_unit);
  }
  units = tokens / grid.tokens_per_unit;
  if (shape.reads_neighbours()) {
    const grid::Neighbourhood near(grid, shape.periodic, sp * p.tp + tp, p.sp * p.tp);
    for (const auto& peer : near.peers())
      halo_gives += std::ssize(peer.gives);
    halo_takes = near.halo();
  }
}

RankPart::RankPart(const model::ModelShape& shape, const Config& config, int64_t rank)
    : RankPart(shape, config, rank,
               TokenPart(shape, config.parallel, rank / config.parallel.tp % config.parallel.sp,
                         rank % config.parallel.tp)) {}

RankPart::RankPart(const model::ModelShape& shape, const Config& config, int64_t rank, TokenPart tokens_of)
    : TokenPart(std::move(tokens_of)) {
  const ParallelConfig& p = config.parallel;
  tp = rank % p.tp, sp = rank / p.tp % p.sp, dp = rank / (p.tp * p.sp) % p.dp,
  pp = rank / (p.tp * p.sp * p.dp);
  loaded_samples = share(config.train.batch_size, dp, p.dp).size();
  samples = loaded_samples * config.train.members;
  micro_samples = share(loaded_samples, 0, config.train.micro_batches).size() * config.train.members;
  heads = share(shape.config.num_heads, tp, p.tp).size();
  hidden = share(shape.hidden_dim(), tp, p.tp).size();
  chunks = model::blocks_of_stage(shape, pp, p.pp, p.interleave);
  in_flight_ = most_in_flight(pp, config);
  begins_model = pp == 0, ends_model = pp == p.pp - 1;
  if (p.sp > 1 && p.sequence == Sequence::ulysses) ulysses = p.sp;
  if (p.sp > 1 && p.sequence == Sequence::ring) ring = p.sp;
  if (p.sp > 1 && p.sequence == Sequence::hybrid) ulysses = p.ulysses, ring = p.sp / p.ulysses;

  const int64_t sharers = p.dp * p.sp, my_share = dp * p.sp + sp;  // of what tp cuts
  const int64_t stage = sharers * p.tp, my_stage_share = my_share * p.tp + tp;
  const int64_t width = shape.config.embed_dim, mine = heads * (width / shape.config.num_heads);
  if (begins_model) {
    const auto [matrices, vectors] = embed_weights(shape);
    groups.push_back(make_group(Part::embed, matrices, vectors, stage, my_stage_share));
  }
  const int64_t block_matrices = 4 * mine * width + 2 * hidden * width, cut_vectors = 3 * mine + hidden,
                local_vectors = shape.config.local == Local::depthwise ? (grid::kTaps + 1) * width : 0,
                gains = shape.config.qk_norm ? 2 * width / shape.config.num_heads : 0,
                noise = shape.config.noise_dim * (shape.config.noise_dim + 1 + 4 * width),
                // Two norms, biases of projection and fc2, gains of queries and keys, maps of noise.
      whole_vectors = 6 * width + local_vectors + gains + noise;
  if (blocks() > 0 && p.tp == 1) {
    groups.push_back(make_group(Part::block, block_matrices, whole_vectors + cut_vectors, stage,
                                my_stage_share, blocks()));
  } else if (blocks() > 0) {
    groups.push_back(make_group(Part::block, 0, whole_vectors, stage, my_stage_share, blocks()));
    groups.push_back(make_group(Part::block, block_matrices, cut_vectors, sharers, my_share, blocks()));
  }
  if (ends_model) {
    const auto [matrices, vectors] = head_weights(shape);
    groups.push_back(make_group(Part::head, matrices, vectors, stage, my_stage_share));
  }
}

int64_t RankPart::blocks() const {
  int64_t sum = 0;
  for (const Range& chunk : chunks)
    sum += chunk.size();
  return sum;
}

int64_t RankPart::group_count() const {
  int64_t sum = 0;
  for (const WeightGroup& group : groups)
    sum += group.count;
  return sum;
}

int64_t RankPart::ulysses_tokens() const {
  const auto first = group_tokens.begin() + sp / ulysses * ulysses;
  return std::accumulate(first, first + ulysses, int64_t{0});
}

int64_t steps_run_again(const Config& config) {
  return config.memory.recompute_rollout ? config.train.longest_rollout() - 1 : 0;
}

}  // namespace seqvit::plan
