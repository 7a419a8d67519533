#include "data/open_file.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <vector>

#include "core/error.h"
#include "data/grib.h"
#include "data/netcdf.h"
#include "data/zarr.h"

namespace seqvit::data {
namespace {

namespace fs = std::filesystem;

/// The first bytes of a file; of anything but a file (opening a pipe would wait for who writes into it) none.
std::string head_of(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return "";
  std::string head(512, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(head.data(), std::ssize(head));
  head.resize(static_cast<size_t>(in.gcount()));
  return head;
}

std::mutex formats_mutex;
std::vector<FileFormat> added_formats;  // NOLINT: of the process, see add_format

std::vector<FileFormat> formats_of_programs() {
  const std::lock_guard lock(formats_mutex);
  return {added_formats.rbegin(), added_formats.rend()};
}

/// Some begin with a bulletin's header. The edition stands at the eighth byte.
bool is_grib(std::string_view head) {
  if (head.starts_with("CDF") || head.starts_with("\x89HDF")) return false;
  const size_t at = head.find("GRIB");
  return at < 128 && at + 7 < head.size() && (head[at + 7] == 1 || head[at + 7] == 2);
}

/// "gs://bucket/...", "https://...".
bool is_url(const std::string& path) {
  const size_t scheme = path.find("://");
  return scheme != std::string::npos && scheme > 0 &&
         std::all_of(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(scheme),
                     [](unsigned char c) { return std::isalnum(c) != 0; });
}

const char* how_to_bring(const std::string& url) {
  if (url.starts_with("gs:"))
    return "gsutil -m cp -r URL .; of a large store the wanted part: xarray's open_zarr, sel, to_zarr";
  if (url.starts_with("s3:"))
    return "aws s3 cp --recursive URL .; of a large store the wanted part: xarray's open_zarr, sel, to_zarr";
  return "wget URL, for a Zarr store wget -r; of a large one the wanted part: xarray's open_zarr, sel, "
         "to_zarr";
}

}  // namespace

void add_format(FileFormat format) {
  const std::lock_guard lock(formats_mutex);
  added_formats.push_back(std::move(format));
}

std::shared_ptr<const SourceFile> open_file(const std::string& path) {
  const std::string head = head_of(path);
  for (const FileFormat& format : formats_of_programs()) {
    if (format.matches(path, head)) return format.open(path);
  }
  if (is_url(path)) {
    fail(Exit::data,
         "{}: expected a file or a directory, found a URL; data are not read over the network: bring it here "
         "first ({})",
         path, how_to_bring(path));
  }
  if (is_zarr(path)) return std::make_shared<const ZarrFile>(path);
  if (is_grib(head)) return open_grib(path);
  // It also says of all other files what they are.
  return std::make_shared<const NetcdfFile>(path);
}

}  // namespace seqvit::data
