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

namespace seqvit {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_truncated(const std::string& path, int64_t expected, int64_t found) {
  fail(Exit::data,
       "{}: expected {} bytes by its header, found {}; the file is truncated: copy or download it again",
       path, expected, found);
}

/// Big-endian reader of a netCDF-3 header that knows when it has run past the end of the file.
class HeaderReader {
 public:
  HeaderReader(std::ifstream& in, const std::string& path, int64_t file_bytes)
      : in_(in), path_(path), file_bytes_(file_bytes) {}

  uint64_t number(int bytes) {
    std::array<unsigned char, 8> buffer{};
    advance(bytes);
    in_.read(reinterpret_cast<char*>(buffer.data()), bytes);
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i)
      value = value << 8 | buffer[i];
    return value;
  }
  void skip_padded(uint64_t bytes) {
    // A length from a damaged header may be anything: one longer than the file must not overflow the sum.
    bytes = std::min(bytes, static_cast<uint64_t>(file_bytes_) + 1);
    advance(static_cast<int64_t>((bytes + 3) / 4 * 4));
    in_.seekg(position_);
  }

 private:
  void advance(int64_t bytes) {
    position_ += bytes;
    if (position_ > file_bytes_) fail_truncated(path_, position_, file_bytes_);
  }

  std::ifstream& in_;
  const std::string& path_;
  int64_t file_bytes_, position_ = 0;
};

/// A product that stays below 2^60, so that a damaged header cannot overflow a sum of a few.
int64_t multiply(int64_t a, int64_t b) {
  constexpr int64_t kLimit = int64_t{1} << 60;
  if (a <= 0 || b <= 0) return 0;
  return a > kLimit / b ? kLimit : a * b;
}

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
  const uint64_t count = in.number(header.count_bytes());
  for (uint64_t i = 0; i < count; ++i) {
    in.skip_padded(in.number(header.count_bytes()));
    const int bytes = type_bytes(in.number(4), path);
    const uint64_t length = in.number(header.count_bytes());
    in.skip_padded(length > (uint64_t{1} << 56) ? length : length * bytes);
  }
}

ClassicVariable read_variable(HeaderReader& in, const ClassicHeader& header, const std::string& path) {
  in.skip_padded(in.number(header.count_bytes()));
  ClassicVariable variable{0, 1, false};
  const uint64_t dims = in.number(header.count_bytes());
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
  variable.begin = static_cast<int64_t>(in.number(header.offset_bytes()));
  return variable;
}

ClassicHeader read_header(HeaderReader& in, const std::string& path) {
  ClassicHeader header;
  header.version = static_cast<int>(in.number(4) & 0xFF);
  header.records = in.number(header.count_bytes());
  in.number(4);
  const uint64_t dims = in.number(header.count_bytes());
  for (uint64_t i = 0; i < dims; ++i) {
    in.skip_padded(in.number(header.count_bytes()));
    header.dims.push_back(static_cast<int64_t>(in.number(header.count_bytes())));
  }
  skip_attributes(in, header, path);
  in.number(4);
  const uint64_t variables = in.number(header.count_bytes());
  for (uint64_t i = 0; i < variables; ++i)
    header.variables.push_back(read_variable(in, header, path));
  return header;
}

/// The end of the last value, without padding: a writer may leave the last padding out.
int64_t classic_bytes(const ClassicHeader& header) {
  const bool streaming = header.records == (header.version == 5 ? ~uint64_t{0} : uint64_t{0xFFFFFFFF});
  const int64_t records = streaming ? 0 : static_cast<int64_t>(header.records);
  int64_t record_bytes = 0, record_variables = 0, unpadded = 0, end = 0;
  for (const ClassicVariable& variable : header.variables) {
    if (!variable.record) continue;
    ++record_variables;
    unpadded = variable.bytes;
    record_bytes += (variable.bytes + 3) / 4 * 4;
  }
  // The format's special case: a single record variable is stored without padding between its records.
  if (record_variables == 1) record_bytes = unpadded;
  for (const ClassicVariable& variable : header.variables) {
    if (variable.record && records == 0) continue;
    end = std::max(
        end, variable.begin + variable.bytes + (variable.record ? multiply(records - 1, record_bytes) : 0));
  }
  return end;
}

/// The end of file address of an HDF5 superblock (any version), or 0 where it cannot be told.
int64_t hdf5_bytes(std::ifstream& in) {
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

[[noreturn]] void fail_foreign(const std::string& path, const std::string& head) {
  const char* found = "a file of another format";
  if (head.empty()) found = "an empty file";
  if (head.starts_with("GRIB")) found = "a GRIB file (convert it: grib_to_netcdf, or cdo -f nc copy)";
  if (head.starts_with("PK")) found = "a zip archive (unpack it first)";
  if (head.starts_with("\x1F\x8B")) found = "a gzip archive (unpack it first)";
  const bool text = std::all_of(head.begin(), head.end(), [](unsigned char c) {
    return (c >= 32 && c < 127) || c == '\n' || c == '\r' || c == '\t';
  });
  if (!head.empty() && text && !head.starts_with("GRIB") && !head.starts_with("PK")) found = "text";
  fail(Exit::data, "{}: expected a NetCDF file, found {}; give NetCDF files", path, found);
}

}  // namespace

Container check_container(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    fail(Exit::data, "{}: expected a NetCDF file, found nothing there; check the path", path);
  }
  if (fs::is_directory(status)) {
    fail(Exit::data, "{}: expected a NetCDF file, found a directory; name the files in it, such as '{}/*.nc'",
         path, path);
  }
  std::ifstream in(path, std::ios::binary);
  if (!in)
    fail(Exit::data, "{}: expected a readable file, found: {}; check its permissions", path,
         std::strerror(errno));
  const auto file_bytes = static_cast<int64_t>(fs::file_size(path, error));
  std::string head(8, '\0');
  in.read(head.data(), 8);
  head.resize(static_cast<size_t>(in.gcount()));
  in.clear();
  if (head.starts_with("CDF\x01") || head.starts_with("CDF\x02") || head.starts_with("CDF\x05")) {
    in.seekg(0);
    HeaderReader reader(in, path, file_bytes);
    const int64_t expected = classic_bytes(read_header(reader, path));
    if (file_bytes < expected) fail_truncated(path, expected, file_bytes);
    return Container::classic;
  }
  constexpr std::string_view kHdf5 = "\x89HDF\r\n\x1A\n";
  if (head == kHdf5) {
    const int64_t expected = hdf5_bytes(in);
    if (file_bytes < expected) fail_truncated(path, expected, file_bytes);
    return Container::hdf5;
  }
  if (!head.empty() && (kHdf5.starts_with(head) || std::string_view("CDF\x01").starts_with(head))) {
    fail_truncated(path, 32, file_bytes);
  }
  fail_foreign(path, head);
}

}  // namespace seqvit
