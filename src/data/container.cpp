#include "data/container.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "core/error.h"
#include "core/words.h"

namespace seqvit::data {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_truncated(const std::string& path, int64_t expected, int64_t found) {
  fail(Exit::data,
       "{}: expected {} bytes by its header, found {}; the file is truncated: copy or download it again",
       path, expected, found);
}

/// Nothing in a header may be larger, so that a few can be added or multiplied without overflow.
constexpr int64_t kMost = int64_t{1} << 60;

int64_t clamped(uint64_t value) {
  return static_cast<int64_t>(std::min(value, static_cast<uint64_t>(kMost)));
}

int64_t multiply(int64_t a, int64_t b) {
  if (a <= 0 || b <= 0) return 0;
  return a > kMost / b ? kMost : a * b;
}

/// Big-endian reader of a netCDF-3 header that knows when it has run past the end of the file, and gives up
/// on headers that cost more than any file's: whoever reads them would hold all of it in memory.
class HeaderReader {
 public:
  HeaderReader(std::istream& in, const std::string& path, int64_t file_bytes)
      : in_(in), path_(path), file_bytes_(file_bytes) {}

  /// The length of a list.
  uint64_t count(int bytes, const char* of, uint64_t most = uint64_t{1} << 15) {
    const uint64_t found = number(bytes);
    if (found > most) {
      fail(Exit::data,
           "{}: expected a netCDF-3 header of at most {} {}, found {}; the file is damaged: copy it again",
           path_, most, of, found);
    }
    return found;
  }

  uint64_t number(int bytes) {
    std::array<unsigned char, 8> buffer{};
    advance(bytes);
    in_.read(reinterpret_cast<char*>(buffer.data()), bytes);
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i)
      value = value << 8 | buffer[i];
    return value;
  }
  /// netCDF-C copies a name of any length into the room that it documents for the longest.
  void skip_name(int count_bytes) { skip_padded(count(count_bytes, "bytes of a name", kLongestName)); }
  void skip_padded(uint64_t bytes) {
    const int64_t padded = (clamped(bytes) + 3) / 4 * 4;
    advance(padded);
    in_.ignore(padded);
  }

 private:
  static constexpr int64_t kLongest = int64_t{64} << 20;
  static constexpr uint64_t kLongestName = 256;  // netCDF-C's NC_MAX_NAME

  void advance(int64_t bytes) {
    position_ += bytes;
    if (position_ > file_bytes_) fail_truncated(path_, position_, file_bytes_);
    if (position_ > kLongest) {
      fail(Exit::data,
           "{}: expected a netCDF-3 header of at most {} bytes, found a longer one; the file is damaged: "
           "copy it again",
           path_, kLongest);
    }
  }

  std::istream& in_;
  const std::string& path_;
  int64_t file_bytes_, position_ = 0;
};

struct ClassicVariable {
  int64_t begin = 0, bytes = 0;  // of one record for a record variable, without padding
  bool record = false;
};

struct ClassicHeader {
  int version = 1;
  uint64_t records = 0;
  std::vector<int64_t> dims;
  std::vector<ClassicVariable> variables;

  int count_bytes() const { return version == 5 ? 8 : 4; }
  int offset_bytes() const { return version == 1 ? 4 : 8; }
};

int type_bytes(uint64_t type, const std::string& path) {
  // NC_BYTE, CHAR, SHORT, INT, FLOAT, DOUBLE, and of CDF-5 UBYTE, USHORT, UINT, INT64, UINT64.
  constexpr std::array<int, 12> kBytes = {0, 1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8};
  if (type < 1 || type >= kBytes.size()) {
    fail(Exit::data,
         "{}: expected a netCDF-3 header, found an unknown type {}; the file is damaged: copy it again", path,
         type);
  }
  return kBytes[type];
}

void skip_attributes(HeaderReader& in, const ClassicHeader& header, const std::string& path) {
  in.number(4);
  const uint64_t count = in.count(header.count_bytes(), "attributes");
  for (uint64_t i = 0; i < count; ++i) {
    in.skip_name(header.count_bytes());
    const int bytes = type_bytes(in.number(4), path);
    in.skip_padded(multiply(clamped(in.number(header.count_bytes())), bytes));
  }
}

ClassicVariable read_variable(HeaderReader& in, const ClassicHeader& header, const std::string& path) {
  in.skip_name(header.count_bytes());
  ClassicVariable variable{0, 1, false};
  constexpr uint64_t kMostDims = 1024;  // netCDF-C's NC_MAX_VAR_DIMS
  const uint64_t dims = in.count(header.count_bytes(), "dimensions of a variable", kMostDims);
  for (uint64_t d = 0; d < dims; ++d) {
    const uint64_t dim = in.number(header.count_bytes());
    if (dim >= header.dims.size()) {
      fail(Exit::data,
           "{}: expected a netCDF-3 header, found dimension {} of {}; the file is damaged: copy it again",
           path, dim, header.dims.size());
    }
    if (d == 0 && header.dims[dim] == 0) {
      variable.record = true;
    } else {
      variable.bytes = multiply(variable.bytes, header.dims[dim]);
    }
  }
  skip_attributes(in, header, path);
  variable.bytes = multiply(variable.bytes, type_bytes(in.number(4), path));
  in.number(header.count_bytes());  // vsize: redundant, and wrong by design for variables of 4 GB and more
  variable.begin = clamped(in.number(header.offset_bytes()));
  return variable;
}

ClassicHeader read_header(HeaderReader& in, const std::string& path) {
  ClassicHeader header;
  header.version = static_cast<int>(in.number(4) & 0xFF);
  header.records = in.number(header.count_bytes());
  in.number(4);
  const uint64_t dims = in.count(header.count_bytes(), "dimensions");
  for (uint64_t i = 0; i < dims; ++i) {
    in.skip_name(header.count_bytes());
    header.dims.push_back(clamped(in.number(header.count_bytes())));
  }
  skip_attributes(in, header, path);
  in.number(4);
  const uint64_t variables = in.count(header.count_bytes(), "variables");
  for (uint64_t i = 0; i < variables; ++i)
    header.variables.push_back(read_variable(in, header, path));
  return header;
}

/// How records follow one another.
struct Records {
  int64_t bytes = 0;  // of one, all record variables together
  int64_t first_end =
      0;  // where the first one ends, without padding: a writer may leave the last padding out

  explicit Records(const ClassicHeader& header) {
    int64_t variables = 0, unpadded = 0;
    for (const ClassicVariable& variable : header.variables) {
      if (!variable.record) continue;
      ++variables;
      unpadded = variable.bytes;
      bytes = std::min(kMost, bytes + (variable.bytes + 3) / 4 * 4);
      first_end = std::max(first_end, variable.begin + variable.bytes);
    }
    // The format's special case: a single record variable is stored without padding between its records.
    if (variables == 1) bytes = unpadded;
  }

  int64_t end(int64_t count) const { return count == 0 ? 0 : first_end + multiply(count - 1, bytes); }
  int64_t held_by(int64_t file_bytes) const {
    return bytes == 0 || file_bytes < first_end ? 0 : 1 + (file_bytes - first_end) / bytes;
  }
};

Container check_classic(const ClassicHeader& header, const std::string& path, int64_t file_bytes) {
  const Records records(header);
  Container container{ContainerFormat::classic, file_bytes};
  const bool streaming = header.records == (header.version == 5 ? ~uint64_t{0} : uint64_t{0xFFFFFFFF});
  if (streaming) container.records = records.held_by(file_bytes);
  int64_t expected = streaming ? 0 : records.end(clamped(header.records));
  for (const ClassicVariable& variable : header.variables) {
    if (!variable.record) expected = std::max(expected, variable.begin + variable.bytes);
  }
  if (file_bytes < expected) fail_truncated(path, expected, file_bytes);
  return container;
}

/// The end of file address of an HDF5 superblock (any version), or 0 where it cannot be told.
int64_t hdf5_bytes(std::istream& in) {
  std::array<unsigned char, 96> block{};
  in.seekg(0);
  in.read(reinterpret_cast<char*>(block.data()), block.size());
  const auto available = static_cast<size_t>(in.gcount());
  if (available < 24) return static_cast<int64_t>(block.size());
  const int version = block[8];
  const size_t width = version < 2 ? block[13] : block[9];
  if (version > 3 || width == 0 || width > 8) return 0;
  // Base address, then the free space or extension address, then the end of file.
  const size_t address = (version == 0 ? 24 : version == 1 ? 28 : 12) + 2 * width;
  if (address + width > available) return static_cast<int64_t>(block.size());
  uint64_t value = 0;
  for (size_t i = width; i-- > 0;)
    value = value << 8 | block[address + i];
  return static_cast<int64_t>(value);
}

/// What a file that is none of ours looks like, and what to do. `head`: its first bytes.
[[noreturn]] void fail_foreign(const std::string& path, const std::string& head) {
  const auto fail_with = [&](const char* found, const char* fix) {
    fail(Exit::data, "{}: expected a NetCDF file, found {}; {}", path, found, fix);
  };
  const std::string word = lower(std::string(trimmed(head)));
  const bool text = std::all_of(head.begin(), head.end(), [](unsigned char c) {
    return (c >= 32 && c < 127) || c == '\n' || c == '\r' || c == '\t';
  });
  if (head.empty()) fail_with("an empty file", "copy or download it again");
  if (head.starts_with("version https://git-lfs"))
    fail_with("a pointer of Git LFS, not the file itself", "fetch it (git lfs pull)");
  if (word.starts_with("<!doctype html") || word.starts_with("<html"))
    fail_with("an HTML page: a server's message in place of the file",
              "open it in a browser to see why (a login, a moved "
              "link), and download the file again");
  if (word.starts_with("<?xml") || word.starts_with("<error"))
    fail_with("an XML text: a server's message in place of the file",
              "read it to see why, and download the file again");
  if (head.starts_with("PK")) fail_with("a zip archive (unpack it first)", "give NetCDF files");
  if (head.starts_with("\x1F\x8B"))
    fail_with("a gzip'ed file (unpack it first: gunzip)", "give NetCDF files");
  if (head.starts_with("BZh")) fail_with("a bzip2'ed file (unpack it first: bunzip2)", "give NetCDF files");
  if (head.starts_with("\xFD"
                       "7zXZ"))
    fail_with("an xz'ed file (unpack it first: unxz)", "give NetCDF files");
  if (head.starts_with("\x28\xB5\x2F\xFD"))
    fail_with("a zstd'ed file (unpack it first: unzstd)", "give NetCDF files");
  if (head.starts_with("\x0E\x03\x13\x01"))
    fail_with("an HDF4 file", "convert it (h4toh5, or ncks of an NCO with HDF4)");
  fail(Exit::data, "{}: expected a NetCDF file, found {}; give NetCDF, Zarr or GRIB files", path,
       text ? "text" : "a file of another format");
}

}  // namespace

Container check_container(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    fail(Exit::data, "{}: expected a NetCDF file, found nothing there; check the path", path);
  }
  if (fs::is_directory(status)) {
    fail(Exit::data,
         "{}: expected a NetCDF file, found a directory that is no Zarr store; name the files in it, such as "
         "'{}/*.nc'",
         path, path);
  }
  if (!fs::is_regular_file(status)) {  // opening a pipe would wait for who writes into it
    fail(Exit::data, "{}: expected a NetCDF file, found a pipe or a device; give a file", path);
  }
  std::ifstream in(path, std::ios::binary);
  if (!in)
    fail(Exit::data, "{}: expected a readable file, found: {}; check its permissions", path,
         std::strerror(errno));
  return check_container(path, in, static_cast<int64_t>(fs::file_size(path, error)));
}

Container check_container(const std::string& name, std::istream& in, int64_t size) {
  std::string start(64, '\0');
  in.read(start.data(), std::ssize(start));
  start.resize(static_cast<size_t>(in.gcount()));
  in.clear();
  const std::string head = start.substr(0, 8);
  if (head.starts_with("CDF\x01") || head.starts_with("CDF\x02") || head.starts_with("CDF\x05")) {
    in.seekg(0);
    HeaderReader reader(in, name, size);
    return check_classic(read_header(reader, name), name, size);
  }
  constexpr std::string_view kHdf5 = "\x89HDF\r\n\x1A\n";
  if (head == kHdf5) {
    const int64_t expected = hdf5_bytes(in);
    if (size < expected) fail_truncated(name, expected, size);
    return {ContainerFormat::hdf5, size};
  }
  if (!head.empty() && (kHdf5.starts_with(head) || std::string_view("CDF\x01").starts_with(head))) {
    fail_truncated(name, 32, size);
  }
  fail_foreign(name, start);
}

}  // namespace seqvit::data
