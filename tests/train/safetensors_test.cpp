#include "train/safetensors.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit::train {
namespace {

/// A file of this header and so many bytes of data.
void write_file(const std::filesystem::path& path, const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
  bytes.append(header).append(data_bytes, '\0');
  write_text(path, bytes, Exit::checkpoint);
}

TEST(Safetensors, ReadsBackWholeAndInPart) {
  const TemporaryDirectory directory;
  const Tensor a = at::randn({3, 4}), b = at::arange(5, at::kLong), c = at::randn({2, 2}).to(at::kBFloat16),
               h = at::randn({3}).to(at::kHalf);
  write_safetensors(directory / "x.safetensors", {{"a", a}, {"b", b}, {"c", c.t()}, {"h", h}},
                    {{"of", "this \"and\" that"}});
  const SafetensorsFile file(directory / "x.safetensors");
  EXPECT_EQ(file.entries().at("a").shape, (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(file.metadata(), (Metadata{{"of", "this \"and\" that"}}));
  EXPECT_EQ(file.entries().size(), 4U);
  EXPECT_TRUE(at::equal(file.read("a"), a) && at::equal(file.read("h"), h));
  EXPECT_TRUE(at::equal(file.read("a", {0, 12}).view({3, 4}), a));
  EXPECT_TRUE(at::equal(file.read("a", {5, 9}), a.flatten().slice(0, 5, 9)));
  EXPECT_TRUE(at::equal(file.read("b", {0, 5}), b));
  EXPECT_TRUE(at::equal(file.read("c", {0, 4}).view({2, 2}), c.t()));
}

TEST(Safetensors, RefusesWhatIsBroken) {
  const TemporaryDirectory directory;
  const auto path = directory / "x.safetensors";
  write_safetensors(path, {{"a", at::randn({100})}});
  const std::string good = read_text(path, Exit::checkpoint);
  for (const size_t size : {size_t{0}, size_t{4}, size_t{20}, good.size() - 1}) {
    write_text(path, good.substr(0, size), Exit::checkpoint);
    expect_error(Exit::checkpoint, {"x.safetensors"}, [&] { SafetensorsFile file(path); });
  }
  std::string header = good;
  header[8] = '#';
  write_text(path, header, Exit::checkpoint);
  expect_error(Exit::checkpoint, {"x.safetensors", "corrupt"}, [&] { SafetensorsFile file(path); });
  // A product of sizes alone would take [-4, -25] for 100 elements, and overflow.
  for (const std::string shape : {"[-100]", "[-4,-25]", "[10,10,9223372036854775807]", "[99]", "[1e2]",
                                  "\"100\"", "[9223372036854775808]"}) {
    write_file(path, R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":[0,400]}})", 400);
    expect_error(Exit::checkpoint, {"x.safetensors", "shape"}, [&] { SafetensorsFile file(path); });
  }
  // No bytes, but libtorch's strides of it would overflow.
  write_file(path, R"({"a":{"dtype":"F32","shape":[0,9223372036854775807,2],"data_offsets":[0,0]}})", 0);
  expect_error(Exit::checkpoint, {"x.safetensors", "shape"}, [&] { SafetensorsFile file(path); });
  expect_error(Exit::checkpoint, {"missing.safetensors"},
               [&] { SafetensorsFile file(directory / "missing.safetensors"); });
}

}  // namespace
}  // namespace seqvit::train
