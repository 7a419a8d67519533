/// Checkpoints: weights, moments and position of a run, in a form that knows no mesh.
///
/// RUN/checkpoints/step-NNNNNNNN/ holds one safetensors file a rank with that rank's share and index.json,
/// which says for each piece (weight or moment, its global shape, its elements [begin, end) row-major) which
/// file has it, and each file's checksum. Any mesh can read any other mesh's. Written to a temporary
/// directory, synced and renamed: it is there whole or not at all. `best` is a link to the checkpoint with
/// the lowest validation loss.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>

#include "comm/comm.h"
#include "train/optimizer.h"
#include "train/safetensors.h"

namespace seqvit {

/// What a run needs to go on besides weights and moments: samples and drop path follow from the step and the
/// seed.
struct Progression {
  int64_t step = 0;  ///< optimizer steps done
  double best_validation_loss = std::numeric_limits<double>::infinity();
};

class Checkpoints {
 public:
  /// Those in `run`/checkpoints. `world`: all ranks of the job.
  Checkpoints(std::filesystem::path run, Comm& world);

  /// Collective. Writes a checkpoint; marks it as the best if told so; then removes all but the newest `keep`
  /// and the best. Throws Error(checkpoint) with the reason (a full disk), leaving earlier checkpoints as
  /// they were.
  void save(const std::vector<ParamGroup*>& groups, AdamW& optimizer, const Progression& progression,
            bool is_best, int64_t keep);

  /// The newest or best complete checkpoint's directory, if there is one.
  std::optional<std::filesystem::path> newest() const;
  std::optional<std::filesystem::path> best() const;

 private:
  std::filesystem::path directory_;
  Comm& world_;

  void mark_best(const std::string& name) const;
  void remove_old(int64_t keep) const;
};

/// Fills weights (and moments, if `optimizer` is given) from a checkpoint of any mesh. Throws
/// Error(checkpoint): a missing or corrupt file, a weight that is not there or has another shape.
Progression load_checkpoint(const std::filesystem::path& checkpoint, const std::vector<ParamGroup*>& groups,
                            AdamW* optimizer);

/// All weights of a checkpoint of any mesh, whole, in the order of their names. Needs neither the data nor
/// the configuration; memory of all weights. Throws Error(checkpoint) as load_checkpoint does.
NamedTensors read_weights(const std::filesystem::path& checkpoint);

}  // namespace seqvit
