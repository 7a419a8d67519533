/// Machines that layouts are planned for, as the few numbers that a step's time and memory depend on.
///
/// When to use it: by name (`plan --machine`), or `this_machine` for the one that the program runs on.
/// Figures of named machines are makers' peaks, with their source beside each in machine.cpp; how much of a
/// peak large products and attention reach is assumed there, and said so. Times predicted from them rank
/// layouts; for a promise, run `bench` on the machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/kinds.h"
#include "plan/block_memory.h"

namespace seqvit::plan {

/// Between two ranks, or rather what a rank gets of it when all its neighbours send too.
struct Link {
  double bytes_per_second = 0.0;  ///< that a rank sends
  double seconds = 0.0;           ///< before the first byte arrives
};

struct Machine {
  std::string name;
  int64_t ranks_per_node = 1;
  int64_t cores_per_rank = 1;
  bool gpus = false;         ///< a rank has one
  int64_t memory_bytes = 0;  ///< of a rank, for tensors
  double bf16_rate = 0.0;    ///< operations a second of a rank's large matrix products
  double fp32_rate = 0.0, fp64_rate = 0.0;
  double attention_share = 1.0;  ///< of that rate, by the attention kernel
  double memory_rate = 0.0;      ///< bytes a second, to and from a rank's memory
  Link inside, between;          ///< a node, nodes

  /// Throws Error(usage) for a precision that the machine has no rate for.
  double rate(Precision precision) const;
};

std::vector<std::string> machine_names();

/// Throws Error(usage) with the nearest name. "this" is not among them: see this_machine.
Machine find_machine(const std::string& name);

/// The machine that the program runs on: `ranks` of them on this node, each with its part of the memory that
/// /proc/meminfo calls available, products of `precision` at the `rate` that was measured for one rank, and
/// the kernel of `attention`.
Machine this_machine(Precision precision, double rate, int64_t ranks, AttentionMemory attention);

}  // namespace seqvit::plan
