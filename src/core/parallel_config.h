/// Settings of sections `parallel` and `memory`.
#pragma once

#include <cstdint>
#include <string>

#include "core/kinds.h"

namespace seqvit {

enum class Sequence { ulysses, lss, lss_kv, ring, hybrid };
enum class Recompute { none, full, keep_attention };
enum class Offload { none, disk, host };

struct ParallelConfig {
  int64_t pp = 1, dp = 1, sp = 1, tp = 1;
  Sequence sequence = Sequence::ulysses;
  int64_t interleave = 1;  ///< chunks of blocks a pipeline stage holds
  int64_t ulysses = 2;     ///< ranks of the inner Ulysses group of `hybrid`
  int64_t zero = 3;
  DeviceKind device = DeviceKind::cpu;
  double timeout_seconds = 600.0;  ///< of a collective
  bool verify = true;              ///< short proof at the start of a run of several ranks
  bool share_gpus = false;         ///< several ranks a GPU

  int64_t ranks() const { return pp * dp * sp * tp; }
};

struct MemoryConfig {
  Recompute recompute = Recompute::none;
  Offload offload = Offload::none;  ///< where what recomputation keeps waits for backward
  bool recompute_rollout = false;   ///< of a forecast fed back, only the last step is kept whole
  std::string offload_directory;    ///< empty: the system's for temporary files
  bool must_fit = true;             ///< a run that the planner finds no room for does not start
  int64_t mlp_chunk = 0;            ///< tokens the MLP takes at a time where it is recomputed; 0: 2,048
};

const char* to_string(Recompute);
const char* to_string(Offload);
const char* to_string(Sequence);

}  // namespace seqvit
