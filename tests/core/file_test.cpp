#include "core/file.h"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit {
namespace {

size_t entries(const std::filesystem::path& directory) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory))
    ++count;
  return count;
}

TEST(AtomicFile, AppearsOnCommitOnly) {
  const TemporaryDirectory directory;
  const auto path = directory / "a.txt";
  {
    AtomicFile file(path, Exit::checkpoint);
    file.write("hello");
    EXPECT_FALSE(std::filesystem::exists(path));
    file.commit();
  }
  EXPECT_EQ(read_text(path, Exit::checkpoint), "hello");
  EXPECT_EQ(entries(directory.path()), 1U);
}

TEST(AtomicFile, LeavesNothingWithoutCommit) {
  const TemporaryDirectory directory;
  {
    AtomicFile file(directory / "a.txt", Exit::checkpoint);
    file.write("half");
  }
  EXPECT_EQ(entries(directory.path()), 0U);
}

TEST(AtomicFile, KeepsTheOldFileWhenTheDiskIsFull) {
  const TemporaryDirectory directory;
  const auto path = directory / "a.txt";
  write_text(path, "old", Exit::checkpoint);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1000, before.rlim_max};  // a limit on file size fails a write as a full disk does
  std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  expect_error(Exit::checkpoint, {"a.txt", "cannot write"},
               [&] { write_text(path, std::string(5000, 'x'), Exit::checkpoint); });
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(read_text(path, Exit::checkpoint), "old");
  EXPECT_EQ(entries(directory.path()), 1U);
}

TEST(Checksum, FileAndMemoryAgreeAndSeeOneBit) {
  const TemporaryDirectory directory;
  std::string text(3'000'000, 'a');
  write_text(directory / "a", text, Exit::data);
  EXPECT_EQ(file_checksum(directory / "a", Exit::data), checksum(std::as_bytes(std::span(text))));
  text[2'500'000] ^= 1;
  EXPECT_NE(file_checksum(directory / "a", Exit::data), checksum(std::as_bytes(std::span(text))));
  expect_error(Exit::data, {"nothing-here", "No such file"},
               [&] { file_checksum(directory / "nothing-here", Exit::data); });
}

TEST(AtomicFile, FollowsLinksAndWritesIntoWhatIsNoFile) {
  const TemporaryDirectory directory;
  write_text(directory / "target", "old", Exit::bug);
  std::filesystem::create_symlink("target", directory / "link");
  write_text(directory / "link", "new", Exit::bug);
  EXPECT_TRUE(std::filesystem::is_symlink(directory / "link"));
  EXPECT_EQ(read_text(directory / "target", Exit::bug), "new");

  write_text("/dev/null", "nothing", Exit::bug);
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  expect_error(Exit::usage, {"/dev/full", "cannot write", "No space left"},
               [] { write_text("/dev/full", "much", Exit::usage); });
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST(DirectoryLock, IsHeldByOneUntilItGoes) {
  const TemporaryDirectory directory;
  {
    const DirectoryLock first(directory.path(), Exit::usage, "");
    expect_error(Exit::usage, {directory.path().string(), "is taken"},
                 [&] { const DirectoryLock second(directory.path(), Exit::usage, "is taken"); });
  }
  const DirectoryLock third(directory.path(), Exit::usage, "");
}

TEST(Checksum, OfPiecesIsThatOfTheWhole) {
  Checksum sum;
  for (const char* piece : {"ab", "", "cde"})
    sum.add(std::as_bytes(std::span(piece, std::strlen(piece))));
  EXPECT_EQ(sum.text(), checksum(std::as_bytes(std::span("abcde", 5))));
}

TEST(RemoveTemporaries, OnlyThoseOfTheFile) {
  const TemporaryDirectory d;
  for (const char* name : {"a.json", "a.json.12-3.tmp", "a.json.tmp", "a.json.mine.tmp", "b.json.12-3.tmp"})
    write_text(d / name, "x", Exit::bug);
  remove_temporaries_of(d / "a.json");
  EXPECT_FALSE(std::filesystem::exists(d / "a.json.12-3.tmp"));
  for (const char* name : {"a.json", "a.json.mine.tmp", "b.json.12-3.tmp"})
    EXPECT_TRUE(std::filesystem::exists(d / name)) << name;
  remove_temporaries_of(d / "nowhere/a.json");
}

TEST(ReadAt, SaysHowMuchWasThere) {
  const TemporaryDirectory d;
  {
    AtomicFile file(d / "a", Exit::data);
    file.write("0123456789");
    file.commit();
  }
  const int descriptor = ::open((d / "a").c_str(), O_RDONLY | O_CLOEXEC);
  std::string out(6, '-');
  const auto bytes = std::as_writable_bytes(std::span(out));
  EXPECT_EQ(read_at(descriptor, bytes, 2), 6);
  EXPECT_EQ(out, "234567");
  EXPECT_EQ(read_at(descriptor, bytes, 7), 3) << "the file ends";
  EXPECT_EQ(out, "789567");
  ::close(descriptor);
  EXPECT_EQ(read_at(descriptor, bytes, 0), -1);
}

}  // namespace
}  // namespace seqvit
