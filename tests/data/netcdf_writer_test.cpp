#include "data/netcdf_writer.h"

#include <array>
#include <cmath>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "data/netcdf.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit::data {
namespace {

constexpr std::array<size_t, 2> kStart = {1, 0}, kCount = {1, 3};

// A file of two rows, of which the second is written.
void write_small(NetcdfWriter& writer) {
  const int y = writer.define_dim("y", 2), x = writer.define_dim("x", 3);
  const int height = writer.define_coordinate("height", {x});
  const int field = writer.define_field("field", {y, x}, {1, 3});
  writer.put(field, "units", std::string("K"));
  writer.put(NetcdfWriter::kFile, "scale", std::vector<double>{2.5});
  writer.end_definitions();
  writer.write(height, std::vector<double>{1, 2, 4});
  writer.write(field, kStart, kCount, std::vector<float>{5, 6, 7});
}

int64_t entries(const std::filesystem::path& directory) {
  return std::distance(std::filesystem::directory_iterator(directory), {});
}

TEST(NetcdfWriter, ReadsBackWhatWasWritten) {
  const TemporaryDirectory directory;
  NetcdfWriter writer(directory / "a.nc", "the test", 100);
  write_small(writer);
  EXPECT_FALSE(std::filesystem::exists(directory / "a.nc")) << "no name before it is complete";
  writer.commit();
  EXPECT_EQ(entries(directory.path()), 1);

  const NetcdfFile file((directory / "a.nc").string());
  EXPECT_EQ(file.read_all(*file.find("height")), (std::vector<double>{1, 2, 4}));
  const FileVariable& field = *file.find("field");
  EXPECT_EQ(field.stored_type, "float32");
  EXPECT_EQ(field.chunk, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(field.text("units"), "K");
  const std::vector<double> values = file.read_all(field);
  EXPECT_TRUE(std::isnan(values[0])) << "what was not written";
  EXPECT_EQ(std::vector<double>(values.begin() + 3, values.end()), (std::vector<double>{5, 6, 7}));
  EXPECT_EQ(std::get<std::vector<double>>(file.attributes().at("scale")), (std::vector<double>{2.5}));
}

TEST(NetcdfWriter, LeavesNothingWithoutCommit) {
  const TemporaryDirectory directory;
  {
    NetcdfWriter writer(directory / "a.nc", "the test", 100);
    write_small(writer);
    EXPECT_EQ(entries(directory.path()), 1);
  }
  EXPECT_EQ(entries(directory.path()), 0);
}

/// A pipe or a directory; /dev/null is of the same kind.
TEST(NetcdfWriter, TakesNoOtherPlaceThanAFiles) {
  const TemporaryDirectory directory;
  const std::string pipe = directory / "pipe.nc";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, directory.path().string()})
    EXPECT_ERROR(NetcdfWriter(path, "the test", 100), Exit::data, path, "something else than a file");
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  EXPECT_EQ(entries(directory.path()), 1);
}

TEST(NetcdfWriter, SaysWhatCannotBeWrittenAndWhy) {
  const TemporaryDirectory directory;
  const std::string path = directory / "nowhere" / "a.nc";
  expect_error(Exit::data, {"nowhere/a.nc: cannot write the test: No such file"},
               [&] { NetcdfWriter(path, "the test", 100); });
  expect_error(Exit::data, {"a.nc: cannot write the test: ", "it needs up to"},
               [&] { NetcdfWriter(directory / "a.nc", "the test", int64_t{1} << 50); });
  EXPECT_EQ(entries(directory.path()), 0);
}

}  // namespace
}  // namespace seqvit::data
