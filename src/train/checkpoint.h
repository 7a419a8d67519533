/// Checkpoints: weights, moments, averages and position of a run, in a form that knows no mesh.
///
/// RUN/checkpoints/step-NNNNNNNN/ holds one safetensors file a rank with that rank's share and index.json,
/// which says for each piece (weight or moment, its global shape, its elements [begin, end) row-major) which
/// file has it, and each file's checksum. Any mesh can read any other mesh's. Written to a temporary
/// directory, synced, read back and renamed: it is there whole or not at all. `best` is a link to the
/// checkpoint with the lowest validation loss. What is not finite is neither written nor read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "comm/comm.h"
#include "train/optimizer.h"
#include "train/progression.h"
#include "train/safetensors.h"

namespace seqvit::train {

class Checkpoints {
 public:
  /// Those in `run`/checkpoints. `world`: all ranks of the job.
  Checkpoints(std::filesystem::path run, comm::Comm& world);

  /// Collective. Writes a checkpoint and reads it back; marks it as the best if told so; only then removes
  /// all but the newest `keep` and the best. Where that fails on one rank, all ranks throw its error:
  /// Error(checkpoint) with the reason (a full disk), Error(not_finite) naming the weight. Earlier
  /// checkpoints are then as they were.
  void save(const std::vector<parallel::ParamGroup*>& groups, AdamW& optimizer,
            const Progression& progression, bool is_best, int64_t keep);

  /// Names of those there are, whole or damaged, by step.
  std::vector<std::string> names() const;
  /// The newest that is complete, the one marked as the best: their directories, if there are any.
  std::optional<std::filesystem::path> newest() const;
  std::optional<std::filesystem::path> best() const;

  /// The newest whole checkpoint, after a warning for each newer one that is damaged; nothing where there is
  /// none at all. With `from`: the one of that name, or "best". Collective, the same on every rank. Throws
  /// Error(checkpoint): all are damaged, or the one named is, or is not there (naming those that are).
  std::optional<std::filesystem::path> to_resume(const std::optional<std::string>& from) const;
  /// Makes the checkpoint of `progression` the newest: newer ones, if any, are moved to a new directory
  /// RUN/set-aside-N with a copy of the metrics, and `best` is what it was then. False where that is no
  /// longer there, so that none is the best. Collective.
  bool go_back_to(const Progression& progression) const;

  /// Removes what a training that was killed while saving has left. For one rank; no training may be at work.
  void remove_temporaries() const;

 private:
  std::filesystem::path directory_;
  comm::Comm& world_;

  void check_whole(const std::filesystem::path& checkpoint) const;
  void set_aside(const std::vector<std::string>& names) const;
  void mark_best(const std::string& name) const;
  void remove_old(int64_t keep) const;
};

/// Which weights of a checkpoint: those of its step, or their moving average (train.ema) where it has one.
enum class Weights { raw, averaged };
/// Whether it has.
bool has_average(const std::filesystem::path& checkpoint);

/// Fills weights (and moments, if `optimizer` is given) from a checkpoint of any mesh. Throws
/// Error(checkpoint): a missing or corrupt file, a weight that is not there, has another shape or is not
/// finite.
Progression load_checkpoint(const std::filesystem::path& checkpoint,
                            const std::vector<parallel::ParamGroup*>& groups, AdamW* optimizer,
                            Weights which = Weights::raw);

/// All weights of a checkpoint of any mesh, whole, in the order of their names. Needs neither the data nor
/// the configuration; memory of all weights. Throws Error(checkpoint) as load_checkpoint does.
NamedTensors read_weights(const std::filesystem::path& checkpoint, Weights which = Weights::raw);

}  // namespace seqvit::train
