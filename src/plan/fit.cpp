#include "plan/fit.h"

#include <optional>

#include <fmt/core.h>

#include "core/error.h"

namespace seqvit::plan {
namespace {

std::string gibibytes(int64_t bytes) {
  return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / (1 << 30));
}

struct Change {
  std::string settings;
  int64_t peak;
};

bool is_valid(const Config& config) {
  try {
    validate(config, "plan");
    return true;
  } catch (const Error& error) {
    return false;
  }
}

/// Of settings that leave the mesh as it is: the first that fits, those that cost least time first.
std::optional<Change> small_change(const model::ModelShape& shape, const Config& config,
                                   AttentionMemory attention, int64_t memory_bytes) {
  const int64_t samples = config.train.batch_size / config.parallel.dp;
  for (const int64_t zero : {config.parallel.zero, int64_t{3}}) {
    for (const int64_t micro : {config.train.micro_batches, samples}) {
      for (const Recompute recompute : {Recompute::none, Recompute::keep_attention, Recompute::full}) {
        Config changed = config;
        changed.parallel.zero = zero, changed.train.micro_batches = micro;
        changed.memory.recompute = recompute;
        if (!is_valid(changed)) continue;
        const int64_t peak = predict_most_memory(shape, changed, attention).peak;
        if (peak > memory_bytes) continue;
        std::string settings;
        for (const ChangedSetting& each : changed_settings(config, changed))
          settings += fmt::format("--{}={} ", each.path, each.other);
        return Change{settings, peak};
      }
    }
  }
  return std::nullopt;
}

/// Another layout of as many ranks. Times only rank them, so any rate will do.
std::optional<Change> another_layout(const model::ModelShape& shape, const Config& config,
                                     AttentionMemory attention, int64_t memory_bytes) {
  const int64_t ranks = config.parallel.ranks();
  Machine machine = this_machine(config.train.precision, 1e10, ranks, attention);
  machine.memory_bytes = memory_bytes;
  for (const Layout& layout : plan_layouts(shape, config, machine, ranks, attention).layouts)
    if (layout.ranks() == ranks) return Change{layout.settings() + " ", layout.memory.peak};
  return std::nullopt;
}

}  // namespace

std::string misfit(const model::ModelShape& shape, const Config& config, AttentionMemory attention,
                   int64_t memory_bytes) {
  const int64_t peak = predict_most_memory(shape, config, attention).peak;
  if (peak <= memory_bytes) return "";
  std::optional<Change> change = small_change(shape, config, attention, memory_bytes);
  if (!change) change = another_layout(shape, config, attention, memory_bytes);
  return fmt::format("a rank takes {}, this machine has {} for each; {}", gibibytes(peak),
                     gibibytes(memory_bytes),
                     change ? fmt::format("{}takes {}", change->settings, gibibytes(change->peak))
                            : "use more ranks on more machines, or a larger model.patch_size");
}

}  // namespace seqvit::plan
