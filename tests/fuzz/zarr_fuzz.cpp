/// A Zarr store in one text: the metadata of version 2 (consolidated) or 3 up to a line "=", then the bytes
/// of a chunk, which stands under the keys that small arrays have.
#include <filesystem>

#include "data/zarr.h"
#include "fuzz/fuzz.h"
#include "fuzz/understand.h"
#include "support/temporary_directory.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace seqvit;
  namespace fs = std::filesystem;
  static const TemporaryDirectory directory;
  const std::string root = directory / "fuzz.zarr";
  static const bool made = [&] {
    for (const char* name : {"", "/t", "/t/c", "/time", "/lat", "/lon"})
      fs::create_directory(root + name);
    write_input(root + "/time/0", std::string_view("\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16));
    return true;
  }();
  static_cast<void>(made);
  const std::string_view text = text_of(data, size);
  const size_t cut = text.find("\n=\n");
  const std::string_view metadata = text.substr(0, cut),
                         chunk = cut == std::string_view::npos ? std::string_view{} : text.substr(cut + 3);
  const bool third = metadata.find("node_type") != std::string_view::npos;
  write_input(root + "/.zmetadata", third ? "{}" : metadata);
  if (third)
    write_input(root + "/zarr.json", metadata);
  else
    fs::remove(root + "/zarr.json");
  for (const char* key : {"/t/0.0.0", "/t/c/0", "/t/0"})
    write_input(root + key, chunk);
  within_a_second([&] { only_errors([&] { understand(root); }); });
  return 0;
}
