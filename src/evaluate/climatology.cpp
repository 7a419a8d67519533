#include "evaluate/climatology.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <limits>
#include <unistd.h>

#include <sys/mman.h>

#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"

namespace seqvit::evaluate {
namespace {

constexpr int64_t kSecondsPerDay = 86400;
constexpr int64_t kDaysOnEitherSide = 10;

int64_t modulo(int64_t a, int64_t n) {
  return (a % n + n) % n;
}

// Day of the year, from 0, at which a date falls in a year of the greatest length, so that dates keep their
// place.
int64_t day_of_cycle(data::TimeStamp time, data::Calendar calendar) {
  if (calendar == data::Calendar::noleap || calendar == data::Calendar::day360)
    return data::day_of_year(time, calendar) - 1;
  data::DateTime date = data::to_date_time(time, calendar);
  return data::day_of_year(data::to_time_stamp({2000, date.month, date.day}, data::Calendar::all_leap),
                           data::Calendar::all_leap) -
         1;
}

int64_t days_in_cycle(data::Calendar calendar) {
  if (calendar == data::Calendar::day360) return 360;
  return calendar == data::Calendar::noleap ? 365 : 366;
}

// Memory in a file that has no name, so that the system can page it out and it disappears with the process.
std::shared_ptr<float[]> map_temporary_file(int64_t bytes) {
  std::string path = (std::filesystem::temp_directory_path() / "seqvit-climatology-XXXXXX").string();
  const int descriptor = ::mkstemp(path.data());
  if (descriptor < 0) fail(Exit::data, "{}: cannot create a temporary file: {}", path, std::strerror(errno));
  ::unlink(path.c_str());
  // Without room set aside first, a full disk would end the program with SIGBUS.
  const int error = ::posix_fallocate(descriptor, 0, bytes);
  void* memory =
      error != 0 ? MAP_FAILED : ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  const int reason = error != 0 ? error : errno;
  ::close(descriptor);
  if (memory == MAP_FAILED) {
    fail(Exit::data,
         "{}: no room for {} bytes of climatology: {}; set TMPDIR to a larger disk or use more ranks", path,
         bytes, std::strerror(reason));
  }
  return {static_cast<float*>(memory), [bytes](float* p) { ::munmap(p, bytes); }};
}

std::shared_ptr<float[]> allocate(int64_t count, int64_t memory_bytes) {
  const int64_t bytes = count * static_cast<int64_t>(sizeof(float));
  return bytes > memory_bytes ? map_temporary_file(bytes) : std::shared_ptr<float[]>(new float[count]);
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
    : dataset_(dataset),
      options_(std::move(options)),
      cycle_(options_.monthly ? 12 : days_in_cycle(dataset.calendar())),
      window_(options_.monthly ? 0 : kDaysOnEitherSide),
      points_(options_.rows.size() * dataset.grid().columns()) {
  for (const data::TimeStamp time : needed) {
    const Bin bin = bin_of(time);
    bins_[bin] = 0;
    seconds_[bin.second] = 0;
  }
  int64_t number = 0;
  for (auto& [bin, index] : bins_)
    index = number++;
  number = 0;
  for (auto& [second, index] : seconds_)
    index = number++;

  const auto variables = static_cast<int64_t>(options_.variables.size());
  const auto count = variables * static_cast<int64_t>(bins_.size()) * points_;
  storage_ = allocate(count, options_.memory_bytes);
  for (int64_t position = 0; position < variables; ++position) {
    if (options_.before_variable) options_.before_variable();
    compute(position);
  }
}

Climatology::~Climatology() = default;

Climatology::Bin Climatology::bin_of(data::TimeStamp stamp) const {
  if (options_.monthly) return {data::to_date_time(stamp, dataset_.calendar()).month - 1, 0};
  return {day_of_cycle(stamp, dataset_.calendar()), modulo(stamp, kSecondsPerDay)};
}

std::span<float> Climatology::values(int64_t position, int64_t bin) const {
  const int64_t index = position * static_cast<int64_t>(bins_.size()) + bin;
  return {storage_.get() + index * points_, static_cast<size_t>(points_)};
}

std::span<const float> Climatology::field(int64_t position, data::TimeStamp time) const {
  const auto found = bins_.find(bin_of(time));
  check(found != bins_.end(), "climatology of a time that was not asked for");
  return values(position, found->second);
}

// Bins are visited in the order of their days, as many days at a time as fit the working memory.
void Climatology::compute(int64_t position) {
  const auto day_bytes = static_cast<int64_t>(seconds_.size()) * points_ *
                         static_cast<int64_t>(sizeof(double) + sizeof(int32_t));
  const int64_t most = std::max(options_.working_bytes / std::max<int64_t>(day_bytes, 1), 2 * window_ + 1);
  for (auto bin = bins_.begin(); bin != bins_.end();) {
    Block block{.first = bin->first.day - window_, .bins = {bin->second, bin->second}};
    int64_t last = bin->first.day;
    while (bin != bins_.end() && bin->first.day + window_ - block.first < most) {
      last = bin->first.day;
      ++block.bins.end;
      ++bin;
    }
    block.days = std::min(last + window_ - block.first + 1, cycle_);
    block.sums.assign(block.days * static_cast<int64_t>(seconds_.size()) * points_, 0.0);
    block.counts.assign(block.sums.size(), 0);
    add_training(position, block);
    average(position, block);
  }
}

void Climatology::add_training(int64_t position, Block& block) const {
  Progress progress;
  std::vector<float> field(points_);
  for (int64_t time = options_.training.begin; time < options_.training.end; ++time) {
    // Ranks stop together, at the next place where they meet: what is missing then is never used.
    if (stop_requested()) return;
    const Bin bin = bin_of(dataset_.times()[time]);
    const int64_t day = block.place(bin.day, cycle_);
    const auto second = seconds_.find(bin.second);
    if (day < 0 || second == seconds_.end()) continue;
    if (progress.due()) {
      progress.show(fmt::format("climatology: variable {} of {}, {} of {} times", position + 1,
                                options_.variables.size(), time - options_.training.begin,
                                options_.training.size()));
    }
    dataset_.read(options_.variables[position], time, options_.rows, field);
    const int64_t offset = (day * static_cast<int64_t>(seconds_.size()) + second->second) * points_;
    for (int64_t i = 0; i < points_; ++i) {
      const bool valid = std::isfinite(field[i]);
      block.sums[offset + i] += valid ? field[i] : 0.0f;
      block.counts[offset + i] += valid ? 1 : 0;
    }
  }
}

void Climatology::average(int64_t position, const Block& block) {
  std::vector<double> sums(points_);
  std::vector<int64_t> counts(points_);
  for (const auto& [bin, number] : bins_) {
    if (!block.bins.contains(number)) continue;
    std::fill(sums.begin(), sums.end(), 0.0);
    std::fill(counts.begin(), counts.end(), 0);
    for (int64_t shift = -window_; shift <= window_; ++shift) {
      const int64_t day = block.place(modulo(bin.day + shift, cycle_), cycle_);
      const int64_t offset =
          (day * static_cast<int64_t>(seconds_.size()) + seconds_.at(bin.second)) * points_;
      for (int64_t i = 0; i < points_; ++i) {
        sums[i] += block.sums[offset + i];
        counts[i] += block.counts[offset + i];
      }
    }
    const std::span<float> out = values(position, number);
    for (int64_t i = 0; i < points_; ++i) {
      out[i] = counts[i] > 0 ? static_cast<float>(sums[i] / static_cast<double>(counts[i]))
                             : std::numeric_limits<float>::quiet_NaN();
    }
  }
}

}  // namespace seqvit::evaluate
