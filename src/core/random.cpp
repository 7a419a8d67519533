#include "core/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace seqvit {

uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t z = a + 0x9E3779B97F4A7C15ULL * (b + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

uint64_t random_key(uint64_t seed, std::string_view name) {
  uint64_t key = mix(seed, name.size());
  for (const char c : name)
    key = mix(key, static_cast<unsigned char>(c));
  return key;
}

double uniform(uint64_t key, uint64_t counter) {
  return static_cast<double>(mix(key, counter) >> 11) * 0x1.0p-53;
}

double normal(uint64_t key, uint64_t counter) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform(key, 2 * counter)));
  return radius * std::cos(2.0 * std::numbers::pi * uniform(key, 2 * counter + 1));
}

void fill_truncated_normal(std::span<float> out, double std, uint64_t key, uint64_t first) {
  for (size_t i = 0; i < out.size(); ++i) {
    double value = normal(key, first + i);
    for (uint64_t retry = 1; std::abs(value) > 2.0; ++retry)
      value = normal(mix(key, retry), first + i);
    out[i] = static_cast<float>(value * std);
  }
}

int64_t permuted(uint64_t key, int64_t index, int64_t count) {
  // A four-round Feistel network over the next even number of bits; values that fall outside are walked on.
  const auto bits = static_cast<int>(std::bit_width(static_cast<uint64_t>(std::max<int64_t>(count - 1, 1))));
  const int half_bits = (bits + 1) / 2;
  const uint64_t mask = (uint64_t{1} << half_bits) - 1;
  auto value = static_cast<uint64_t>(index);
  do {
    uint64_t left = value >> half_bits, right = value & mask;
    for (uint64_t round = 0; round < 4; ++round) {
      const uint64_t next = left ^ (mix(mix(key, round), right) & mask);
      left = right;
      right = next;
    }
    value = (left << half_bits) | right;
  } while (value >= static_cast<uint64_t>(count));
  return static_cast<int64_t>(value);
}

}  // namespace seqvit
