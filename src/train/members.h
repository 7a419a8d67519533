/// Members of an ensemble as more samples of a batch.
///
/// Flow of a step under `train.loss: crps`: samples [B] -> [B M], the M forecasts of a sample side by side,
/// each with noise of its own for every step of a rollout (behind the conditions) -> model and rollout as of
/// any B M samples -> the loss looks at predictions as [B, M] beside targets [B]. Whatever shares out samples
/// or tokens gives the same: noise is a function of (seed, step, sample, member, step of the rollout).
#pragma once

#include <cstdint>
#include <vector>

#include "train/rollout.h"

namespace seqvit::train {

/// What a step's noise is drawn from.
struct NoiseKey {
  uint64_t seed = 0;
  int64_t step = 0;
  int64_t first_sample = 0;  ///< position in the global batch of the first of these samples
};

/// Noise of `dim` numbers for one forecast and step: a function of `key`.
std::vector<double> draw_noise(uint64_t key, int64_t dim);

/// `batch` with `members` forecasts a sample and `noise_dim` more numbers in its conditions; targets stay
/// [B]. The batch itself where there is one member without noise.
LearnerBatch with_members(const LearnerBatch& batch, int64_t members, int64_t noise_dim, const NoiseKey& key);

}  // namespace seqvit::train
