#include "data/netcdf_header.h"

#include <algorithm>
#include <array>
#include <netcdf.h>
#include <netcdf_filter.h>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "core/utf8.h"

namespace seqvit::data {
namespace {

/// Blocks are decoded once and kept by the data set, so HDF5 needs a chunk cache only for what lies between
/// two calls; its default of up to 64 MB a variable adds up over many files.
constexpr size_t kChunkCacheBytes = size_t{1} << 20;

/// Of a dimension: beyond any use, and the sum of two is still a number.
constexpr size_t kLongestDim = size_t{1} << 48;

StoredType stored_type(nc_type type) {
  using enum StoredType;
  // Indexed by NC_BYTE = 1, CHAR, SHORT, INT, FLOAT, DOUBLE, UBYTE, USHORT, UINT, INT64, UINT64 = 11.
  constexpr std::array kTypes = {other,   int8,  text,   int16,  int32, float32,
                                 float64, uint8, uint16, uint32, int64, uint64};
  static_assert(NC_UINT64 + 1 == kTypes.size());
  return type >= NC_BYTE && type <= NC_UINT64 ? kTypes[type] : other;
}

/// What stands in one netCDF id; the caller holds the lock.
class HeaderReader {
 public:
  HeaderReader(int file, const std::string& path, const Container& container)
      : file_(file), path_(path), container_(container) {}

  NetcdfHeader read() {
    int count = 0;
    call(nc_inq_natts(file_, &count));
    header_.attributes = attributes(file_, NC_GLOBAL, count, nullptr);
    read_group(file_, "", {}, 0);
    return std::move(header_);
  }

 private:
  using Dims = std::map<int, FileDim>;

  /// `prefix`: "" or "/group/"; `dims`: of the groups around it, by id, which are unique in a file.
  void read_group(int group, const std::string& prefix, Dims dims, int depth) {
    constexpr int kDeepest = 64;
    if (depth > kDeepest)
      fail(Exit::data, "{}: expected groups at most {} deep, found more; the file is damaged", path_,
           kDeepest);
    add_dims(group, prefix, dims);
    int count = 0;
    call(nc_inq_nvars(group, &count));
    std::set<std::string> names;
    const size_t first = header_.variables.size();
    for (int i = 0; i < count; ++i) {
      header_.variables.push_back(variable(group, i, dims));
      header_.ids.push_back({group, i});
      names.insert(header_.variables.back().name);
    }
    for (size_t i = first; i < header_.variables.size(); ++i) {
      FileVariable& made = header_.variables[i];
      made.id = static_cast<int>(i);
      if (prefix.empty()) continue;
      name_whole(made, prefix, names);
      made.name = prefix + made.name;
    }
    if (nc_inq_grps(group, &count, nullptr) != NC_NOERR || count == 0) return;
    std::vector<int> ids(count);
    call(nc_inq_grps(group, &count, ids.data()));
    for (const int id : ids) {
      char name[NC_MAX_NAME + 1] = {};
      call(nc_inq_grpname(id, name));
      read_group(id, fmt::format("{}{}/", prefix.empty() ? "/" : prefix, to_utf8(name)), dims, depth + 1);
    }
  }

  /// Attributes that name variables of the same group.
  static void name_whole(FileVariable& variable, const std::string& prefix,
                         const std::set<std::string>& names) {
    for (const char* attribute : {"coordinates", "bounds", "climatology", "grid_mapping"}) {
      std::istringstream in(variable.text(attribute));
      std::string whole;
      for (std::string word; in >> word;)
        whole += (whole.empty() ? "" : " ") + (names.contains(word) ? prefix + word : word);
      if (!whole.empty()) variable.attributes[attribute] = whole;
    }
  }

  void add_dims(int group, const std::string& prefix, Dims& result) const {
    int count = 0, unlimited_count = 0;
    call(nc_inq_dimids(group, &count, nullptr, /*include_parents=*/0));
    std::vector<int> ids(count);
    call(nc_inq_dimids(group, &count, ids.data(), 0));
    call(nc_inq_unlimdims(group, &unlimited_count, nullptr));
    std::vector<int> unlimited(unlimited_count);
    call(nc_inq_unlimdims(group, &unlimited_count, unlimited.data()));
    for (const int id : ids) {
      char name[NC_MAX_NAME + 1] = {};
      size_t size = 0;
      call(nc_inq_dim(group, id, name, &size));
      const bool is_unlimited = std::find(unlimited.begin(), unlimited.end(), id) != unlimited.end();
      if (is_unlimited && container_.records) size = static_cast<size_t>(*container_.records);
      check_size(name, size, kLongestDim);
      result[id] = {prefix + to_utf8(name), static_cast<int64_t>(size), is_unlimited};
    }
  }

  FileVariable variable(int group, int id, const Dims& dims) const {
    char name[NC_MAX_NAME + 1] = {};
    nc_type type = NC_NAT;
    int rank = 0, attribute_count = 0;
    call(nc_inq_var(group, id, name, &type, &rank, nullptr, &attribute_count));
    std::vector<int> dim_ids(rank);
    call(nc_inq_vardimid(group, id, dim_ids.data()));
    FileVariable result;
    result.name = to_utf8(name);
    result.type = stored_type(type);
    result.stored_type = type == NC_STRING           ? "string"
                         : type > NC_MAX_ATOMIC_TYPE ? user_type(group, type)
                                                     : type_name(result.type);
    for (const int dim : dim_ids) {
      const auto found = dims.find(dim);
      if (found == dims.end()) {
        fail(Exit::data, "{}: {}: expected dims of its group or of one around it, found none of number {}",
             path_, result.name, dim);
      }
      result.dims.push_back(found->second);
    }
    result.chunk = chunk(group, id, rank);
    std::map<std::string, StoredType> types;
    result.attributes = attributes(group, id, attribute_count, &types);
    int no_fill = 0;
    if (result.numeric()) call(nc_inq_var_fill(group, id, &no_fill, nullptr));
    result.packing = make_packing(result.type, result.attributes, types, no_fill == 0);
    return result;
  }

  std::map<std::string, Attribute> attributes(int group, int variable, int count,
                                              std::map<std::string, StoredType>* types) const {
    std::map<std::string, Attribute> result;
    for (int i = 0; i < count; ++i) {
      char name[NC_MAX_NAME + 1] = {};
      nc_type type = NC_NAT;
      size_t length = 0;
      call(nc_inq_attname(group, variable, i, name));
      call(nc_inq_att(group, variable, name, &type, &length));
      if (type > NC_MAX_ATOMIC_TYPE) continue;
      check_size(name, length, static_cast<size_t>(container_.bytes));  // never compressed
      result[to_utf8(name)] = value(group, variable, name, type, length);
      if (types != nullptr) (*types)[to_utf8(name)] = stored_type(type);
    }
    return result;
  }

  /// "enum cloud_type", "compound wind": not read, so it is named.
  static std::string user_type(int group, nc_type type) {
    char name[NC_MAX_NAME + 1] = {};
    int kind = 0;
    if (nc_inq_user_type(group, type, name, nullptr, nullptr, nullptr, &kind) != NC_NOERR) return "other";
    const char* const word = kind == NC_ENUM       ? "enum"
                             : kind == NC_COMPOUND ? "compound"
                             : kind == NC_OPAQUE   ? "opaque"
                                                   : "variable-length";
    return fmt::format("{} {}", word, to_utf8(name));
  }

  void call(int status) const { require_netcdf(status, path_, "cannot read the header"); }

  void check_size(const char* name, size_t found, size_t most) const {
    if (found <= most) return;
    fail(Exit::data, "{}: {}: expected a length of at most {}, found {}; the file is damaged: copy it again",
         path_, name, most, found);
  }

  std::vector<int64_t> chunk(int group, int id, int rank) const {
    int storage = NC_CONTIGUOUS;
    std::vector<size_t> sizes(std::max(rank, 1));
    if (nc_inq_var_chunking(group, id, &storage, sizes.data()) != NC_NOERR || storage != NC_CHUNKED)
      return {};
    if (rank > 1) call(nc_set_var_chunk_cache(group, id, kChunkCacheBytes, 521, 0.75F));
    return {sizes.begin(), sizes.begin() + rank};
  }

  Attribute value(int group, int variable, const char* name, nc_type type, size_t length) const {
    if (type == NC_CHAR) {
      std::string text(length, '\0');
      call(nc_get_att_text(group, variable, name, text.data()));
      while (!text.empty() && text.back() == '\0')
        text.pop_back();
      return to_utf8(std::move(text));
    }
    if (type == NC_STRING) {
      std::vector<char*> strings(length);
      call(nc_get_att_string(group, variable, name, strings.data()));
      std::string text;
      for (const char* string : strings)
        text += (text.empty() ? "" : ", ") + std::string(string == nullptr ? "" : string);
      nc_free_string(length, strings.data());
      return to_utf8(std::move(text));
    }
    std::vector<double> numbers(length);
    call(nc_get_att_double(group, variable, name, numbers.data()));
    return numbers;
  }

  int file_;
  const std::string& path_;
  const Container& container_;
  NetcdfHeader header_;
};

/// Filters as registered with the HDF Group, and those of HDF5 itself.
std::string filter_name(unsigned id) {
  constexpr std::pair<unsigned, const char*> kNames[] = {
      {1, "deflate"},   {4, "szip"},    {307, "bzip2"},        {32000, "lzf"},
      {32001, "blosc"}, {32004, "lz4"}, {32008, "bitshuffle"}, {32013, "zfp"},
      {32015, "zstd"},  {32017, "sz"},  {32024, "sz3"},        {32026, "blosc2"}};
  for (const auto& [number, name] : kNames) {
    if (number == id) return fmt::format("{} ({})", name, id);
  }
  return fmt::format("number {}", id);
}

}  // namespace

NetcdfHeader read_netcdf_header(int file, const std::string& path, const Container& container) {
  return HeaderReader(file, path, container).read();
}

void require_netcdf(int status, const std::string& path, const std::string& what) {
  if (status == NC_NOERR) return;
  fail(Exit::data, "{}: {}: {}; the file may be damaged: copy or download it again", path, what,
       nc_strerror(status));
}

std::string missing_filter(const NetcdfId& id) {
  size_t count = 0;
  if (nc_inq_var_filter_ids(id.group, id.variable, &count, nullptr) != NC_NOERR || count == 0 || count > 32)
    return "";
  std::vector<unsigned> filters(count);
  if (nc_inq_var_filter_ids(id.group, id.variable, &count, filters.data()) != NC_NOERR) return "";
  for (const unsigned filter : filters) {
    if (nc_inq_filter_avail(id.group, filter) == NC_NOERR) continue;
    return fmt::format(
        "expected filters that are installed, found {}; set HDF5_PLUGIN_PATH to a folder with its plugin "
        "(python -c \"import hdf5plugin; print(hdf5plugin.PLUGIN_PATH)\"), or write the file again without "
        "it",
        filter_name(filter));
  }
  return "";
}

}  // namespace seqvit::data
