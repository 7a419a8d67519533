/// Reads every field of a file once, as training does: a batch of samples at a time. Prints seconds and the
/// sum of all values; with a second argument "sum", the sum and the count of values a variable instead. For
/// bench/decode.sh and the checks in Python.
#include <chrono>
#include <cmath>
#include <cstdio>

#include "core/error.h"
#include "core/workers.h"
#include "data/dataset.h"

int main(int count, char** arguments) {
  using namespace seqvit;
  try {
    const auto start = std::chrono::steady_clock::now();
    const data::Dataset dataset({.files = {arguments[1]}, .cache_bytes = 0});
    const auto variables = std::ssize(dataset.variables()), times = std::ssize(dataset.times());
    std::vector<double> sums(static_cast<size_t>(variables * times)), counts(sums.size());
    for_each_index(variables * times, [&](int64_t i) {
      std::vector<float> field(static_cast<size_t>(dataset.grid().points()));
      dataset.read(i % variables, i / variables, {0, dataset.grid().rows()}, field);
      for (const float value : field) {
        if (std::isnan(value)) continue;
        sums[i] += static_cast<double>(value);
        counts[i] += 1;
      }
    });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    double total = 0;
    for (const double sum : sums)
      total += sum;
    if (count == 2) std::printf("%.6f %.17g\n", seconds.count(), total);
    for (int64_t v = 0; count > 2 && v < variables; ++v) {
      double sum = 0, values = 0;
      for (int64_t t = 0; t < times; ++t)
        sum += sums[t * variables + v], values += counts[t * variables + v];
      std::printf("%s %.17g %.0f\n", dataset.variables()[v].name.c_str(), sum, values);
    }
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "read_all: %s\n", error.what());
    return static_cast<int>(error.code());
  }
}
