#include "train/event_file.h"

#include <array>
#include <bit>
#include <chrono>
#include <unistd.h>

#include "core/error.h"

namespace seqvit::train {
namespace {

enum Wire : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

template <typename T>
std::string little_endian(T value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof(T); ++i)
    bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7)
    bytes += static_cast<char>((value & 0x7f) | 0x80);
  return bytes + static_cast<char>(value);
}

std::string key(uint32_t field, Wire wire) {
  return varint(field << 3 | wire);
}

std::string bytes_field(uint32_t field, const std::string& bytes) {
  return key(field, kBytes) + varint(bytes.size()) + bytes;
}

std::string double_field(uint32_t field, double value) {
  return key(field, kFixed64) + little_endian(std::bit_cast<uint64_t>(value));
}

std::string float_field(uint32_t field, float value) {
  return key(field, kFixed32) + little_endian(std::bit_cast<uint32_t>(value));
}

// Seconds since 1970.
double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Rotated and shifted, since a CRC over data that hold their own CRC says little.
uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8U;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> entries{};
    for (uint32_t i = 0; i < entries.size(); ++i) {
      entries[i] = i;
      for (int bit = 0; bit < 8; ++bit)
        entries[i] = entries[i] >> 1 ^ (entries[i] & 1U ? 0x82f63b78U : 0U);
    }
    return entries;
  }();
  uint32_t crc = ~0U;
  for (const char byte : bytes)
    crc = crc >> 8 ^ table[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  return ~crc;
}

// TensorBoard reads the files of a directory in the order of their names: the time, in 10 digits, comes
// first.
EventFile::EventFile(const std::filesystem::path& run) {
  const double now = wall_time();
  const std::string name =
      fmt::format("events.out.tfevents.{:010}.{}.{}", static_cast<int64_t>(now), host_name(), ::getpid());
  for (int count = 0; path_.empty() || std::filesystem::exists(path_); ++count)
    path_ = run / fmt::format("{}.{}", name, count);
  out_.open(path_, std::ios::binary);
  record(double_field(1, now) + bytes_field(3, "brain.Event:2"));
}

void EventFile::write(int64_t step, const Scalars& scalars) {
  std::string summary;
  for (const auto& [tag, value] : scalars)
    summary += bytes_field(1, bytes_field(1, tag) + float_field(2, static_cast<float>(value)));
  record(double_field(1, wall_time()) + key(2, kVarint) + varint(static_cast<uint64_t>(step)) +
         bytes_field(5, summary));
}

void EventFile::record(const std::string& payload) {
  const std::string length = little_endian(static_cast<uint64_t>(payload.size()));
  out_ << length << little_endian(masked_crc(length)) << payload << little_endian(masked_crc(payload))
       << std::flush;
  if (!out_) fail(Exit::checkpoint, "{}: cannot write; is the disk full?", path_.string());
}

}  // namespace seqvit::train
