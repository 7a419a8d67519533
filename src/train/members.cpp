#include "train/members.h"

#include <algorithm>
#include <iterator>

#include <ATen/ops/cat.h>

#include "core/random.h"
#include "ops/to_device.h"

namespace seqvit::train {
namespace {

/// [B M, K, Z] of standard normal numbers.
Tensor noise_of(const std::vector<int64_t>& shape, int64_t members, const NoiseKey& of,
                const at::TensorOptions& options) {
  std::vector<double> noise;
  noise.reserve(shape[0] * shape[1] * shape[2]);
  const uint64_t step = mix(random_key(of.seed, "noise"), static_cast<uint64_t>(of.step));
  for (int64_t n = 0; n < shape[0]; ++n) {
    const uint64_t sample = mix(step, static_cast<uint64_t>(of.first_sample + n / members)),
                   member = mix(sample, static_cast<uint64_t>(n % members));
    for (int64_t k = 0; k < shape[1]; ++k)
      std::ranges::copy(draw_noise(mix(member, static_cast<uint64_t>(k)), shape[2]),
                        std::back_inserter(noise));
  }
  return ops::to_device(noise, shape, options);
}

}  // namespace

std::vector<double> draw_noise(uint64_t key, int64_t dim) {
  std::vector<double> noise(dim);
  for (int64_t z = 0; z < dim; ++z)
    noise[z] = normal(key, static_cast<uint64_t>(z));
  return noise;
}

LearnerBatch with_members(const LearnerBatch& batch, int64_t members, int64_t noise_dim,
                          const NoiseKey& key) {
  if (members == 1 && noise_dim == 0) return batch;
  LearnerBatch all = batch.mapped([members](const Tensor& t) { return t.repeat_interleave(members, 0); });
  all.target = batch.target;
  const Tensor noise = noise_of({batch.target.size(0) * members, batch.target.size(1), noise_dim}, members,
                                key, all.condition.options());
  all.condition = at::cat({all.condition, noise}, 2);
  return all;
}

}  // namespace seqvit::train
