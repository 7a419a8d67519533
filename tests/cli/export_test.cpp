/// Weights for other programs, from the outside.
#include <cstring>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

/// Name -> shape, from the header of a safetensors file.
std::map<std::string, nlohmann::json> shapes(const std::filesystem::path& path) {
  const std::string bytes = read_text(path, Exit::bug);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  std::map<std::string, nlohmann::json> found;
  const auto header = nlohmann::json::parse(bytes.substr(sizeof length, length));
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") found[name] = entry.at("shape");
  }
  return found;
}

TEST(Export, OfARunOnSeveralRanksIsOneFileOfTheSameWeights) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  ASSERT_EQ(seqvit({"train", config, "--run", d / "one", "--stop-after", "2"}).code, 0);
  ASSERT_EQ(mpirun(2, {"train", config, "--run", d / "two", "--parallel.sp=2", "--parallel.zero=3",
                       "--stop-after", "2"})
                .code,
            0);
  for (const std::string name : {"one", "two"}) {
    const Outcome outcome = seqvit({"export", d / name, "--output", d / (name + ".safetensors")});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  const auto one = shapes(d / "one.safetensors");
  EXPECT_EQ(one, shapes(d / "two.safetensors"));
  EXPECT_EQ(one.at("blocks.1.attn.qkv.weight"), nlohmann::json({48, 16}));
  EXPECT_EQ(one.at("seqvit.pos_embed"), nlohmann::json({55, 16}));
}

TEST(Export, NeedsACheckpoint) {
  const TemporaryDirectory d;
  EXPECT_EQ(seqvit({"export", d.path(), "--output", d / "w"}).code, 4);
  EXPECT_EQ(seqvit({"export", d.path()}).code, 2);
}

}  // namespace
}  // namespace seqvit::cli
