/// The program under mpirun: the same numbers on any mesh, and an orderly end when a rank is lost.
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <signal.h>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"
#include "support/source_path.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

double score(const std::filesystem::path& run) {
  const auto scores = nlohmann::json::parse(read_text(run / "scores.json", Exit::bug)).at("scores");
  for (const auto& s : scores) {
    if (s.at("metric") == "rmse" && s.at("region") == "global" && s.at("lead_hours") == 24)
      return s.at("value");
  }
  return -1;
}

struct Layout {
  int ranks;
  std::vector<std::string> settings;
};

/// Trains and evaluates on one rank and under each layout: losses within 1e-5, test error to three digits.
void expect_like_one_rank(const std::string& config, const std::vector<std::string>& settings,
                          const std::vector<Layout>& layouts) {
  const TemporaryDirectory d;
  auto train = [&](const std::filesystem::path& run, const std::vector<std::string>& layout) {
    std::vector<std::string> arguments = {"train", config, "--run", run};
    arguments.insert(arguments.end(), settings.begin(), settings.end());
    arguments.insert(arguments.end(), layout.begin(), layout.end());
    return arguments;
  };
  const Outcome one = seqvit(train(d / "one", {}));
  ASSERT_EQ(one.code, 0) << one.err;
  ASSERT_EQ(seqvit({"evaluate", d / "one"}).code, 0);
  int number = 0;
  for (const Layout& layout : layouts) {
    const auto run = d / ("r" + std::to_string(++number));
    std::string name = "-n " + std::to_string(layout.ranks);
    for (const std::string& setting : layout.settings)
      name += " " + setting;
    SCOPED_TRACE(name);
    const Outcome trained = mpirun(layout.ranks, train(run, layout.settings));
    ASSERT_EQ(trained.code, 0) << trained.err;
    EXPECT_NE(trained.err.find("layout verified"), std::string::npos) << trained.err;
    const double difference = largest_difference(losses(d / "one"), losses(run));
    EXPECT_LT(difference, 1e-5);
    const Outcome evaluated = mpirun(layout.ranks, {"evaluate", run});
    ASSERT_EQ(evaluated.code, 0) << evaluated.err;
    EXPECT_NEAR(score(run), score(d / "one"), 5e-4 * score(d / "one"));
    std::cout << name << ": largest relative difference of a loss " << difference << ", test error "
              << score(run) << " (one rank " << score(d / "one") << ")" << std::endl;
  }
}

TEST(Ranks, TrainAndEvaluateLikeOneRank) {
  const TemporaryDirectory d;
  expect_like_one_rank(
      small_config(d.path()), {},
      {{2, {"--parallel.sp=2", "--parallel.sequence=ulysses", "--parallel.zero=3"}},
       {3, {"--parallel.sp=3", "--parallel.sequence=ring", "--parallel.zero=1"}},
       {4,
        {"--parallel.sp=2", "--parallel.dp=2", "--parallel.sequence=lss", "--parallel.zero=2",
         "--memory.recompute=full"}},
       {4,
        {"--parallel.sp=4", "--parallel.sequence=hybrid", "--parallel.ulysses=2",
         "--memory.recompute=keep_attention"}},
       {4, {"--parallel.pp=2", "--parallel.tp=2", "--train.micro_batches=2", "--parallel.zero=1"}}});
}

/// Minutes long: runs where SEQVIT_SPEEDY names speedy_t30_global_6h_1y.nc.
TEST(Ranks, EveryStrategyTrainsSpeedyLikeOneRank) {
  const char* file = std::getenv("SEQVIT_SPEEDY");
  if (file == nullptr) GTEST_SKIP() << "set SEQVIT_SPEEDY to the SPEEDY file to run this";
  std::vector<Layout> layouts;
  for (const int ranks : {2, 3, 4}) {
    for (const char* sequence : {"ulysses", "lss", "lss_kv", "ring"}) {
      layouts.push_back(
          {ranks,
           {"--parallel.sp=" + std::to_string(ranks), std::string("--parallel.sequence=") + sequence}});
    }
  }
  layouts.push_back({4, {"--parallel.sp=4", "--parallel.sequence=hybrid", "--parallel.ulysses=2"}});
  layouts.push_back({2, {"--parallel.pp=2", "--train.micro_batches=2"}});
  layouts.push_back({2, {"--parallel.tp=2"}});
  layouts.push_back({4, {"--parallel.pp=2", "--parallel.sp=2", "--train.micro_batches=4"}});
  expect_like_one_rank(source_path("configs/speedy.yaml"),
                       {"--data.files=[" + std::string(file) + "]", "--stop-after=50"}, layouts);
}

/// The first of two stages holds two micro-batches under 1F1B, however many there are.
TEST(Ranks, APipelineStageHoldsWhatIsInFlight) {
  std::map<int, double> kept;  // bytes of the first stage, by micro-batches of one sample
  for (const int micro : {1, 2, 6}) {
    const std::string count = std::to_string(micro);
    const Outcome outcome =
        mpirun(2, {"bench", "--tokens", "4096", "--embed_dim", "32", "--depth", "4", "--num_heads", "1",
                   "--batch_size", count, "--steps", "1", "--json", "-", "--train.micro_batches=" + count,
                   "--parallel.pp=2", "--model.positions=fixed"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    kept[micro] = nlohmann::json::parse(outcome.out).at("memory_bytes").at("kept_for_backward");
  }
  EXPECT_GT(kept[1], 1e6);
  EXPECT_NEAR(kept[2] / kept[1], 2.0, 0.05);
  EXPECT_NEAR(kept[6] / kept[1], 2.0, 0.05);
}

/// What `bench` says of a step with `variables` fields whose tokens are aggregated, one point a patch.
nlohmann::json bench_aggregated(int ranks, int variables, const std::string& recompute) {
  std::string names = "v0";
  for (int v = 1; v < variables; ++v)
    names += ", v" + std::to_string(v);
  const Outcome outcome = mpirun(ranks, {"bench",
                                         "--tokens",
                                         "2048",
                                         "--embed_dim",
                                         "32",
                                         "--depth",
                                         "1",
                                         "--num_heads",
                                         "2",
                                         "--steps",
                                         "1",
                                         "--json",
                                         "-",
                                         "--recompute",
                                         recompute,
                                         "--model.patch_size=1",
                                         "--model.tokens=aggregated",
                                         "--model.positions=fixed",
                                         "--parallel.sequence=ring",
                                         "--parallel.sp=" + std::to_string(ranks),
                                         "--data.variables=[" + names + "]"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return nlohmann::json::parse(outcome.out);
}

/// Patches are shared out, and with them the embedding of however many variables: a rank needs 1/P of its
/// memory, and nothing is sent for it but the gradient of its weights.
TEST(Ranks, ManyVariablesAreEmbeddedWhereTheirPatchIs) {
  const auto peak = [](const nlohmann::json& json) {
    return json.at("memory_bytes").at("step_peak").get<double>();
  };
  // With recomputation so little is left that one tile and attention's scratch, the same on every rank, show.
  for (const auto& [recompute, least] : {std::pair{"none", 3.6}, {"full", 2.7}}) {
    const auto one = bench_aggregated(1, 128, recompute), four = bench_aggregated(4, 128, recompute);
    std::cout << "peak of a rank, recompute " << recompute << ": " << peak(one) / (1 << 20)
              << " MiB, of four " << peak(four) / (1 << 20) << std::endl;
    EXPECT_GT(peak(one) / peak(four), least) << recompute;
    EXPECT_LT(peak(one) / peak(four), 4.4) << recompute;
    auto sent = four.at("bytes_sent"), of_one_variable = bench_aggregated(4, 1, recompute).at("bytes_sent");
    sent.erase("zero"), of_one_variable.erase("zero");
    EXPECT_EQ(sent, of_one_variable) << recompute;
  }
}

/// 7 variables x 48 x 96 patches of one point are 32,256 tokens. Minutes long: runs where SEQVIT_SPEEDY names
/// speedy_t30_global_6h_1y.nc.
TEST(Ranks, AVariableTokenForEveryPointOfSpeedyTrainsLikeOneRank) {
  const char* file = std::getenv("SEQVIT_SPEEDY");
  if (file == nullptr) GTEST_SKIP() << "set SEQVIT_SPEEDY to the SPEEDY file to run this";
  const TemporaryDirectory d;
  std::vector<std::string> arguments = {"train",
                                        source_path("configs/speedy.yaml"),
                                        "--data.files=[" + std::string(file) + "]",
                                        "--data.static=[]",
                                        "--data.split.validation=[]",
                                        "--data.split.test=[]",
                                        "--model.patch_size=1",
                                        "--model.embed_overlap=false",
                                        "--model.head_overlap=false",
                                        "--model.tokens=variable",
                                        "--model.embed_dim=16",
                                        "--model.depth=1",
                                        "--model.num_heads=1",
                                        "--train.batch_size=1",
                                        "--train.warmup_steps=0",
                                        "--train.steps=3",
                                        "--memory.recompute=keep_attention",
                                        "--run",
                                        d / "one"};
  const Outcome one = seqvit(arguments);
  ASSERT_EQ(one.code, 0) << one.err;
  EXPECT_NE(one.err.find("32256 tokens"), std::string::npos) << one.err;
  arguments.back() = d / "four";
  arguments.insert(arguments.end(), {"--parallel.sp=4", "--parallel.sequence=ring"});
  const Outcome four = mpirun(4, arguments);
  ASSERT_EQ(four.code, 0) << four.err;
  ASSERT_EQ(losses(d / "one").size(), 3U);
  const double difference = largest_difference(losses(d / "one"), losses(d / "four"));
  EXPECT_LT(difference, 1e-5);
  std::cout << "largest relative difference of a loss " << difference << "\n"
            << one.err << four.err << std::endl;
}

TEST(Ranks, ACheckpointGoesOnUnderAnyMesh) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  ASSERT_EQ(seqvit({"train", config, "--run", d / "one"}).code, 0);
  ASSERT_EQ(mpirun(4, {"train", config, "--run", d / "r", "--parallel.sp=4", "--parallel.sequence=ring",
                       "--parallel.zero=3", "--stop-after", "13"})
                .code,
            0);
  ASSERT_EQ(mpirun(2, {"train", config, "--run", d / "r", "--parallel.dp=2", "--parallel.sequence=ulysses",
                       "--parallel.zero=1", "--stop-after", "27", "--resume"})
                .code,
            0);
  ASSERT_EQ(seqvit({"train", config, "--run", d / "r", "--resume"}).code, 0);
  EXPECT_LT(largest_difference(losses(d / "one"), losses(d / "r")), 1e-5);
}

TEST(Ranks, ALostRankEndsTheJobAndTheRunGoesOn) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  std::vector<std::string> arguments = {"train",
                                        config,
                                        "--run",
                                        d / "r",
                                        "--parallel.sp=3",
                                        "--parallel.sequence=ring",
                                        "--train.steps=100000",
                                        "--train.checkpoint_every=10",
                                        "--train.validate_every=100000"};
  Process job(mpirun_command(3, arguments), quiet_environment());
  for (int wait = 0; wait < 6000 && losses(d / "r").size() < 25; ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_GE(losses(d / "r").size(), 25U);
  // One of mpirun's children, but not the first: the pid of a rank.
  const Outcome children = Process({"pgrep", "-P", std::to_string(job.pid())}).wait();
  const std::string last = children.out.substr(children.out.rfind('\n', children.out.size() - 2) + 1);
  const auto killed_at = std::chrono::steady_clock::now();
  ::kill(std::stoi(last), SIGKILL);
  const Outcome outcome = job.wait();
  EXPECT_LT(std::chrono::steady_clock::now() - killed_at, std::chrono::seconds(300))
      << "by news, not by the time-out of 600 s";
  EXPECT_NE(outcome.code, 0);
  EXPECT_NE(outcome.err.find("seqvit: error: "), std::string::npos) << outcome.err;
  for (const std::string& name : files_below(d / "r"))
    EXPECT_EQ(name.find(".tmp/"), std::string::npos) << name;
  const Outcome resumed =
      seqvit({"train", config, "--run", d / "r", "--resume", "--train.steps=100000", "--stop-after", "40"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
}

TEST(Ranks, WrongLayoutsEndBeforeTheFirstStep) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  const Outcome wrong = mpirun(3, {"train", config, "--run", d / "r", "--parallel.sp=2"});
  EXPECT_EQ(wrong.code, 2) << wrong.err;
  EXPECT_NE(wrong.err.find("3"), std::string::npos);
  const Outcome heads =
      mpirun(2, {"train", config, "--run", d / "r", "--parallel.sp=5", "--parallel.sequence=ulysses"});
  EXPECT_EQ(heads.code, 2) << heads.err;
  EXPECT_FALSE(std::filesystem::exists(d / "r"));
}

TEST(Ranks, AnErrorOfAllIsSaidOnce) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  for (const auto& [code, arguments] :
       {std::pair{2, std::vector<std::string>{"bench", "--no_such_option"}},
        {2, {"train", config, "--run", d / "r", "--parallel.sp=3", "--train.no_such_setting=1"}},
        {3, {"train", config, "--run", d / "r", "--parallel.sp=3", "--data.files=[none.nc]"}}}) {
    const Outcome outcome = mpirun(3, arguments);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    const std::string line = "seqvit: error: ";
    const size_t first = outcome.err.find(line);
    EXPECT_NE(first, std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.find(line, first + 1), std::string::npos) << outcome.err;
  }
}

/// The same name and size, one other byte.
TEST(Ranks, FilesThatDifferBetweenRanksAreRefused) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path()),
                    bytes = read_text(source_path("samples/ncep_air_na_6h_2013_2014.nc"), Exit::bug);
  std::string changed = bytes;
  changed[60000] = static_cast<char>(changed[60000] ^ 1);
  for (const char* rank : {"a", "b"}) {
    std::filesystem::create_directory(d / rank);
    write_text(d / rank / "air.nc", *rank == 'a' ? bytes : changed, Exit::bug);
  }
  const std::vector<std::string> program = {seqvit_path(), "train", config, "--data.files=[air.nc]",
                                            "--parallel.sp=2"};
  std::vector<std::string> command = mpirun_command(1, {});
  command.back() = "-wdir";  // in place of the program
  command.emplace_back(d / "a");
  command.insert(command.end(), program.begin(), program.end());
  command.insert(command.end(), {":", "-n", "1", "-wdir", (d / "b").string()});
  command.insert(command.end(), program.begin(), program.end());
  const Outcome outcome = Process(command, quiet_environment()).wait();
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  EXPECT_NE(outcome.err.find("data.files differ between ranks 0 and 1"), std::string::npos) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(d / "a/runs"));
}

TEST(Ranks, VerifyPassesForTheConfiguredLayout) {
  const TemporaryDirectory d;
  const Outcome outcome = mpirun(4, {"verify", small_config(d.path()), "--json", "-", "--parallel.sp=2",
                                     "--parallel.dp=2", "--parallel.sequence=ulysses"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(outcome.out).at("passed"), true);
}

}  // namespace
}  // namespace seqvit::cli
