#include "data/paths.h"

#include <filesystem>
#include <glob.h>
#include <set>

#include "core/error.h"

namespace seqvit::data {
namespace {

std::vector<std::string> expand(const std::string& pattern) {
  std::error_code error;
  if (pattern.find("://") != std::string::npos) return {pattern};  // open_file says what to do with a URL
  // A file whose own name has brackets in it is a file.
  if (pattern.find_first_of("*?[~") == std::string::npos || std::filesystem::exists(pattern, error))
    return {pattern};
  glob_t found{};
  const int status = ::glob(pattern.c_str(), GLOB_TILDE, nullptr, &found);
  std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + (status == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  if (paths.empty()) {
    fail(Exit::data, "{}: expected files that match this pattern, found none; check the path", pattern);
  }
  return paths;
}

}  // namespace

std::vector<std::string> expand_paths(const std::vector<std::string>& patterns) {
  std::vector<std::string> paths;
  std::set<std::string> seen;
  for (const std::string& pattern : patterns) {
    for (std::string& path : expand(pattern)) {
      std::error_code error;
      const std::string real = std::filesystem::weakly_canonical(path, error).string();
      if (seen.insert(error ? path : real).second) paths.push_back(std::move(path));
    }
  }
  if (paths.empty())
    fail(Exit::data, "data files: expected at least one NetCDF file, found none; name them in data.files");
  return paths;
}

}  // namespace seqvit::data
