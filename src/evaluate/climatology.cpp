#include "evaluate/climatology.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"

namespace seqvit::evaluate {
namespace {

constexpr int64_t kDaysOnEitherSide = 10;

int64_t modulo(int64_t a, int64_t n) {
  return (a % n + n) % n;
}

Cycle cycle_of(const ClimatologyOptions& options) {
  return options.monthly ? Cycle::months : Cycle::dates;
}

}  // namespace

// Sums of the training values of consecutive days of the cycle, [day, time of day, Y, X].
struct Climatology::Block {
  int64_t first, days;  // days of the cycle, the window on either side included; `first` may be negative
  Range bins;           // numbers of the bins that are averaged from it
  std::vector<double> sums;
  std::vector<int32_t> counts;

  // Place of a day in the block, or -1.
  int64_t place(int64_t day, int64_t cycle) const {
    const int64_t offset = modulo(day - first, cycle);
    return offset < days ? offset : -1;
  }
};

Climatology::Climatology(const data::Dataset& dataset, ClimatologyOptions options,
                         std::span<const data::TimeStamp> needed)
    : ClimatologyFields(dataset.calendar(), cycle_of(options), std::ssize(options.variables),
                        options.rows.size() * dataset.grid().columns(), needed, options.memory_bytes),
      dataset_(dataset),
      options_(std::move(options)),
      cycle_(days_of(dataset.calendar(), cycle_of(options_))),
      window_(options_.monthly ? 0 : kDaysOnEitherSide) {
  for (const auto& [bin, index] : bins())
    seconds_[bin.second] = 0;
  int64_t number = 0;
  for (auto& [second, index] : seconds_)
    index = number++;
  for (int64_t position = 0; position < std::ssize(options_.variables); ++position) {
    if (options_.before_variable) options_.before_variable();
    compute(position);
  }
}

// Bins are visited in the order of their days, as many days at a time as fit the working memory.
void Climatology::compute(int64_t position) {
  const auto day_bytes = static_cast<int64_t>(seconds_.size()) * points() *
                         static_cast<int64_t>(sizeof(double) + sizeof(int32_t));
  const int64_t most = std::max(options_.working_bytes / std::max<int64_t>(day_bytes, 1), 2 * window_ + 1);
  for (auto bin = bins().begin(); bin != bins().end();) {
    Block block{.first = bin->first.day - window_, .bins = {bin->second, bin->second}};
    int64_t last = bin->first.day;
    while (bin != bins().end() && bin->first.day + window_ - block.first < most) {
      last = bin->first.day;
      ++block.bins.end;
      ++bin;
    }
    block.days = std::min(last + window_ - block.first + 1, cycle_);
    block.sums.assign(block.days * static_cast<int64_t>(seconds_.size()) * points(), 0.0);
    block.counts.assign(block.sums.size(), 0);
    add_training(position, block);
    average(position, block);
  }
}

void Climatology::add_training(int64_t position, Block& block) const {
  Progress progress;
  std::vector<float> field(points());
  for (int64_t time = options_.training.begin; time < options_.training.end; ++time) {
    // Ranks stop together, at the next place where they meet: what is missing then is never used.
    if (stop_requested()) return;
    const Bin bin = bin_at(dataset_.times()[time]);
    const int64_t day = block.place(bin.day, cycle_);
    const auto second = seconds_.find(bin.second);
    if (day < 0 || second == seconds_.end()) continue;
    if (progress.due()) {
      progress.show(fmt::format("climatology: variable {} of {}, {} of {} times", position + 1,
                                options_.variables.size(), time - options_.training.begin,
                                options_.training.size()));
    }
    dataset_.read(options_.variables[position], time, options_.rows, field);
    const int64_t offset = (day * static_cast<int64_t>(seconds_.size()) + second->second) * points();
    for (int64_t i = 0; i < points(); ++i) {
      const bool valid = std::isfinite(field[i]);
      block.sums[offset + i] += valid ? field[i] : 0.0f;
      block.counts[offset + i] += valid ? 1 : 0;
    }
  }
}

void Climatology::average(int64_t position, const Block& block) {
  std::vector<double> sums(points());
  std::vector<int64_t> counts(points());
  for (const auto& [bin, number] : bins()) {
    if (!block.bins.contains(number)) continue;
    std::fill(sums.begin(), sums.end(), 0.0);
    std::fill(counts.begin(), counts.end(), 0);
    for (int64_t shift = -window_; shift <= window_; ++shift) {
      const int64_t day = block.place(modulo(bin.day + shift, cycle_), cycle_);
      const int64_t offset =
          (day * static_cast<int64_t>(seconds_.size()) + seconds_.at(bin.second)) * points();
      for (int64_t i = 0; i < points(); ++i) {
        sums[i] += block.sums[offset + i];
        counts[i] += block.counts[offset + i];
      }
    }
    const std::span<float> out = values(position, number);
    for (int64_t i = 0; i < points(); ++i) {
      out[i] = counts[i] > 0 ? static_cast<float>(sums[i] / static_cast<double>(counts[i]))
                             : std::numeric_limits<float>::quiet_NaN();
    }
  }
}

}  // namespace seqvit::evaluate
