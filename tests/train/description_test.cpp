#include "train/description.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace seqvit::train {
namespace {

ModelDescription full() {
  ModelDescription m;
  m.rows = 9, m.columns = 14;
  m.latitude = {60, -20}, m.longitude = {0, 325};
  m.periodic = true;
  m.patch_size = 2, m.num_heads = 3, m.noise_dim = 5, m.rotary_waves = 7;
  m.inputs = {"a", "a -6h", "b", "land"}, m.groups = {0, 0, 1, 2};
  m.targets = {"a", "rain"};
  m.forcings = {"b"}, m.diagnostics = {"rain"};
  m.bounds = {{"a", {-1.5, 2}}, {"rain", {.low = 0}}};
  m.tokens = "aggregated", m.positions = "fixed", m.predict = "state", m.lead_time = "6h";
  m.network = "unet";
  m.leads = {"6h", "1d"};
  m.embed_overlap = m.head_overlap = true;
  m.local = "depthwise";
  return m;
}

TEST(Description, IsReadAsItWasWritten) {
  const nlohmann::json written = to_json(full());
  EXPECT_EQ(to_json(description_from_json(written, "file")), written);
  // Nothing above is what it would be where it is forgotten.
  const nlohmann::json forgotten = to_json(ModelDescription{});
  for (const auto& [key, value] : written.items())
    EXPECT_NE(forgotten.at(key), value) << key;
}

TEST(Description, BrokenOnesAreNamed) {
  nlohmann::json broken = to_json(full());
  broken["bounds"]["a"] = "warm";
  try {
    description_from_json(broken, "weights.safetensors");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::checkpoint);
    EXPECT_NE(std::string(error.what()).find("weights.safetensors"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace seqvit::train
