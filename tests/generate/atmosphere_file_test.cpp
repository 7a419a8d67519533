#include "generate/atmosphere_file.h"

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "data/dataset.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit::generate {
namespace {

constexpr double kStep = 21600.0;

void write_run(const std::filesystem::path& path, uint64_t seed) {
  Atmosphere atmosphere(10, seed, -kStep);
  AtmosphereFile file(path, atmosphere, {0, 6, 12}, "a test");
  for (int64_t n = 0; n < 3; ++n) {
    atmosphere.advance(kStep);
    file.write(n, atmosphere);
  }
  EXPECT_FALSE(std::filesystem::exists(path)) << "no name before it is complete";
  file.commit();
}

TEST(AtmosphereFile, IsADatasetOfWhatWasWritten) {
  const TemporaryDirectory directory;
  write_run(directory / "a.nc", 1);
  const data::Dataset dataset({.files = {directory / "a.nc"}, .statics = {"orography", "land"}});
  ASSERT_EQ(dataset.variables().size(), 8U);
  EXPECT_EQ(dataset.calendar(), data::Calendar::noleap);
  ASSERT_EQ(dataset.times().size(), 3U);
  EXPECT_EQ(data::format_time(dataset.times()[1], dataset.calendar()), "0001-01-01T06:00:00");
  EXPECT_TRUE(dataset.grid().periodic());

  Atmosphere atmosphere(10, 1, -kStep);
  const Range rows{0, dataset.grid().rows()};
  std::vector<float> values(dataset.grid().points());
  for (int64_t n = 0; n < 3; ++n) {
    atmosphere.advance(kStep);
    const at::Tensor fields = atmosphere.fields();
    for (int64_t v = 0; v < 8; ++v) {
      const FieldInfo& channel = atmosphere_channels()[v];
      const int64_t index = dataset.variable_index(channel.name);
      EXPECT_EQ(dataset.variables()[index].units, channel.units);
      dataset.read(index, n, rows, values);
      const float* expected = fields[v].const_data_ptr<float>();
      EXPECT_TRUE(std::equal(values.begin(), values.end(), expected)) << channel.name << " at " << n;
    }
  }
  const at::Tensor surface = atmosphere.surface_fields();
  for (int64_t k = 0; k < 2; ++k) {
    dataset.read_static(k, rows, values);
    EXPECT_TRUE(std::equal(values.begin(), values.end(), surface[k].const_data_ptr<float>()));
  }
}

TEST(AtmosphereFile, SameSeedSameBytes) {
  const TemporaryDirectory directory;
  write_run(directory / "a.nc", 1);
  write_run(directory / "b.nc", 1);
  write_run(directory / "c.nc", 2);
  EXPECT_EQ(file_checksum(directory / "a.nc", Exit::bug), file_checksum(directory / "b.nc", Exit::bug));
  EXPECT_NE(file_checksum(directory / "a.nc", Exit::bug), file_checksum(directory / "c.nc", Exit::bug));
}

TEST(AtmosphereFile, AbandonedLeavesNothing) {
  const TemporaryDirectory directory;
  {
    Atmosphere atmosphere(10, 1, 0.0);
    AtmosphereFile file(directory / "a.nc", atmosphere, {0, 6}, "a test");
    file.write(0, atmosphere);
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
  Atmosphere atmosphere(10, 1, 0.0);
  expect_error(Exit::data, {"nowhere", "cannot write the atmosphere", "No such file"},
               [&] { AtmosphereFile(directory / "nowhere" / "a.nc", atmosphere, {0}, "a test"); });
}

}  // namespace
}  // namespace seqvit::generate
