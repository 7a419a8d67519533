/// A checkpoint of one file: index, NUL, header of rank-00000.safetensors, NUL, its data. CHECKSUM in the
/// index becomes the file's.
#include "comm/comm.h"
#include "core/file.h"
#include "fuzz/fuzz.h"
#include "fuzz/shard.h"
#include "support/temporary_directory.h"
#include "train/checkpoint.h"

namespace seqvit {
namespace {

constexpr const char* kShard = "rank-00000.safetensors";

void write_checkpoint(const std::filesystem::path& directory, std::string_view input) {
  std::string index(take_part(input));
  const std::string_view header = take_part(input);
  write_input(directory / kShard, shard_bytes(header, input));
  constexpr std::string_view kMark = "CHECKSUM";
  if (const size_t at = index.find(kMark); at != std::string::npos)
    index.replace(at, kMark.size(), file_checksum(directory / kShard, Exit::checkpoint));
  write_input(directory / "index.json", index);
}

/// The model that a checkpoint is loaded into: as the seeds'.
struct Model {
  std::unique_ptr<comm::Comm> comm = comm::make_self_comm();
  parallel::Sharding sharding{comm.get(), 0, at::kFloat, at::kFloat};
  parallel::ParamGroup group{"a", sharding};
  std::optional<train::AdamW> optimizer;

  Model() {
    group.add("w", {3, 4}, parallel::ParamKind::matrix, parallel::init_zero());
    group.add("n", {4}, parallel::ParamKind::vector, parallel::init_zero());
    group.seal();
    optimizer.emplace(std::vector<parallel::ParamGroup*>{&group}, TrainConfig{}, *comm);
  }
};

}  // namespace
}  // namespace seqvit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace seqvit;
  static const TemporaryDirectory directory;
  static Model model;
  write_checkpoint(directory.path(), text_of(data, size));
  within_a_second([&] {
    only_errors([&] { train::read_weights(directory.path()); });
    only_errors([&] {
      const train::Progression progression =
          train::load_checkpoint(directory.path(), {&model.group}, &*model.optimizer);
      require(progression.step >= 0, "a negative step");
    });
  });
  return 0;
}
