#include "evaluate/climatology_fields.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <unistd.h>

#include <sys/mman.h>

#include "core/error.h"

namespace seqvit::evaluate {
namespace {

constexpr int64_t kSecondsPerDay = 86400;

// Day of the year, from 0, at which a date falls in a year of the greatest length, so that dates keep their
// place.
int64_t day_of_longest_year(data::TimeStamp time, data::Calendar calendar) {
  if (calendar == data::Calendar::noleap || calendar == data::Calendar::day360)
    return data::day_of_year(time, calendar) - 1;
  data::DateTime date = data::to_date_time(time, calendar);
  return data::day_of_year(data::to_time_stamp({2000, date.month, date.day}, data::Calendar::all_leap),
                           data::Calendar::all_leap) -
         1;
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

ClimatologyBin bin_of(data::TimeStamp time, data::Calendar calendar, Cycle cycle) {
  if (cycle == Cycle::months) return {data::to_date_time(time, calendar).month - 1, 0};
  const int64_t day = cycle == Cycle::dates ? day_of_longest_year(time, calendar)
                                            : int64_t{data::day_of_year(time, calendar)} - 1;
  return {day, (time % kSecondsPerDay + kSecondsPerDay) % kSecondsPerDay};
}

int64_t days_of(data::Calendar calendar, Cycle cycle) {
  if (cycle == Cycle::months) return 12;
  if (calendar == data::Calendar::day360) return 360;
  return calendar == data::Calendar::noleap ? 365 : 366;
}

ClimatologyFields::ClimatologyFields(data::Calendar calendar, Cycle cycle, int64_t variables, int64_t points,
                                     std::span<const data::TimeStamp> needed, int64_t memory_bytes)
    : calendar_(calendar), cycle_(cycle), points_(points) {
  for (const data::TimeStamp time : needed)
    bins_[bin_at(time)] = 0;
  int64_t number = 0;
  for (auto& [bin, index] : bins_)
    index = number++;
  storage_ = allocate(variables * static_cast<int64_t>(bins_.size()) * points_, memory_bytes);
}

std::span<float> ClimatologyFields::values(int64_t position, int64_t bin) {
  const int64_t index = position * static_cast<int64_t>(bins_.size()) + bin;
  return {storage_.get() + index * points_, static_cast<size_t>(points_)};
}

std::span<const float> ClimatologyFields::values(int64_t position, int64_t bin) const {
  const int64_t index = position * static_cast<int64_t>(bins_.size()) + bin;
  return {storage_.get() + index * points_, static_cast<size_t>(points_)};
}

std::span<const float> ClimatologyFields::field(int64_t position, data::TimeStamp time) const {
  const auto found = bins_.find(bin_at(time));
  check(found != bins_.end(), "climatology of a time that was not asked for");
  return values(position, found->second);
}

}  // namespace seqvit::evaluate
