#include "data/zarr.h"

#include <array>
#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include "data/dataset.h"
#include "data/inspect.h"
#include "data/open_file.h"
#include "data/zarr_builder.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit::data {
namespace {

namespace fs = std::filesystem;

Bytes pack_zstd(const Bytes& bytes) {
  return encode_zstd(bytes, 3);
}

/// An array of 5 x 7 whose value at (y, x) is 10 y + x, in chunks of 2 x 3 of any coding.
struct Store {
  fs::path root;
  std::string order = "C", separator = ".", dtype = "<f4", compressor = "null", fill = "-1",
              attributes = "{}";
  std::function<Bytes(Bytes)> pack = [](Bytes bytes) { return bytes; };

  static double value(int64_t y, int64_t x) { return static_cast<double>(10 * y + x); }

  /// The chunk's bytes before they are packed.
  template <typename T>
  Bytes chunk(int64_t cy, int64_t cx) const {
    std::vector<T> values(6);
    for (int64_t y = 0; y < 2; ++y) {
      for (int64_t x = 0; x < 3; ++x)
        values[order == "C" ? y * 3 + x : x * 2 + y] = static_cast<T>(value(2 * cy + y, 3 * cx + x));
    }
    return bytes_of(values, dtype[0] == '>');
  }

  fs::path chunk_path(int64_t cy, int64_t cx) const {
    return root / "t" / fmt::format("{}{}{}", cy, separator, cx);
  }

  template <typename T>
  void write() const {
    write_bytes(root / ".zgroup", R"({"zarr_format": 2})");
    write_bytes(
        root / "t" / ".zarray",
        fmt::format(R"({{"zarr_format": 2, "shape": [5, 7], "chunks": [2, 3], "dtype": "{}", "order": "{}",
                "compressor": {}, "fill_value": {}, "filters": null, "dimension_separator": "{}"}})",
                    dtype, order, compressor, fill, separator));
    write_bytes(root / "t" / ".zattrs", attributes);
    for (int64_t cy = 0; cy < 3; ++cy) {
      for (int64_t cx = 0; cx < 3; ++cx)
        write_bytes(chunk_path(cy, cx), pack(chunk<T>(cy, cx)));
    }
  }
};

class ZarrTest : public testing::Test {
 protected:
  Store store(const std::string& name) const { return {fs::path(directory_ / name)}; }

  /// Every hyperslab of a few shapes has the formula's values.
  static void expect_formula(const std::string& path, const std::string& name = "t", double scale = 1,
                             double offset = 0) {
    const auto file = open_file(path);
    const FileVariable* t = file->find(name);
    ASSERT_NE(t, nullptr);
    constexpr std::array<int64_t, 4> kSlabs[] = {
        {0, 0, 5, 7}, {1, 2, 3, 4}, {4, 6, 1, 1}, {2, 0, 2, 7}, {0, 3, 5, 3}};
    for (const std::array<int64_t, 4>& slab : kSlabs) {
      const std::array<int64_t, 2> start = {slab[0], slab[1]}, count = {slab[2], slab[3]};
      std::vector<double> values(static_cast<size_t>(count[0] * count[1]));
      file->read(*t, start, count, std::span(values));
      for (int64_t i = 0; i < std::ssize(values); ++i) {
        EXPECT_DOUBLE_EQ(values[i],
                         Store::value(start[0] + i / count[1], start[1] + i % count[1]) * scale + offset)
            << path << " at " << i;
      }
    }
  }

  TemporaryDirectory directory_;
};

TEST_F(ZarrTest, OrdersOfBytesAndDims) {
  int n = 0;
  for (const char* order : {"C", "F"}) {
    for (const char* separator : {".", "/"}) {
      for (const char* dtype : {"<f4", ">f4", "<f8", ">f8", "<i2", ">i2", "|u1", ">i8"}) {
        Store made = store(fmt::format("{}.zarr", n++));
        made.order = order;
        made.separator = separator;
        made.dtype = dtype;
        const std::string type(dtype + 1);
        if (type == "f4")
          made.write<float>();
        else if (type == "f8")
          made.write<double>();
        else if (type == "i2")
          made.write<int16_t>();
        else if (type == "u1")
          made.write<uint8_t>();
        else
          made.write<int64_t>();
        expect_formula(made.root);
      }
    }
  }
}

TEST_F(ZarrTest, Compressors) {
  const auto check = [&](const std::string& name, const std::string& id, std::function<Bytes(Bytes)> pack) {
    Store made = store(name);
    made.compressor = fmt::format(R"({{"id": "{}"}})", id);
    made.pack = std::move(pack);
    made.write<float>();
    expect_formula(made.root);
  };
  check("zlib", "zlib", [](const Bytes& bytes) { return encode_zlib(bytes, 6); });
  check("zstd", "zstd", pack_zstd);
  for (const char* compressor : {"lz4", "lz4hc", "zlib", "zstd"}) {
    for (const int shuffle : {0, 1, 2}) {
      check(fmt::format("{}{}", compressor, shuffle), "blosc",
            [&](const Bytes& bytes) { return pack_blosc(bytes, compressor, shuffle, 4); });
    }
  }
}

TEST_F(ZarrTest, MissingChunksAreFillAndMissing) {
  Store made = store("a.zarr");
  made.write<float>();
  fs::remove(made.chunk_path(1, 1));
  for (const char* fill : {"-1", "\"NaN\"", "NaN"}) {
    made.fill = fill;
    made.write<float>();
    fs::remove(made.chunk_path(1, 1));
    const auto file = open_file(made.root);
    const std::vector<double> values = file->read_all(*file->find("t"));
    for (int64_t i = 0; i < 35; ++i) {
      const int64_t y = i / 7, x = i % 7;
      const bool missing = y / 2 == 1 && x / 3 == 1;
      EXPECT_EQ(std::isnan(values[i]), missing) << fill << i;
      if (!missing) {
        EXPECT_EQ(values[i], Store::value(y, x));
      }
    }
  }
  made.fill = "null";  // no mark: zeros that are values
  made.write<float>();
  fs::remove(made.chunk_path(1, 1));
  const auto file = open_file(made.root);
  EXPECT_EQ(file->read_all(*file->find("t"))[2 * 7 + 3], 0.0);
}

TEST_F(ZarrTest, ScaleAndOffset) {
  Store made = store("a.zarr");
  made.dtype = "<i2";
  made.attributes =
      R"({"scale_factor": 0.5, "add_offset": 100, "_ARRAY_DIMENSIONS": ["y", "x"], "units": "K"})";
  made.write<int16_t>();
  expect_formula(made.root, "t", 0.5, 100);
  const auto file = open_file(made.root);
  EXPECT_EQ(file->find("t")->dims[1].name, "x");
  EXPECT_EQ(file->find("t")->text("units"), "K");
}

TEST_F(ZarrTest, DamagedChunksAreNamed) {
  Store made = store("a.zarr");
  made.compressor = R"({"id": "zstd"})";
  made.pack = pack_zstd;
  made.write<float>();
  const std::string chunk = made.chunk_path(1, 2);
  const auto read = [&] {
    const auto file = open_file(made.root);
    return file->read_all(*file->find("t"));
  };
  fs::resize_file(chunk, fs::file_size(chunk) - 3);
  EXPECT_ERROR(read(), Exit::data, "t: the chunk", "t/1.2", "download it again");
  write_bytes(chunk, std::string_view("not what zstd wrote"));
  EXPECT_ERROR(read(), Exit::data, "t/1.2", "zstd");
  write_bytes(chunk, std::string_view(""));
  EXPECT_ERROR(read(), Exit::data, "t/1.2");
  write_bytes(chunk, pack_zstd(Bytes(20)));  // whole, but of another size
  EXPECT_ERROR(read(), Exit::data, "t/1.2", "20 bytes");
  write_bytes(chunk, pack_zstd(Bytes(1000)));
  EXPECT_ERROR(read(), Exit::data, "t/1.2");
}

TEST_F(ZarrTest, WhatIsNotSupportedIsNamed) {
  Store made = store("a.zarr");
  made.compressor = R"({"id": "bz2"})";
  made.write<float>();
  const auto file = open_file(made.root);
  EXPECT_ERROR(file->read_all(*file->find("t")), Exit::data, "bz2", "blosc, zstd", "write the store again");
  EXPECT_ERROR(open_file("https://example.org/era5.zarr"), Exit::data, "URL", "wget");
  EXPECT_ERROR(open_file("gs://bucket/era5.zarr"), Exit::data, "URL", "gsutil");
  for (const char* wrong :
       {R"({"shape": [-1], "chunks": [1], "dtype": "<f4"})",
        R"({"shape": [4], "chunks": [0], "dtype": "<f4"})",
        R"({"shape": [4], "chunks": [4000000000], "dtype": "<f4"})",
        R"({"shape": [4], "chunks": [1, 1], "dtype": "<f4"})", R"({"shape": 4})", R"([1])"}) {
    write_bytes(made.root / "t" / ".zarray", std::string_view(wrong));
    EXPECT_ERROR(open_file(made.root), Exit::data, "t: expected the metadata of a Zarr array");
  }
  write_bytes(made.root / "t" / ".zarray", std::string_view("{"));
  EXPECT_ERROR(open_file(made.root), Exit::data, ".zarray", "expected JSON");
}

/// The same array as version 3, with a list of codecs.
void write_v3(const Store& store, const std::string& codecs, const std::string& keys = "{}") {
  write_bytes(store.root / "zarr.json",
              R"({"zarr_format": 3, "node_type": "group", "attributes": {"title": "made"}})");
  write_bytes(
      store.root / "t" / "zarr.json",
      fmt::format(R"({{"zarr_format": 3, "node_type": "array", "shape": [5, 7], "data_type": "float32",
              "chunk_grid": {{"name": "regular", "configuration": {{"chunk_shape": [2, 3]}}}},
              "chunk_key_encoding": {}, "fill_value": "NaN", "dimension_names": ["y", "x"],
              "attributes": {{"units": "K"}}, "codecs": {}}})",
                  keys, codecs));
  for (int64_t cy = 0; cy < 3; ++cy) {
    for (int64_t cx = 0; cx < 3; ++cx)
      write_bytes(store.root / "t" / "c" / std::to_string(cy) / std::to_string(cx),
                  store.pack(store.chunk<float>(cy, cx)));
  }
}

TEST_F(ZarrTest, Version3) {
  Store made = store("a.zarr");
  write_v3(made, R"([{"name": "bytes", "configuration": {"endian": "little"}}])");
  expect_formula(made.root);
  EXPECT_EQ(std::get<std::string>(open_file(made.root)->attributes().at("title")), "made");
  EXPECT_EQ(open_file(made.root)->find("t")->dims[0].name, "y");

  made = store("b.zarr");
  made.dtype = ">f4";
  made.order = "F";
  made.pack = [](const Bytes& bytes) { return with_crc32c(pack_zstd(bytes)); };
  const std::string codecs = R"([{"name": "transpose", "configuration": {"order": [1, 0]}},
      {"name": "bytes", "configuration": {"endian": "big"}}, {"name": "zstd"}, {"name": "crc32c"}])";
  write_v3(made, codecs);
  expect_formula(made.root);
  fs::remove(made.root / "t" / "c" / "0" / "0");
  auto file = open_file(made.root);
  EXPECT_TRUE(std::isnan(file->read_all(*file->find("t"))[0]));
  Bytes damaged = made.pack(made.chunk<float>(0, 0));
  damaged[10] ^= std::byte{1};
  write_bytes(made.root / "t" / "c" / "0" / "0", damaged);
  file = open_file(made.root);
  EXPECT_ERROR(file->read_all(*file->find("t")), Exit::data, "c/0/0", "checksum");
}

TEST_F(ZarrTest, StorageTransformersAreNamed) {
  const Store made = store("a.zarr");
  write_v3(made, R"([{"name": "bytes"}], "storage_transformers": [{"name": "mirror"}])");
  const auto file = open_file(made.root);
  EXPECT_ERROR(file->read_all(*file->find("t")), Exit::data, "storage transformer mirror", "write the store");
}

/// Chunks of 2 x 3 in one shard of 6 x 9; chunk (1, 1) was never written.
TEST_F(ZarrTest, Sharding) {
  for (const bool first : {false, true}) {
    Store made = store(first ? "first.zarr" : "last.zarr");
    write_bytes(made.root / "zarr.json", R"({"zarr_format": 3, "node_type": "group"})");
    write_bytes(
        made.root / "t" / "zarr.json",
        fmt::format(R"({{"zarr_format": 3, "node_type": "array", "shape": [5, 7], "data_type": "float32",
        "chunk_grid": {{"name": "regular", "configuration": {{"chunk_shape": [6, 9]}}}}, "fill_value": 7,
        "codecs": [{{"name": "sharding_indexed", "configuration": {{"chunk_shape": [2, 3], "index_location": "{}",
          "codecs": [{{"name": "bytes", "configuration": {{"endian": "little"}}}}, {{"name": "zstd"}}],
          "index_codecs": [{{"name": "bytes", "configuration": {{"endian": "little"}}}}, {{"name": "crc32c"}}]}}}}]}})",
                    first ? "start" : "end"));
    Bytes data;
    std::vector<uint64_t> index;
    for (int64_t i = 0; i < 9; ++i) {
      if (i == 4) {
        index.insert(index.end(), {~uint64_t{0}, ~uint64_t{0}});
        continue;
      }
      const Bytes chunk = pack_zstd(made.chunk<float>(i / 3, i % 3));
      index.insert(index.end(), {data.size() + (first ? 148 : 0), chunk.size()});
      data.insert(data.end(), chunk.begin(), chunk.end());
    }
    Bytes whole = with_crc32c(bytes_of(index));
    whole.insert(first ? whole.end() : whole.begin(), data.begin(), data.end());
    const fs::path shard = made.root / "t" / "c" / "0" / "0";
    write_bytes(shard, whole);
    const auto read = [&] {
      const auto file = open_file(made.root);
      return file->read_all(*file->find("t"));
    };
    const std::vector<double> values = read();
    for (int64_t i = 0; i < 35; ++i) {
      const int64_t y = i / 7, x = i % 7;
      EXPECT_EQ(values[i], y / 2 == 1 && x / 3 == 1 ? 7.0 : Store::value(y, x)) << i;
    }
    whole[first ? 3 : whole.size() - 20] ^= std::byte{64};
    write_bytes(shard, whole);
    EXPECT_ERROR(read(), Exit::data, "c/0/0", "checksum");
    write_bytes(shard, Bytes(100));
    EXPECT_ERROR(read(), Exit::data, "c/0/0", "index");
  }
}

TEST_F(ZarrTest, ConsolidatedMetadataStaysInside) {
  Store made = store("a.zarr");
  made.write<float>();
  write_bytes(made.root / ".zmetadata", R"({"metadata": {"../t/.zarray": {"shape": [1]}}})");
  EXPECT_ERROR(open_file(made.root), Exit::data, "inside the store", "../t");
  write_bytes(
      made.root / ".zmetadata",
      R"({"metadata": {".zattrs": {"history": "NaN", "n": [1, 2]}, "g/t/.zattrs": {"_ARRAY_DIMENSIONS": ["x"],
        "coordinates": "lat lon"}, "g/t/.zarray": {"shape": [3], "chunks": [3], "dtype": "<f4", "fill_value": 2.5}}})");
  const auto file = open_file(made.root);
  ASSERT_NE(file->find("/g/t"), nullptr);
  EXPECT_EQ(file->find("/g/t")->dims[0].name, "/g/x");
  EXPECT_EQ(file->find("/g/t")->text("coordinates"), "/g/lat /g/lon");
  EXPECT_EQ(std::get<std::vector<double>>(file->attributes().at("n")), (std::vector<double>{1, 2}));
}

/// A store that names far more than its files can hold is refused before anything is read.
TEST_F(ZarrTest, SizesAreHeldAgainstTheFiles) {
  Store made = store("a.zarr");
  write_bytes(made.root / ".zgroup", "{}");
  write_bytes(made.root / "t" / ".zarray",
              R"({"shape": [1000000000000], "chunks": [1], "dtype": "<f4", "fill_value": 0})");
  const auto file = open_file(made.root);
  std::vector<double> value(1);
  EXPECT_ERROR(
      file->read(*file->find("t"), std::array<int64_t, 1>{0}, std::array<int64_t, 1>{1}, std::span(value)),
      Exit::data, "never written");
}

TEST_F(ZarrTest, DatasetAndInspect) {
  const fs::path root = directory_ / "era5.zarr";
  write_bytes(root / ".zgroup", R"({"zarr_format": 2})");
  const auto array = [&](const std::string& name, const std::string& shape, const std::string& dtype,
                         const std::string& attributes, const Bytes& bytes, const std::string& key) {
    write_bytes(
        root / name / ".zarray",
        fmt::format(R"({{"shape": [{0}], "chunks": [{0}], "dtype": "{1}", "fill_value": 0}})", shape, dtype));
    write_bytes(root / name / ".zattrs", attributes);
    write_bytes(root / name / key, bytes);
  };
  const int64_t origin = int64_t{1577836800} * 1'000'000'000;  // 2020-01-01
  array("time", "3", "<M8[ns]", R"({"_ARRAY_DIMENSIONS": ["time"]})",
        bytes_of(std::vector<int64_t>{origin, origin + 21600'000'000'000, origin + 43200'000'000'000}), "0");
  // A coordinate of 0 beside a fill value of 0 is one.
  array("latitude", "2", "<f4", R"({"_ARRAY_DIMENSIONS": ["latitude"], "units": "degrees_north"})",
        bytes_of(std::vector<float>{0, 10}), "0");
  array("longitude", "2", "<f4", R"({"_ARRAY_DIMENSIONS": ["longitude"], "units": "degrees_east"})",
        bytes_of(std::vector<float>{0, 20}), "0");
  array("t2m", "3, 2, 2", "<f4", R"({"_ARRAY_DIMENSIONS": ["time", "latitude", "longitude"], "units": "K"})",
        bytes_of(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}), "0.0.0");
  const InspectReport report = inspect_files({root});
  ASSERT_EQ(report.variables.size(), 1);
  EXPECT_DOUBLE_EQ(report.variables[0].mean, 6.5);
  EXPECT_EQ(report.error_line(), "");
  const Dataset dataset({.files = {root}});
  EXPECT_EQ(format_time(dataset.times().at(2), dataset.calendar()), "2020-01-01T12:00:00");
  std::vector<float> field(4);
  dataset.read(0, 1, {0, 2}, field);
  EXPECT_EQ(*std::min_element(field.begin(), field.end()), 5.0F);
  EXPECT_EQ(*std::max_element(field.begin(), field.end()), 8.0F);
}

}  // namespace
}  // namespace seqvit::data
