#include "cli/bench_longest.h"

#include <algorithm>

#include <fmt/core.h>

#include "cli/timing.h"
#include "comm/text.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "ops/memory.h"

namespace seqvit {
namespace {

constexpr int64_t kUnit = 1024;  ///< sequences are multiples of it, so that their grid is nearly square

int64_t largest(int64_t mine, Comm& world) {
  int64_t result = mine;
  for (const std::string& text : gather_text(world, std::to_string(mine), "bench"))
    result = std::max<int64_t>(result, std::stoll(text));
  return result;
}

}  // namespace

int64_t peak_of_step(const Config& config, int64_t tokens, Comm& world, AllocateOnly::In what) {
  const AllocateOnly only(what);
  Mesh mesh(world, config.parallel);
  BenchStep step(config, bench_model(config, tokens), mesh);
  step();
  const StepMemory& m = step.learner().memory();
  return largest(m.before + m.peak, world);
}

nlohmann::ordered_json bench_longest(const Config& config, int64_t bytes, Comm& world, bool confirm) {
  nlohmann::ordered_json tried = nlohmann::json::array();
  auto peak = [&](int64_t tokens) {
    const double start = seconds_now();
    const int64_t found = peak_of_step(config, tokens, world, AllocateOnly::In::attention_and_products);
    tried.push_back({{"tokens", tokens}, {"peak_bytes", found}});
    if (world.rank() == 0) {
      log_info("bench: {} tokens take {:.2f} GiB a rank ({:.0f} s)", tokens,
               static_cast<double>(found) / (1 << 30), seconds_now() - start);
    }
    return found;
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
    const int64_t real = peak_of_step(config, fits, world, AllocateOnly::In::nothing);
    json["confirmed_peak_bytes"] = real;
    json["confirmed"] = real <= bytes;
  }
  return json;
}

}  // namespace seqvit
