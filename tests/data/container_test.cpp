#include "data/container.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "core/file.h"
#include "data/netcdf.h"
#include "data/netcdf_builder.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit {
namespace {

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

struct Kind {
  const char* name;
  int format;
  int record_variables;  // of 3 int16 values a record, so that padding matters
  bool fixed = true;     // whether a fixed variable stands there too
  size_t last_padding;   // bytes that may be missing at the end
};

class ClassicTruncation : public testing::TestWithParam<Kind> {};

TEST_P(ClassicTruncation, EveryShorterFileIsRefused) {
  const Kind kind = GetParam();
  const TemporaryDirectory directory;
  const std::string path = directory / "whole.nc", cut = directory / "cut.nc";
  {
    NetcdfBuilder file(path, kind.format);
    file.dim("time", 0);
    file.dim("x", 3);
    file.text(NC_GLOBAL, "title", "a title");
    std::vector<int> records;
    for (int i = 0; i < kind.record_variables; ++i) {
      records.push_back(file.variable("r" + std::to_string(i), NC_SHORT, {"time", "x"}));
      file.number(records.back(), "scale_factor", NC_DOUBLE, {0.5});
    }
    const int fixed = kind.fixed ? file.variable("fixed", NC_SHORT, {"x"}) : -1;
    for (const int id : records)
      file.put(id, {1, 2, 3, 4, 5, 6, 7, 8, 9});
    if (kind.fixed) file.put(fixed, {1, 2, 3});
  }
  const std::string whole = read_text(path, Exit::data);
  EXPECT_NO_THROW(NetcdfFile{path});
  const size_t needed = whole.size() - kind.last_padding;
  write_bytes(cut, whole);
  for (size_t length = whole.size(); length-- > 0;) {
    std::filesystem::resize_file(cut, length);
    SCOPED_TRACE(length);
    if (length >= needed) {
      EXPECT_NO_THROW(check_container(cut));
    } else if (length == 0) {
      EXPECT_ERROR(NetcdfFile{cut}, Exit::data, cut, "empty");
    } else {
      EXPECT_ERROR(NetcdfFile{cut}, Exit::data, cut, "truncated");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ClassicTruncation,
    testing::Values(Kind{"cdf1", 0, 2, true, 2}, Kind{"cdf2", NC_64BIT_OFFSET, 2, true, 2},
                    Kind{"cdf5", NC_64BIT_DATA, 2, true, 2},
                    // The special case: one record variable, no padding, so the last byte counts.
                    Kind{"single", 0, 1, true, 0}, Kind{"single5", NC_64BIT_DATA, 1, false, 0},
                    Kind{"fixed", 0, 0, true, 2}),
    [](const auto& kind) { return kind.param.name; });

TEST(Container, TruncatedNetcdf4IsRefusedAtEveryLength) {
  const TemporaryDirectory directory;
  const std::string path = directory / "whole.nc", cut = directory / "cut.nc";
  GridFile{}.write(path);
  const std::string whole = read_text(path, Exit::data);
  EXPECT_EQ(check_container(path), Container::hdf5);
  write_bytes(cut, whole);
  for (size_t length = whole.size() - 1; length > 0; --length) {
    std::filesystem::resize_file(cut, length);
    SCOPED_TRACE(length);
    EXPECT_ERROR(NetcdfFile{cut}, Exit::data, cut, "truncated");
  }
  write_bytes(cut, whole.substr(0, whole.size() - 1));
  EXPECT_ERROR(NetcdfFile{cut}, Exit::data, "truncated", std::to_string(whole.size()), "download it again");
}

TEST(Container, RealFileCutAnywhere) {
  const TemporaryDirectory directory;
  const std::string cut = directory / "cut.nc";
  const std::string whole = read_text(SEQVIT_SOURCE_DIR "/samples/ncep_air_na_6h_2013_2014.nc", Exit::data);
  // Two record variables of 8 and 2650 bytes: the padding of the very last record may be missing, no more.
  for (const size_t length : {whole.size() - 3, whole.size() - 2000, whole.size() / 2, size_t{700}}) {
    write_bytes(cut, whole.substr(0, length));
    EXPECT_ERROR(NetcdfFile{cut}, Exit::data, "truncated", std::to_string(length));
  }
  write_bytes(cut, whole.substr(0, whole.size() - 2));
  EXPECT_NO_THROW(NetcdfFile{cut});
}

TEST(Container, SaysWhatItFound) {
  const TemporaryDirectory directory;
  const std::string path = directory / "file.nc";
  EXPECT_ERROR(check_container(path), Exit::data, path, "nothing there");
  EXPECT_ERROR(check_container(directory.path()), Exit::data, "a directory", "/*.nc");
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"", "empty"},
      {"data: {files: []}\n", "text"},
      {"GRIB....", "GRIB"},
      {"PK\x03\x04....", "zip"},
      {"\x1F\x8B......", "gzip"},
      {std::string("\0\1\2\3\4\5\6\7", 8), "another format"}};
  for (const auto& [bytes, word] : kinds) {
    write_bytes(path, bytes);
    EXPECT_ERROR(check_container(path), Exit::data, path, "expected a NetCDF file", word);
  }
}

/// A damaged header must end in an error of the data, not in a crash or in endless memory.
TEST(Container, DamagedHeadersAreErrors) {
  const TemporaryDirectory directory;
  for (const int format : {0, NC_64BIT_DATA, NC_NETCDF4}) {
    const std::string path = directory / "whole.nc", bad = directory / "bad.nc";
    GridFile file;
    file.format = format;
    file.write(path);
    const std::string whole = read_text(path, Exit::data);
    write_bytes(bad, whole);
    std::fstream poke(bad, std::ios::in | std::ios::out | std::ios::binary);
    uint64_t random = 1;
    for (size_t place = 8; place < std::min<size_t>(whole.size(), 1200); place += 3) {
      random = random * 6364136223846793005ULL + 1442695040888963407ULL;
      poke.seekp(static_cast<std::streamoff>(place)).put(static_cast<char>(random >> 33)).flush();
      try {
        const NetcdfFile opened(bad);  // the byte may be one that does not matter
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Exit::data) << error.what();
      }
      poke.seekp(static_cast<std::streamoff>(place)).put(whole[place]).flush();
    }
  }
}

}  // namespace
}  // namespace seqvit
