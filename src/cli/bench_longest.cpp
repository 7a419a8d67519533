#include "cli/bench_longest.h"

#include <algorithm>

#include <fmt/core.h>

#include "cli/timing.h"
#include "comm/text.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/resident.h"
#include "ops/allocate_only.h"
#include "ops/memory.h"

namespace seqvit::cli {
namespace {

constexpr int64_t kUnit = 1024;  ///< sequences are multiples of it, so that their grid is nearly square

/// Bytes of a rank, the largest over ranks.
struct StepPeak {
  int64_t tensors = 0, resident = 0;  // 0: the system does not tell
};

int64_t largest(int64_t mine, comm::Comm& world) {
  int64_t result = mine;
  for (const std::string& text : comm::gather_text(world, std::to_string(mine), "bench"))
    result = std::max<int64_t>(result, std::stoll(text));
  return result;
}

StepPeak peak_of_step(const Config& config, int64_t tokens, comm::Comm& world, ops::AllocateOnly::In what) {
  ops::return_idle_memory();  // of a longer step before
  const bool knows_resident = reset_peak_resident_bytes();
  const ops::AllocateOnly only(what);
  comm::Mesh mesh(world, config.parallel);
  BenchStep step(config, bench_model(config, tokens), mesh);
  step();
  const train::StepMemory& m = step.result().memory;
  return {largest(m.before + m.peak, world), largest(knows_resident ? peak_resident_bytes() : 0, world)};
}

}  // namespace

nlohmann::ordered_json bench_longest(const Config& config, int64_t bytes, comm::Comm& world, bool confirm) {
  nlohmann::ordered_json tried = nlohmann::json::array();
  auto peak = [&](int64_t tokens) {
    const double start = seconds_now();
    const StepPeak found = peak_of_step(config, tokens, world, ops::AllocateOnly::In::attention_and_products);
    tried.push_back({{"tokens", tokens}, {"peak_bytes", found.tensors}, {"peak_rss_bytes", found.resident}});
    if (world.rank() == 0) {
      constexpr double kGiB = 1 << 30;
      log_info("bench: {} tokens take {:.2f} GiB of tensors a rank, {:.2f} GiB resident ({:.0f} s)", tokens,
               static_cast<double>(found.tensors) / kGiB, static_cast<double>(found.resident) / kGiB,
               seconds_now() - start);
    }
    return found.tensors;
  };
  const int64_t short_one = 8 * kUnit, second = 16 * kUnit;
  const auto a = static_cast<double>(peak(short_one)), b = static_cast<double>(peak(second));
  const double slope = (b - a) / static_cast<double>(second - short_one);
  const double line = (static_cast<double>(bytes) - a) / slope + static_cast<double>(short_one);
  if (line < static_cast<double>(short_one))
    fail(Exit::usage, "--memory: {} bytes do not hold a sequence of {} tokens; give more", bytes, short_one);

  // Just below the line first. What does not fit gives a better line; what does is tried once more a little
  // longer.
  auto to_unit = [](double tokens) { return static_cast<int64_t>(tokens) / kUnit * kUnit; };
  int64_t fits = short_one, too_long = to_unit(line * 2.0) + kUnit, next = to_unit(line * 0.99);
  while (next > fits && next < too_long) {
    const int64_t found = peak(next);
    (found <= bytes ? fits : too_long) = next;
    const int64_t close = std::max(kUnit, fits / 64 / kUnit * kUnit);
    if (too_long - fits <= close) break;
    const double better = static_cast<double>(short_one) + (static_cast<double>(bytes) - a) /
                                                               (static_cast<double>(found) - a) *
                                                               static_cast<double>(next - short_one);
    next =
        found <= bytes ? fits + close : std::clamp(to_unit(better * 0.995), fits + kUnit, too_long - kUnit);
  }
  nlohmann::ordered_json json = {
      {"memory_bytes_per_rank", bytes}, {"ranks", world.size()}, {"longest_tokens", fits}, {"tried", tried}};
  if (confirm) {
    const StepPeak real = peak_of_step(config, fits, world, ops::AllocateOnly::In::nothing);
    json["confirmed_peak_bytes"] = real.tensors;
    json["confirmed_peak_rss_bytes"] = real.resident;
    json["confirmed"] = real.tensors <= bytes;
  }
  return json;
}

}  // namespace seqvit::cli
