#include "core/config.h"

#include <regex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "core/file.h"
#include "core/settings.h"
#include "support/errors.h"
#include "support/source_path.h"

namespace seqvit {
namespace {

const char* const kGood = R"(
data:
  files: [a.nc]
  variables: [t, u]
  lead_time: 24h
  split: {train: ["2013-01-01", "2013-12-31"], test: [10, 20]}
model: {embed_dim: 64, num_heads: 4, tokens: variable}
train: {steps: 10, warmup_steps: 2, betas: [0.9, 0.99], precision: bf16}
memory: {recompute: keep_attention}
)";

Config parse(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  return parse_config(yaml, "test.yaml", overrides);
}

TEST(Config, ReadsValuesAndKeepsDefaults) {
  const Config config = parse(kGood);
  EXPECT_EQ(config.data.files, std::vector<std::string>{"a.nc"});
  EXPECT_EQ(config.data.split.test.bounds, (std::vector<std::string>{"10", "20"}));
  EXPECT_EQ(config.model.tokens, Tokens::variable);
  EXPECT_EQ(config.train.precision, Precision::bf16);
  EXPECT_EQ(config.train.betas, (std::vector<double>{0.9, 0.99}));
  EXPECT_EQ(config.memory.recompute, Recompute::keep_attention);
  EXPECT_EQ(config.train.batch_size, 8);
}

TEST(Config, OverridesWin) {
  const Config config = parse(kGood, {"train.steps=77", "data.variables=[q]", "data.split.train=[0, 5]"});
  EXPECT_EQ(config.train.steps, 77);
  EXPECT_EQ(config.data.variables, std::vector<std::string>{"q"});
  EXPECT_EQ(config.data.split.train.bounds, (std::vector<std::string>{"0", "5"}));
  EXPECT_FALSE(config.data.split.train.index);
}

TEST(Config, APeriodMayBeMarkedAsIndices) {
  const Config config = parse(kGood, {"data.split.train={index: [2011, 2012]}"});
  EXPECT_EQ(config.data.split.train.bounds, (std::vector<std::string>{"2011", "2012"}));
  EXPECT_TRUE(config.data.split.train.index);
  EXPECT_TRUE(parse(to_yaml(config)).data.split.train.index);
  expect_error(Exit::usage, {"data.split.train", "{index: [first, last]}"},
               [] { parse(kGood, {"data.split.train={from: 1, to: 2}"}); });
}

TEST(Config, AFieldMaySayWhatItIsInTheFiles) {
  using Names = std::vector<std::string>;
  const Config config = parse(
      kGood,
      {"data.variables=[t@850, q@*, b.nc:u, {cold: {from: 'b.nc:t@500'}}, {all: {from: 'c/*.nc:t@*'}}]"});
  EXPECT_EQ(config.data.variables, (Names{"t@850", "q@*", "u", "cold", "all@*"}));
  const std::map<std::string, std::string> sources = {
      {"u", "b.nc:u"}, {"cold", "b.nc:t@500"}, {"all@*", "c/*.nc:t@*"}};
  EXPECT_EQ(config.data.sources, sources);
  EXPECT_EQ(parse(to_yaml(config)).data.sources, sources);
  EXPECT_EQ(parse(kGood, {"data.variables=[ns:t]"}).data.variables, Names{"ns:t"}) << "no file's name";
  for (const char* wrong : {"[{cold: b.nc}]", "[{cold: {of: t}}]", "[{a: {from: t}, b: {from: t}}]"})
    EXPECT_ERROR(parse(kGood, {std::string("data.variables=") + wrong}), Exit::usage, "data.variables",
                 "new_name: {from: file.nc:t}");
}

TEST(Config, WritesWhatItReads) {
  const std::string once = to_yaml(parse(kGood, {"train.learning_rate=0.00037", "data.cache_bytes=3GiB"}));
  EXPECT_EQ(to_yaml(parse(once)), once);
  EXPECT_EQ(parse(once).train.learning_rate, 0.00037);
  EXPECT_EQ(parse(once).data.cache_bytes, int64_t{3} << 30);
}

TEST(Config, ReadsListsOfNumbersAndWeightsByName) {
  const std::vector<std::string> overrides = {"train.rollout_steps=[1, 1, 3]",
                                              "train.target_weights={t: 2, u: 0.5}", "train.leads=[6h, 1d]"};
  for (const Config& config : {parse(kGood, overrides), parse(to_yaml(parse(kGood, overrides)))}) {
    EXPECT_EQ(config.train.rollout_steps, (std::vector<int64_t>{1, 1, 3}));
    EXPECT_EQ(config.train.target_weights, (std::map<std::string, double>{{"t", 2.0}, {"u", 0.5}}));
    EXPECT_EQ(config.train.leads, (std::vector<std::string>{"6h", "1d"}));
  }
  EXPECT_EQ(parse(kGood, {"train.rollout_steps=4"}).train.rollout_steps, std::vector<int64_t>{4});
}

/// Paths of the settings in a configuration.
void add_paths(const YAML::Node& node, const std::string& path, std::set<std::string>& paths) {
  if (!node.IsMap() || node.size() == 0) {
    paths.insert(path);
    return;
  }
  for (const auto& entry : node)
    add_paths(entry.second, (path.empty() ? "" : path + ".") + entry.first.as<std::string>(), paths);
}

/// docs/settings.md has a row for every setting, with its default and the meaning that the table gives it.
TEST(Config, EverySettingIsDocumentedWithItsDefault) {
  const std::string yaml = "data: {files: [a], split: {train: [0, 1]}}";
  const std::string defaults = to_yaml(parse(yaml));
  std::map<std::string, std::string> meanings;
  for (const SettingText& setting : setting_texts())
    meanings[setting.path] = setting.meaning;
  std::set<std::string> expected, found;
  add_paths(YAML::Load(defaults), "", expected);
  std::istringstream lines(read_text(source_path("docs/settings.md"), Exit::bug));
  for (std::string line; std::getline(lines, line);) {
    static const std::regex row(R"(\| `([a-z_.]+)` \| (?:`([^`]*)`|required) \| (.+) \|)");
    std::smatch cells;
    if (!std::regex_match(line, cells, row)) continue;
    found.insert(cells[1]);
    EXPECT_EQ(meanings[cells[1]], cells[3]) << line;
    if (cells[2].matched) {
      EXPECT_EQ(to_yaml(parse(yaml, {cells[1].str() + "=" + cells[2].str()})), defaults) << line;
    }
  }
  EXPECT_EQ(found, expected);
}

TEST(Config, RolloutsTakeEqualPartsOfTraining) {
  const TrainConfig train = parse(kGood, {"train.rollout_steps=[1, 2, 4]"}).train;  // of 10 steps
  std::vector<int64_t> found;
  for (int64_t step = 0; step < 10; ++step)
    found.push_back(train.rollout_at(step));
  EXPECT_EQ(found, (std::vector<int64_t>{1, 1, 1, 1, 2, 2, 2, 4, 4, 4}));
  EXPECT_EQ(train.longest_rollout(), 4);
  // Of the schedule, where that has another length; the last stays.
  const TrainConfig longer = parse(kGood, {"train.rollout_steps=[1, 2]", "train.schedule_steps=4"}).train;
  EXPECT_EQ(longer.rollout_at(1), 1);
  EXPECT_EQ(longer.rollout_at(2), 2);
  EXPECT_EQ(longer.rollout_at(9), 2);
}

TEST(Config, RefusesUnknownKeysWithTheNearest) {
  expect_error(Exit::usage, {"train.learning_rat", "did you mean 'train.learning_rate'"}, [] {
    parse(std::string(kGood) + "\n", {"train.steps=1", "train.learning_rat=1"});
  });
  expect_error(Exit::usage, {"test.yaml", "'model.embed'", "model.embed_dim"},
               [] { parse("model: {embed: 3}\ndata: {files: [a]}"); });
  expect_error(Exit::usage, {"unknown setting 'trian'"}, [] { parse("trian: {steps: 3}"); });
}

TEST(Config, RefusesWrongValues) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"train.steps=many", {"train.steps", "whole number", "many"}},
      {"train.steps=0", {"train.steps", ">= 1", "'0'"}},
      {"train.steps=1.5", {"train.steps", "1.5"}},
      {"train.steps=10000000000", {"train.steps", "from 1 to 1000000000", "10000000000"}},
      {"train.steps=99999999999999999999", {"train.steps", "from 1 to 1000000000"}},
      {"model.mlp_ratio=1e300", {"model.mlp_ratio", "from 0.01 to 1000"}},
      {"parallel.timeout_seconds=1e18", {"parallel.timeout_seconds", "to 1000000000"}},
      {"train.learning_rate=-1", {"train.learning_rate", ">= 0"}},
      {"train.learning_rate=.inf", {"train.learning_rate"}},
      {"model.tokens=joined", {"model.tokens", "joint | variable | aggregated", "joined"}},
      {"train.betas=[0.9]", {"train.betas", "2 numbers"}},
      {"parallel.zero=4", {"parallel.zero", "from 0 to 3"}},
      {"data.cache_bytes=lots", {"data.cache_bytes", "8GiB", "lots"}},
      {"parallel.verify=maybe", {"parallel.verify", "true or false"}},
      {"train.rollout_steps=[1, 0]", {"train.rollout_steps", "whole number >= 1", "'0'"}},
      {"train.rollout_steps=[]", {"train.rollout_steps", "whole numbers >= 1"}},
      {"train.target_weights=[1, 2]", {"train.target_weights", "weights by name"}},
      {"train.target_weights={t: -1}", {"train.target_weights", ">= 0"}},
      {"train.target_weights={[t]: 1}", {"train.target_weights", "names in front of every ':'", "[t]"}},
      {"train=5", {"unknown setting 'train'"}}};
  for (const auto& given : cases)
    expect_error(Exit::usage, given.second, [&] { parse(kGood, {given.first}); });
  expect_error(Exit::usage, {"test.yaml", "not YAML", "line"}, [] { parse("a: [1, 2"); });
  expect_error(Exit::usage, {"test.yaml", "train", "section"}, [] { parse("train: 5"); });
  expect_error(Exit::usage, {"test.yaml", "line 2", "UTF-8", "0xfc"},
               [] { parse("data:\n  files: [gr\xFC\xDF.nc]"); });
  expect_error(Exit::usage, {"test.yaml", "top level", "names"}, [] { parse("? [data, files]\n: a.nc"); });
}

TEST(Config, RefusesContradictions) {
  const std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> cases = {
      {{"model.num_heads=5"}, {"embed_dim 64", "num_heads 5"}},
      {{"model.embed_dim=66", "model.num_heads=3"}, {"multiple of 4"}},
      {{"train.loss=crps", "model.noise_dim=4"}, {"train.loss crps", "train.members", "found 1"}},
      {{"train.members=2"}, {"train.members is 2", "crps"}},
      {{"train.loss=crps", "train.members=2"}, {"model.noise_dim is 0", "the same"}},
      {{"model.noise_dim=4"}, {"model.noise_dim is 4", "mse", "ignore"}},
      {{"train.loss=crps", "train.members=2", "model.noise_dim=4", "model.network=unet",
        "model.tokens=joint"},
       {"unet", "noise"}},
      {{"model.aggregated_tokens=2"}, {"aggregated_tokens", "variable"}},
      {{"model.tokens=joint", "model.patch_levels=2"}, {"patch_levels is 2", "joint", "set it to 1"}},
      {{"train.warmup_steps=11"}, {"warmup_steps 11", "steps 10"}},
      {{"train.warmup_steps=6", "train.schedule_steps=5"}, {"warmup_steps 6", "schedule_steps 5"}},
      {{"train.micro_batches=9"}, {"batch_size 8", "micro_batches 9"}},
      {{"data.targets=[v]"}, {"data.targets", "'v'"}},
      {{"data.static=[t]"}, {"'t'", "data.static"}},
      {{"data.files=[]"}, {"data.files"}},
      {{"data.split.train=[1]"}, {"data.split.train", "[first, last]"}},
      {{"parallel.sp=5"}, {"parallel.sp 5", "num_heads 4", "use ring"}},
      {{"parallel.sequence=hybrid", "parallel.sp=6", "parallel.ulysses=4"}, {"multiple of parallel.ulysses"}},
      {{"parallel.tp=5"}, {"parallel.tp 5", "num_heads is 4"}},
      {{"parallel.tp=2", "parallel.sp=3"}, {"parallel.sp 3", "2 are left", "parallel.tp 2"}},
      {{"parallel.pp=3", "parallel.interleave=2"},
       {"parallel.pp 3 x parallel.interleave 2", "model.depth 4"}},
      {{"parallel.pp=2", "parallel.interleave=2", "train.micro_batches=3"},
       {"parallel.interleave 2", "3 micro-batches"}},
      {{"memory.offload=host"}, {"memory.offload host", "on a CPU", "memory.offload: disk"}},
      {{"memory.offload=disk", "parallel.device=cuda"}, {"memory.offload disk", "memory.offload: host"}},
      {{"memory.offload=disk", "memory.recompute=none"}, {"memory.offload disk", "memory.recompute"}},
      {{"train.rollout_steps=2", "parallel.pp=2"},
       {"train.rollout_steps 2", "parallel.pp 2", "parallel.pp=1"}},
      {{"parallel.interleave=2"}, {"parallel.interleave 2", "found pp 1"}},
      {{"evaluate.regions=[a=1, 2]"}, {"test.yaml: evaluate.regions", "name=south,north,west,east"}},
      {{"evaluate.regions=['a=0,1,0,1', 'a=1,2,0,1']"}, {"evaluate.regions", "two regions", "'a'"}}};
  for (const auto& given : cases)
    expect_error(Exit::usage, given.second, [&] { parse(kGood, given.first); });
}

TEST(ParseBytes, KnowsUnits) {
  EXPECT_EQ(parse_bytes("8GiB", "x"), int64_t{8} << 30);
  EXPECT_EQ(parse_bytes("1.5 kB", "x"), 1500);
  EXPECT_EQ(parse_bytes("42", "x"), 42);
  expect_error(Exit::usage, {"8 parsecs"}, [] { parse_bytes("8 parsecs", "x"); });
  expect_error(Exit::usage, {"-1"}, [] { parse_bytes("-1", "x"); });
}

TEST(Config, RefusesASettingThatIsThereTwice) {
  for (const char* yaml : {"train: {steps: 20, steps: 30}", "train: {steps: 20}\ntrain: {batch_size: 4}"})
    expect_error(Exit::usage, {"twice.yaml", "train", "is there twice"},
                 [&] { parse_config(yaml, "twice.yaml", {}); });
}

TEST(Config, ChangedSettings) {
  Config one;
  one.data.files = {"a.nc"};
  EXPECT_TRUE(changed_settings(one, one).empty());
  Config other = one;
  other.data.files = {"a.nc", "b.nc"};
  other.model.predict = Predict::state;
  const auto found = changed_settings(one, other);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].path, "data.files");
  EXPECT_EQ(found[0].one, "[a.nc]");
  EXPECT_EQ(found[0].other, "[a.nc, b.nc]");
  EXPECT_EQ(found[1].path, "model.predict");
}

}  // namespace
}  // namespace seqvit
