#include "data/unpack.h"

#include <cmath>

#include <gtest/gtest.h>

namespace seqvit::data {
namespace {

using Attributes = std::map<std::string, Attribute>;
using Types = std::map<std::string, StoredType>;
using Numbers = std::vector<double>;

/// Unpacks with every attribute stored in `attribute_type`.
template <typename T>
Numbers unpacked(StoredType stored, const Attributes& attributes, StoredType attribute_type,
                 const std::vector<T>& raw, bool default_fill = true) {
  Types types;
  for (const auto& [name, value] : attributes)
    types[name] = attribute_type;
  const Packing packing = make_packing(stored, attributes, types, default_fill);
  Numbers out(raw.size());
  unpack(packing, reinterpret_cast<const std::byte*>(raw.data()), raw.size(), out.data());
  return out;
}

void expect_values(const Numbers& found, const Numbers& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(found[i])) << i << ": " << found[i];
    } else {
      EXPECT_EQ(found[i], expected[i]) << i;
    }
  }
}

TEST(Unpack, ScalesAndTestsTheStoredValue) {
  // 200 * 0.5 + 50 = 150: a fill value tested after unpacking would drop the wrong one.
  const Attributes attributes = {
      {"scale_factor", Numbers{0.5}}, {"add_offset", Numbers{50}}, {"_FillValue", Numbers{150}}};
  expect_values(unpacked<int16_t>(StoredType::int16, attributes, StoredType::int16, {150, 200, -2}),
                {NAN, 150, 49});
}

TEST(Unpack, MissingValueMayBeAVectorOfAnotherType) {
  expect_values(unpacked<int16_t>(StoredType::int16, {{"missing_value", Numbers{-999, 7, 1e20, 2.5}}},
                                  StoredType::float64, {-999, 7, 2, 3}),
                {NAN, NAN, 2, 3});
  // -99.9 as double is no float; the data holds the nearest one.
  expect_values(unpacked<float>(StoredType::float32, {{"missing_value", Numbers{-99.9}}}, StoredType::float64,
                                {-99.9F, 1}),
                {NAN, 1});
  expect_values(unpacked<int32_t>(StoredType::int32, {{"missing_value", std::string("-999")}},
                                  StoredType::text, {-999, 1}),
                {NAN, 1});
}

TEST(Unpack, NanStaysMissing) {
  expect_values(
      unpacked<float>(StoredType::float32, {{"_FillValue", Numbers{NAN}}, {"missing_value", Numbers{-1}}},
                      StoredType::float32, {NAN, -1, 4}),
      {NAN, NAN, 4});
  expect_values(unpacked<double>(StoredType::float64, {}, StoredType::float64, {NAN, 4}), {NAN, 4});
}

TEST(Unpack, DefaultFillValueCountsWithoutAnother) {
  expect_values(unpacked<float>(StoredType::float32, {}, StoredType::float32, {9.96921e36F, 1}), {NAN, 1});
  expect_values(unpacked<int16_t>(StoredType::int16, {}, StoredType::int16, {-32767, 1}), {NAN, 1});
  expect_values(unpacked<int64_t>(StoredType::int64, {}, StoredType::int64, {-9223372036854775806, 1}),
                {NAN, 1});
  expect_values(
      unpacked<int16_t>(StoredType::int16, {{"_FillValue", Numbers{5}}}, StoredType::int16, {-32767, 5}),
      {-32767, NAN});
  // Every byte is data, and a variable written without fill has no unwritten values.
  expect_values(unpacked<int8_t>(StoredType::int8, {}, StoredType::int8, {-127, 1}), {-127, 1});
  expect_values(unpacked<int16_t>(StoredType::int16, {}, StoredType::int16, {-32767, 1}, false), {-32767, 1});
}

TEST(Unpack, UnsignedConvention) {
  const Attributes attributes = {{"_Unsigned", std::string("true")},
                                 {"_FillValue", Numbers{-1}},
                                 {"valid_range", Numbers{0, -6}},
                                 {"scale_factor", Numbers{2}}};
  Types types = {{"_FillValue", StoredType::int8}, {"valid_range", StoredType::int8}};
  const Packing packing = make_packing(StoredType::int8, attributes, types, true);
  EXPECT_EQ(packing.type, StoredType::uint8);
  const std::vector<int8_t> raw = {-1, -128, 5, -6, -5};
  Numbers out(raw.size());
  unpack(packing, reinterpret_cast<const std::byte*>(raw.data()), raw.size(), out.data());
  expect_values(out, {NAN, 256, 10, 500, NAN});  // 255 is fill, 251 above the valid 250
  expect_values(unpacked<uint8_t>(StoredType::uint8,
                                  {{"_Unsigned", std::string("false")}, {"_FillValue", Numbers{255}}},
                                  StoredType::uint8, {255, 254, 3}),
                {NAN, -2, 3});
}

TEST(Unpack, ValidRangeOfTheStoredType) {
  const Attributes packed = {{"scale_factor", Numbers{0.1}}, {"valid_range", Numbers{0, 1000}}};
  expect_values(unpacked<int16_t>(StoredType::int16, packed, StoredType::int16, {-1, 0, 1000, 1001}),
                {NAN, 0, 100, NAN});
  // Limits of another type than packed data is stored in are in units that nobody can be sure of.
  expect_values(unpacked<int16_t>(StoredType::int16, packed, StoredType::float32, {-1, 1001}),
                {-1 * 0.1, 1001 * 0.1});
  // Unpacked data: limits as the data would hold them, so that 0.1f is not above 0.1.
  expect_values(
      unpacked<float>(StoredType::float32, {{"valid_max", Numbers{0.1}}}, StoredType::float64, {0.1F, 0.2F}),
      {static_cast<double>(0.1F), NAN});
  expect_values(
      unpacked<int32_t>(StoredType::int32, {{"valid_min", Numbers{1.5}}}, StoredType::float64, {1, 2}),
      {NAN, 2});
  expect_values(
      unpacked<uint8_t>(StoredType::uint8, {{"valid_min", Numbers{-1}}}, StoredType::int16, {0, 255}),
      {0, 255});
  // A range in which nothing can lie is wrong itself.
  expect_values(
      unpacked<int32_t>(StoredType::int32, {{"valid_range", Numbers{5, 1}}}, StoredType::int32, {3}), {3});
}

TEST(Unpack, InPlaceAsFloat) {
  std::vector<float> values = {1, -5, 3};
  const Packing packing =
      make_packing(StoredType::float32, {{"_FillValue", Numbers{-5}}, {"add_offset", Numbers{1}}},
                   {{"_FillValue", StoredType::float32}}, true);
  unpack(packing, reinterpret_cast<const std::byte*>(values.data()), values.size(), values.data());
  EXPECT_EQ(values[0], 2);
  EXPECT_TRUE(std::isnan(values[1]));
  EXPECT_EQ(values[2], 4);
}

}  // namespace
}  // namespace seqvit::data
