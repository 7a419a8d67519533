#include "data/checksums.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <span>
#include <unistd.h>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/stop.h"

namespace seqvit::data {

namespace fs = std::filesystem;

fs::path cache_directory() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (const std::string path = variable("SEQVIT_CACHE"); !path.empty()) return path;
  if (const std::string path = variable("XDG_CACHE_HOME"); !path.empty()) return fs::path(path) / "seqvit";
  if (const std::string path = variable("HOME"); !path.empty()) return fs::path(path) / ".cache" / "seqvit";
  return {};
}

void write_cached(const fs::path& path, const std::string& text) {
  // Ranks on several machines may share the directory, so each writes under a name of its own.
  static std::atomic<int> counter = 0;
  char host[64] = {};
  ::gethostname(host, sizeof(host) - 1);
  const fs::path own = path.string() + fmt::format(".{}.{}.{}", host, ::getpid(), counter++);
  try {
    make_directories(path.parent_path(), Exit::data);
    write_text(own, text, Exit::data);
    fs::rename(own, path);
  } catch (const std::exception&) {
    std::error_code ignored;
    fs::remove(own, ignored);
  }
}

namespace {

/// Of the names and sizes of a store's files, and the times of their modification if asked for. Reading all
/// of them would take hours for a store of which a data set uses a few variables.
std::string directory_checksum(const fs::path& root, bool times) {
  std::vector<std::string> lines;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(root, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (!entry->is_regular_file(error)) continue;
    lines.push_back(fmt::format("{} {} {}\n", fs::relative(entry->path(), root, error).string(),
                                entry->file_size(error),
                                times ? entry->last_write_time(error).time_since_epoch().count() : 0));
    if (lines.size() % 4096 == 0) throw_if_stopped();
  }
  if (error) fail(Exit::data, "{}: cannot read the directory: {}", root.string(), error.message());
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines)
    text += line;
  return checksum(std::as_bytes(std::span(text)));
}

}  // namespace

std::string first_look(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return directory_checksum(path, /*times=*/false);
  std::string start(65536, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(start.data(), static_cast<std::streamsize>(start.size()));
  const auto size = fs::file_size(path, error);
  return fmt::format("{} {}", error ? 0 : size, checksum(std::as_bytes(std::span(start))));
}

std::string data_checksum(const std::string& path, const fs::path& directory) {
  std::error_code error;
  if (fs::is_directory(path, error)) return directory_checksum(path, /*times=*/true);
  const fs::path cache = directory.empty() ? cache_directory() : directory;
  const fs::path real = fs::canonical(path, error);
  const auto read = [&] { return file_checksum(path, Exit::data, throw_if_stopped); };
  if (error || cache.empty()) return read();
  const auto size = static_cast<int64_t>(fs::file_size(real, error));
  const int64_t modified = fs::last_write_time(real, error).time_since_epoch().count();
  const fs::path memory = cache / "checksums" / (checksum(std::as_bytes(std::span(real.native()))) + ".json");
  try {
    if (fs::exists(memory)) {
      const auto known = nlohmann::json::parse(read_text(memory, Exit::data));
      if (known.at("path") == real.string() && known.at("bytes") == size && known.at("modified") == modified)
        return known.at("checksum");
    }
  } catch (const std::exception&) {
    // Damaged or out of reach: it can be computed again.
  }
  const std::string result = read();
  const nlohmann::json known = {
      {"path", real.string()}, {"bytes", size}, {"modified", modified}, {"checksum", result}};
  write_cached(memory, known.dump());
  return result;
}

}  // namespace seqvit::data
