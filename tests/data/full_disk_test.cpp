#include "data/full_disk.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "support/temporary_directory.h"

namespace seqvit::data {
namespace {

class FullDisk : public ::testing::Test {
 protected:
  FullDisk() {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
  }
  ~FullDisk() override { setrlimit(RLIMIT_FSIZE, &before_); }

  void limit(rlim_t bytes) {
    const rlimit small{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }

  TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_ / "file";
  rlimit before_{};
};

TEST_F(FullDisk, RoomIsAskedForAndGivenBack) {
  EXPECT_EQ(room_error(path_, 1000), 0);
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(room_error(directory_ / "no" / "file", 1000), ENOENT);
  limit(999);
  EXPECT_EQ(room_error(path_, 1000), EFBIG);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(FullDisk, GrowthIsMeasuredAgainstLimitAndDisk) {
  std::ofstream(path_) << std::string(100, 'x');
  EXPECT_EQ(growth_error(path_, 1000, false), 0);
  EXPECT_EQ(growth_error(path_, int64_t{1} << 60, false), ENOSPC);
  EXPECT_EQ(growth_error(path_, int64_t{1} << 60, true), 0) << "room that is held is not looked for";
  limit(1100);
  EXPECT_EQ(growth_error(path_, 1000, true), 0);
  EXPECT_EQ(growth_error(path_, 1001, true), EFBIG);
}

TEST_F(FullDisk, HeldRoomDoesNotChangeTheSize) {
  std::ofstream(path_) << "abc";
  if (!hold_room(path_, 1 << 20)) GTEST_SKIP() << "this file system cannot hold room";
  struct stat file {};
  ASSERT_EQ(::stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_size, 3);
  EXPECT_GE(file.st_blocks * 512, 1 << 20);
}

TEST_F(FullDisk, SunkWritesSucceedAndAreLost) {
  const int descriptor = ::open(path_.c_str(), O_RDWR | O_CREAT, 0644);
  const int other = ::open((directory_ / "other").c_str(), O_RDWR | O_CREAT, 0644);
  ASSERT_EQ(::pwrite(descriptor, "kept", 4, 0), 4);
  limit(10);
  ASSERT_EQ(::pwrite(descriptor, "x", 1, 1000), -1);
  sink_writes(path_);
  EXPECT_EQ(::pwrite(descriptor, "x", 1, 1000), 1);
  EXPECT_EQ(::ftruncate(descriptor, 2000), 0);
  EXPECT_EQ(::pwrite(other, "y", 1, 0), 1);
  ::close(descriptor);
  ::close(other);
  EXPECT_EQ(std::filesystem::file_size(path_), 4u);
  EXPECT_EQ(std::filesystem::file_size(directory_ / "other"), 1u) << "other files are left alone";
}

}  // namespace
}  // namespace seqvit::data
