#include "data/netcdf.h"

#include <memory>
#include <netcdf.h>
#include <netcdf_mem.h>
#include <sstream>
#include <utility>

#include <hdf5.h>

#include "core/error.h"
#include "data/netcdf_header.h"

namespace seqvit::data {
namespace {

/// netCDF-C asks HDF5 for attributes that are not there and, on its first thread only, keeps HDF5 from
/// printing pages about that.
void silence_hdf5() {
  ::H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

}  // namespace

std::mutex& netcdf_mutex() {
  static std::mutex mutex;
  static thread_local bool quiet = false;
  if (!std::exchange(quiet, true)) {
    const std::lock_guard lock(mutex);  // a call of HDF5 like any other: most builds of it know no threads
    silence_hdf5();
  }
  return mutex;
}

NetcdfFile::NetcdfFile(const std::string& path)
    : SourceFile(path, stamp_of(path)), container_(check_container(path)) {
  const std::lock_guard lock(netcdf_mutex());
  read_header(nc_open(path.c_str(), NC_NOWRITE, &id_));
}

NetcdfFile::NetcdfFile(std::string name, std::unique_ptr<std::string> bytes)
    : SourceFile(std::move(name), {}), bytes_in_memory_(std::move(bytes)) {
  std::istringstream in(*bytes_in_memory_);
  container_ = check_container(path_, in, std::ssize(*bytes_in_memory_));
  const std::lock_guard lock(netcdf_mutex());
  read_header(
      nc_open_mem(path_.c_str(), NC_NOWRITE, bytes_in_memory_->size(), bytes_in_memory_->data(), &id_));
}

NetcdfFile NetcdfFile::from_memory(const std::string& name, std::string bytes) {
  return {name, std::make_unique<std::string>(std::move(bytes))};
}

/// `status` is that of opening the file; the caller holds the lock.
void NetcdfFile::read_header(int status) {
  if (status != NC_NOERR) {
    id_ = -1;
    fail(Exit::data, "{}: expected a NetCDF file, found: {}; the file is damaged{}", path_,
         nc_strerror(status),
         container_.format == ContainerFormat::hdf5
             ? ", is HDF5 but not netCDF-4, or lies on a file system without locks (then set "
               "HDF5_USE_FILE_LOCKING=FALSE)"
             : ": copy or download it again");
  }
  bytes_ = container_.bytes;
  try {
    NetcdfHeader header = read_netcdf_header(id_, path_, container_);
    variables_ = std::move(header.variables);
    ids_ = std::move(header.ids);
    attributes_ = std::move(header.attributes);
    if (container_.format == ContainerFormat::hdf5 && !bytes_in_memory_)
      chunks_ = std::make_unique<Hdf5Chunks>(path_);
  } catch (...) {
    nc_close(std::exchange(id_, -1));
    throw;
  }
}

NetcdfFile::~NetcdfFile() {
  chunks_.reset();  // it takes the lock itself
  if (id_ < 0) return;
  const std::lock_guard lock(netcdf_mutex());
  nc_close(id_);
}

NetcdfFile::NetcdfFile(NetcdfFile&& other) noexcept
    : SourceFile(std::move(other)),
      container_(other.container_),
      bytes_in_memory_(std::move(other.bytes_in_memory_)),
      id_(std::exchange(other.id_, -1)),
      ids_(std::move(other.ids_)),
      chunks_(std::move(other.chunks_)) {}

void NetcdfFile::read_stored(const FileVariable& variable, std::span<const int64_t> start,
                             std::span<const int64_t> count, std::byte* out) const {
  if (chunks_ && !variable.chunk.empty() && chunks_->read(variable, start, count, out))
    return check_unchanged(path_, stamp_, stamp_of(path_));
  std::vector<size_t> first(start.begin(), start.end()), size(count.begin(), count.end());
  // netCDF-C wants pointers even for a scalar.
  first.push_back(0);
  size.push_back(1);
  const NetcdfId id = ids_.at(static_cast<size_t>(variable.id));
  int status = NC_NOERR;
  std::string filter;
  {
    const std::lock_guard lock(netcdf_mutex());
    status = nc_get_vara(id.group, id.variable, first.data(), size.data(), out);
    if (status != NC_NOERR && container_.format == ContainerFormat::hdf5) filter = missing_filter(id);
  }
  if (!bytes_in_memory_) check_unchanged(path_, stamp_, stamp_of(path_));
  if (!filter.empty()) fail(Exit::data, "{}: {}: {}", path_, variable.name, filter);
  require_netcdf(status, path_, fmt::format("{}: cannot read values", variable.name));
}

}  // namespace seqvit::data
