/// Settings of a run: one YAML file, overridden by `--section.key=value`, checked whole before anything is
/// opened.
///
/// Every setting stands once, in the table of config.cpp: its path, where it is stored, what it accepts. An
/// unknown key is an error that names the nearest one. Throws Error(usage) with file, key, what was expected
/// and what was found.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace seqvit {

enum class Tokens { joint, variable, aggregated };
enum class Positions { learned, fixed };
enum class Local { none, depthwise };
enum class Predict { tendency, state };
enum class Network { vit, unet };
enum class LevelWeights { none, pressure };
enum class Precision { fp32, bf16, fp64 };
enum class Recompute { none, full, keep_attention };
enum class Offload { none, disk, host };
enum class DeviceKind { cpu, cuda };
enum class Coordinates { file, index };
enum class Sequence { ulysses, lss, lss_kv, ring, hybrid };

/// A stretch of time, as [first, last]: years, months, dates or times (the last included), or time indices (the last
/// excluded). See data/period.h for which integers are taken as years.
struct PeriodConfig {
  std::vector<std::string> bounds;
  bool index = false;  ///< written as `{index: [first, last]}`: indices whatever they look like

  bool empty() const { return bounds.empty(); }
};

struct SplitConfig {
  PeriodConfig train, validation, test;
};

struct DataConfig {
  std::vector<std::string> files;
  std::vector<std::string> variables;  ///< empty: every gridded variable with time
  std::vector<std::string> statics;    ///< key `static`
  std::vector<std::string> targets;    ///< empty: all variables
  std::string lead_time = "6h";
  Coordinates grid = Coordinates::file, time = Coordinates::file;
  std::map<std::string, double> select;                ///< of further dimensions the value that is read
  std::map<std::string, std::vector<double>> missing;  ///< by variable of a file: values that stand for none
  SplitConfig split;
  int64_t cache_bytes = int64_t{2} << 30;  ///< memory for decoded fields
};

struct ModelConfig {
  Network network =
      Network::vit;        ///< unet: a plain convolutional network of as many weights, to compare with
  int64_t patch_size = 4;  ///< grid points along each side of a patch
  Tokens tokens = Tokens::joint;
  int64_t patch_levels = 1;       ///< neighbouring levels of a variable in one token; `joint` has all anyway
  int64_t aggregated_tokens = 1;  ///< tokens a patch that `aggregated` makes of its variables
  Positions positions =
      Positions::learned;     ///< of patches; fixed: sines and cosines, without memory for long sequences
  bool rotary = false;        ///< positions also turn queries and keys, see model/rotary.h
  int64_t rotary_waves = 32;  ///< the highest wavenumber of those
  bool qk_norm = false;       ///< root-mean-square norm of queries and keys, by head
  int64_t embed_dim = 128, depth = 4, num_heads = 4;
  double mlp_ratio = 4.0;
  bool embed_overlap = false,
       head_overlap = false;  ///< patches read and write half a patch of their neighbours too
  Local local = Local::none;  ///< what a block begins with beside attention: tokens read those around them
  int64_t head_layers = 0;    ///< linear + GELU layers of the width before the map to points
  double drop_path = 0.0;     ///< rate of the last block; earlier ones scale linearly from 0
  Predict predict = Predict::tendency;
  bool time_embedding = true;  ///< the model is told time of day and time of year
};

struct TrainConfig {
  int64_t steps = 1000;
  int64_t schedule_steps = 0;  ///< see schedule(); 0: steps
  int64_t batch_size = 8;      ///< samples of one optimizer step over all ranks
  int64_t micro_batches = 1;
  double learning_rate = 5e-4;
  int64_t warmup_steps = 100;
  double weight_decay = 1e-5;
  std::vector<double> betas = {0.9, 0.95};
  double max_grad_norm = 1.0;
  Precision precision = Precision::fp32;
  uint64_t seed = 0;
  std::vector<std::string> leads;  ///< lead times to learn, multiples of data.lead_time; empty: that alone
  /// Steps that the forecast is fed back, one number for each equal part of training.
  std::vector<int64_t> rollout_steps = {1};
  std::map<std::string, double> target_weights;     ///< of a target's squared error; 1 if not named
  LevelWeights level_weights = LevelWeights::none;  ///< factors of those by level
  double ema = 0.0;                                 ///< decay of the moving average of weights; 0: none
  double skip_spikes = 0.0;                         ///< see SpikeGuard; 0: never
  bool roll_longitude = false;  ///< each sample's fields are rolled by a random longitude, statics included
  int64_t checkpoint_every = 500, validate_every = 500;
  int64_t validation_samples = 256;  ///< evenly spaced over the validation period; 0: all
  int64_t keep_checkpoints = 2;      ///< newest ones kept besides the best

  /// Steps that learning rate and rollout_steps are spread over; after them both stay as at the last.
  int64_t schedule() const { return schedule_steps > 0 ? schedule_steps : steps; }
  /// The part of rollout_steps that step `step`, counted from 0, belongs to.
  int64_t rollout_at(int64_t step) const;
  int64_t longest_rollout() const;
};

struct ParallelConfig {
  int64_t pp = 1, dp = 1, sp = 1, tp = 1;
  Sequence sequence = Sequence::ulysses;
  int64_t interleave = 1;  ///< chunks of blocks a pipeline stage holds
  int64_t ulysses = 2;     ///< ranks of the inner Ulysses group of `hybrid`
  int64_t zero = 3;
  DeviceKind device = DeviceKind::cpu;
  double timeout_seconds = 600.0;  ///< of a collective
  bool verify = true;              ///< short proof at the start of a run of several ranks
};

struct MemoryConfig {
  Recompute recompute = Recompute::none;
  Offload offload = Offload::none;  ///< where what recomputation keeps waits for backward
  std::string offload_directory;    ///< empty: the system's for temporary files
  int64_t mlp_chunk = 0;            ///< tokens the MLP takes at a time where it is recomputed; 0: 2,048
};

struct EvaluateConfig {
  std::vector<std::string> leads;    ///< multiples of data.lead_time; empty: one lead
  int64_t stride = 1;                ///< score every n-th initial time
  int64_t batch_size = 0;            ///< 0: train.batch_size
  bool average = true;               ///< by the moving average of weights, where the checkpoint has one
  std::vector<std::string> regions;  ///< boxes, see Region::parse; empty: tropics and both hemispheres' rest
};

struct Config {
  DataConfig data;
  ModelConfig model;
  TrainConfig train;
  ParallelConfig parallel;
  MemoryConfig memory;
  EvaluateConfig evaluate;
};

/// Reads `path`, applies `overrides` ("section.key=value", values as in YAML) and validates.
Config load_config(const std::string& path, const std::vector<std::string>& overrides);
/// The same from text; `name` stands in messages.
Config parse_config(const std::string& yaml, const std::string& name,
                    const std::vector<std::string>& overrides);
/// Every setting with its value, as YAML that load_config reads back to the same settings.
std::string to_yaml(const Config& config);
/// A setting that two configurations have different values of, as YAML.
struct ChangedSetting {
  std::string path;  ///< section.key
  std::string one, other;
};
std::vector<ChangedSetting> changed_settings(const Config& one, const Config& other);
/// Throws Error(usage) where settings contradict one another. `name` stands in messages.
void validate(const Config& config, const std::string& name);

/// "2GiB", "512MiB", "1000000": bytes. Throws Error(usage).
int64_t parse_bytes(const std::string& text, const std::string& setting);

const char* to_string(Tokens);
const char* to_string(Precision);
const char* to_string(Recompute);
const char* to_string(Offload);
const char* to_string(Sequence);
const char* to_string(DeviceKind);

}  // namespace seqvit
