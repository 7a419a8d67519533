#include "train/event_file.h"

#include <bit>
#include <ctime>

#include <gtest/gtest.h>

#include "core/file.h"
#include "support/errors.h"
#include "support/temporary_directory.h"
#include "train/metrics.h"

namespace seqvit::train {
namespace {

namespace fs = std::filesystem;

uint64_t little_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

// Takes bytes off the front.
std::string_view take(std::string_view& bytes, size_t count) {
  EXPECT_LE(count, bytes.size());
  const std::string_view front = bytes.substr(0, count);
  bytes.remove_prefix(front.size());
  return front;
}

uint64_t take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<uint8_t>(take(bytes, 1)[0]);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

// The payloads of a file, whose lengths and checksums must be right.
std::vector<std::string> payloads(const fs::path& path) {
  const std::string file = read_text(path, Exit::bug);
  const auto unmasked = [](std::string_view stored) {
    const auto rotated = static_cast<uint32_t>(little_endian(stored)) - 0xa282ead8U;
    return rotated >> 17 | rotated << 15;
  };
  std::vector<std::string> found;
  for (std::string_view rest = file; !rest.empty();) {
    const std::string_view length = take(rest, 8);
    EXPECT_EQ(unmasked(take(rest, 4)), crc32c(length));
    const std::string_view payload = take(rest, little_endian(length));
    EXPECT_EQ(unmasked(take(rest, 4)), crc32c(payload));
    found.emplace_back(payload);
  }
  return found;
}

struct Event {
  double wall_time = 0;
  int64_t step = -1;
  std::string version;
  std::vector<std::pair<std::string, float>> scalars;
};

std::pair<std::string, float> decode_value(std::string_view bytes) {
  std::pair<std::string, float> value;
  EXPECT_EQ(take_varint(bytes), 1U << 3 | 2);
  value.first = take(bytes, take_varint(bytes));
  EXPECT_EQ(take_varint(bytes), 2U << 3 | 5);
  value.second = std::bit_cast<float>(static_cast<uint32_t>(little_endian(take(bytes, 4))));
  EXPECT_TRUE(bytes.empty());
  return value;
}

Event decode(std::string_view bytes) {
  Event event;
  while (!bytes.empty()) {
    const uint64_t key = take_varint(bytes);
    if (key == (1 << 3 | 1)) {
      event.wall_time = std::bit_cast<double>(little_endian(take(bytes, 8)));
    } else if (key == (2 << 3 | 0)) {
      event.step = static_cast<int64_t>(take_varint(bytes));
    } else if (key == (3 << 3 | 2)) {
      event.version = take(bytes, take_varint(bytes));
    } else {
      EXPECT_EQ(key, 5U << 3 | 2);
      std::string_view summary = take(bytes, take_varint(bytes));
      while (!summary.empty()) {
        EXPECT_EQ(take_varint(summary), 1U << 3 | 2);
        event.scalars.push_back(decode_value(take(summary, take_varint(summary))));
      }
    }
  }
  return event;
}

std::vector<fs::path> event_files(const fs::path& run) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(run)) {
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) files.push_back(entry.path());
  }
  return files;
}

TEST(EventFile, ChecksumIsCrc32c) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU) << "RFC 3720, B.4";
}

TEST(EventFile, HoldsItsVersionAndTheScalarsOfEachStep) {
  const TemporaryDirectory d;
  EventFile file(d.path());
  file.write(1, {{"loss", 0.25}, {"tokens", 12345.0}});
  file.write(int64_t{1} << 40, {{std::string(300, 'x'), -1.5}});
  const auto found = payloads(file.path());
  ASSERT_EQ(found.size(), 3U);
  const Event version = decode(found[0]), first = decode(found[1]), last = decode(found[2]);
  EXPECT_EQ(version.version, "brain.Event:2");
  EXPECT_NEAR(version.wall_time, static_cast<double>(std::time(nullptr)), 60.0);
  EXPECT_GE(first.wall_time, version.wall_time);
  EXPECT_EQ(first.step, 1);
  EXPECT_EQ(first.scalars,
            (std::vector<std::pair<std::string, float>>{{"loss", 0.25f}, {"tokens", 12345.0f}}));
  EXPECT_EQ(last.step, int64_t{1} << 40);
  EXPECT_EQ(last.scalars.at(0), std::pair(std::string(300, 'x'), -1.5f)) << "lengths of two bytes";
}

TEST(EventFile, OfARunHoldsItsMetricsAndAResumedOneBeginsAnother) {
  const TemporaryDirectory d;
  {
    MetricsFile metrics(d.path(), 0);
    metrics.write({.step = 1, .loss = 0.5, .learning_rate = 1e-3, .grad_norm = 2, .tokens_per_second = 4e3});
    metrics.write_validation(1, 0.75);
  }
  ASSERT_EQ(event_files(d.path()).size(), 1U);
  const auto found = payloads(event_files(d.path())[0]);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(
      decode(found[1]).scalars,
      (std::vector<std::pair<std::string, float>>{
          {"loss/train", 0.5f}, {"learning_rate", 1e-3f}, {"grad_norm", 2.0f}, {"tokens_per_second", 4e3f}}));
  EXPECT_EQ(decode(found[2]).scalars.at(0), std::pair(std::string("loss/validation"), 0.75f));
  MetricsFile(d.path(), 1).write_validation(2, 0.5);
  EXPECT_EQ(event_files(d.path()).size(), 2U);
}

TEST(EventFile, AFailureNamesTheFile) {
  expect_error(Exit::checkpoint, {"events.out.tfevents", "cannot write"}, [] { EventFile file("/nowhere"); });
}

}  // namespace
}  // namespace seqvit::train
