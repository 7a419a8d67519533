/// A safetensors file: JSON header, NUL, data; or, behind a first byte of 255, the file as it is.
#include "fuzz/fuzz.h"
#include "fuzz/shard.h"
#include "support/temporary_directory.h"
#include "train/safetensors.h"

namespace seqvit {
namespace {

std::string file_bytes(std::string_view input) {
  if (input.starts_with('\xFF')) return std::string(input.substr(1));
  const std::string_view header = take_part(input);
  return shard_bytes(header, input);
}

void read_file(const std::string& path) {
  const train::SafetensorsFile file(path);
  for (const auto& [name, entry] : file.entries()) {
    const Tensor all = file.read(name);
    require(all.sizes() == at::IntArrayRef(entry.shape), "a tensor of another shape");
    if (all.numel() > 1)
      require(file.read(name, {1, all.numel()}).numel() == all.numel() - 1, "a part of another size");
  }
}

}  // namespace
}  // namespace seqvit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace seqvit;
  static const TemporaryDirectory directory;
  const std::string path = directory / "fuzz.safetensors";
  write_input(path, file_bytes(text_of(data, size)));
  within_a_second([&] { only_errors([&] { read_file(path); }); });
  return 0;
}
