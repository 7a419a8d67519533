#include "data/container.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "core/file.h"
#include "data/netcdf.h"
#include "data/netcdf_builder.h"
#include "support/errors.h"
#include "support/source_path.h"
#include "support/temporary_directory.h"

namespace seqvit::data {
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

/// All bits of a classic file's number of records set: as many as it holds.
TEST(Container, StreamingRecordsAreCounted) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.nc", cut = directory / "cut.nc";
  for (const int format : {0, NC_64BIT_OFFSET, NC_64BIT_DATA}) {
    for (const bool alone : {false, true}) {  // one record variable has no padding
      {
        NetcdfBuilder file(path, format);
        file.dim("x", 3);
        if (!alone) file.coordinate("time", {0, 6, 12}, "hours since 2000-01-01", true);
        file.dim("time", 0);
        file.put(file.variable("t", NC_SHORT, {"time", "x"}), {1, 2, 3, 4, 5, 6, 7, 8, 9});
      }
      std::string bytes = read_text(path, Exit::data);
      bytes.replace(4, format == NC_64BIT_DATA ? 8 : 4, format == NC_64BIT_DATA ? 8 : 4, '\xFF');
      write_bytes(path, bytes);
      const NetcdfFile whole(path);
      EXPECT_EQ(check_container(path).records, 3);
      EXPECT_EQ(whole.read_all(*whole.find("t")), (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
      if (!alone) {
        EXPECT_EQ(whole.read_all(*whole.find("time")), (std::vector<double>{0, 6, 12}));
      }
      write_bytes(cut, bytes.substr(0, bytes.size() - 4));
      const NetcdfFile two(cut);
      EXPECT_EQ(two.read_all(*two.find("t")), (std::vector<double>{1, 2, 3, 4, 5, 6}));
    }
  }
}

/// The bytes of a classic header.
struct Header {
  std::string bytes = std::string("CDF") + '\5';
  Header& number(uint64_t value, int size) {
    while (size-- > 0)
      bytes += static_cast<char>(value >> (8 * size) & 0xFF);
    return *this;
  }
  Header& text(const std::string& text) {
    number(text.size(), 8);
    bytes += text + std::string((4 - text.size() % 4) % 4, '\0');
    return *this;
  }
};

/// Nothing that a header names is believed, allocated or walked over before it is held against the file.
TEST(Container, SizesOfAHeaderAreHeldAgainstTheFile) {
  const auto expect_refused = [](const Header& header, const std::string& why) {
    EXPECT_ERROR(NetcdfFile::from_memory("a.nc", header.bytes + std::string(500, '\0')), Exit::data, "a.nc",
                 why);
  };
  constexpr uint64_t kHuge = uint64_t{1} << 62;
  constexpr int kDims = 10, kVariables = 11, kAttributes = 12, kDouble = 6;
  const Header start = Header().number(0, 8);  // no records
  for (const uint64_t count : {kHuge, ~uint64_t{0}, uint64_t{1} << 20}) {
    expect_refused(Header(start).number(kDims, 4).number(count, 8), "dimensions");
    const Header no_dims = Header(start).number(0, 4).number(0, 8);
    expect_refused(Header(no_dims).number(kAttributes, 4).number(count, 8), "attributes");
    const Header no_attributes = Header(no_dims).number(0, 4).number(0, 8);
    expect_refused(Header(no_attributes).number(kVariables, 4).number(count, 8), "variables");
    expect_refused(Header(no_attributes).number(kVariables, 4).number(1, 8).text("t").number(count, 8),
                   "dimensions of a variable");
    expect_refused(
        Header(no_dims).number(kAttributes, 4).number(1, 8).text("a").number(kDouble, 4).number(count, 8),
        "truncated");
    expect_refused(Header(start).number(kDims, 4).number(1, 8).number(count, 8), "bytes of a name");
  }
  const std::string long_name(257, 'x');  // netCDF-C would write it over whatever follows its 256 bytes
  const Header no_dims = Header(start).number(0, 4).number(0, 8);
  expect_refused(Header(start).number(kDims, 4).number(1, 8).text(long_name).number(3, 8), "257");
  expect_refused(Header(no_dims).number(kAttributes, 4).number(1, 8).text(long_name), "257");
  expect_refused(Header(no_dims).number(0, 4).number(0, 8).number(kVariables, 4).number(1, 8).text(long_name),
                 "257");
  // Eight variables x(x) of 2^62 doubles from the last byte on: no product and no sum may overflow.
  for (const uint64_t records : {uint64_t{0}, kHuge, ~uint64_t{0}}) {
    for (const uint64_t length : {uint64_t{0}, kHuge, ~uint64_t{0}}) {
      Header header = Header().number(records, 8).number(kDims, 4).number(2, 8).text("x").number(length, 8);
      header.text("y").number(kHuge, 8).number(0, 4).number(0, 8).number(kVariables, 4).number(8, 8);
      for (int i = 0; i < 8; ++i) {
        header.text("v" + std::to_string(i)).number(2, 8).number(0, 8).number(1, 8).number(0, 4).number(0, 8);
        header.number(kDouble, 4).number(kHuge, 8).number(~uint64_t{0}, 8);
      }
      expect_refused(header, "expected");
    }
  }
}

TEST(Container, TruncatedNetcdf4IsRefusedAtEveryLength) {
  const TemporaryDirectory directory;
  const std::string path = directory / "whole.nc", cut = directory / "cut.nc";
  GridFile{}.write(path);
  const std::string whole = read_text(path, Exit::data);
  EXPECT_EQ(check_container(path).format, ContainerFormat::hdf5);
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
  const std::string whole = read_text(source_path("samples/ncep_air_na_6h_2013_2014.nc"), Exit::data);
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
  EXPECT_ERROR(check_container("/dev/null"), Exit::data, "/dev/null", "pipe or a device");
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"", "empty"},
      {"data: {files: []}\n", "text"},
      {"<!DOCTYPE html><html><body>Please log in</body></html>", "HTML page"},
      {"\n<html>\n<head>", "HTML page"},
      {"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"},
      {"BZh91AY&SY", "bunzip2"},
      {"\x28\xB5\x2F\xFD....", "unzstd"},
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
}  // namespace seqvit::data
