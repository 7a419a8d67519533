#include "data/netcdf_writer.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <mutex>
#include <netcdf.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"
#include "data/full_disk.h"
#include "data/netcdf.h"

namespace seqvit::data {
namespace {

constexpr int kDeflateLevel = 2;

}  // namespace

// Runs a netCDF call. HDF5 reports a failed write as "HDF error" only; the reason is what the system left in
// errno.
template <typename Function, typename... Args>
void NetcdfWriter::call(Function function, Args... args) {
  const std::lock_guard lock(netcdf_mutex());
  errno = 0;
  const int status = function(args...);
  const int reason = errno;
  if (status == NC_NOERR) return;
  const bool of_system = reason != 0 && (status > 0 || status == NC_EHDFERR);
  fail_with(of_system ? std::strerror(reason) : ::nc_strerror(status));
}

void NetcdfWriter::fail_with(const std::string& reason) const {
  fail(Exit::data, "{}: cannot write {}: {}", path_.string(), what_, reason);
}

NetcdfWriter::NetcdfWriter(std::filesystem::path path, std::string what, int64_t bytes)
    : path_(std::move(path)), temporary_(path_.string() + ".tmp"), what_(std::move(what)) {
  // It takes the place of what is there: of a device (/dev/null) that would be for good.
  std::error_code unknown;
  if (std::filesystem::exists(path_, unknown) && !std::filesystem::is_regular_file(path_, unknown))
    fail_with("something else than a file has this name");
  const int64_t room = bytes + kMetadataBytes;
  const int reason = room_error(temporary_, room);
  if (reason != 0) fail_with(fmt::format("{} (it needs up to {} bytes)", std::strerror(reason), room));
  try {
    call(::nc_create, temporary_.c_str(), NC_NETCDF4 | NC_CLOBBER, &id_);
  } catch (...) {
    ::unlink(temporary_.c_str());  // a failed nc_create may leave a file
    throw;
  }
  created_ = true;
  room_held_ = hold_room(temporary_, room);
}

NetcdfWriter::~NetcdfWriter() {
  if (id_ >= 0) {
    const std::lock_guard lock(netcdf_mutex());
    sink_writes(temporary_);
    ::nc_abort(id_);
  }
  if (created_) ::unlink(temporary_.c_str());
}

void NetcdfWriter::require_room(int64_t bytes) const {
  const int reason = growth_error(temporary_, bytes + kMetadataBytes, room_held_);
  if (reason != 0) fail_with(std::strerror(reason));
}

int NetcdfWriter::define_dim(const std::string& name, int64_t size) {
  int dim = -1;
  call(::nc_def_dim, id_, name.c_str(), static_cast<size_t>(size), &dim);
  return dim;
}

int NetcdfWriter::define(const std::string& name, int type, const std::vector<int>& dims) {
  int variable = -1;
  call(::nc_def_var, id_, name.c_str(), type, static_cast<int>(dims.size()), dims.data(), &variable);
  return variable;
}

int NetcdfWriter::define_coordinate(const std::string& name, const std::vector<int>& dims) {
  return define(name, NC_DOUBLE, dims);
}

int NetcdfWriter::define_labels(const std::string& name, int dim) {
  return define(name, NC_STRING, {dim});
}

int NetcdfWriter::define_field(const std::string& name, const std::vector<int>& dims,
                               const std::vector<size_t>& chunk) {
  const int variable = define(name, NC_FLOAT, dims);
  constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
  call(::nc_def_var_fill, id_, variable, NC_FILL, &kMissing);
  call(::nc_def_var_chunking, id_, variable, NC_CHUNKED, chunk.data());
  call(::nc_def_var_deflate, id_, variable, 1, 1, kDeflateLevel);
  fields_.push_back(variable);
  return variable;
}

void NetcdfWriter::put(int variable, const std::string& name, const Attribute& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    call(::nc_put_att_text, id_, variable, name.c_str(), text->size(), text->c_str());
  } else {
    const auto& numbers = std::get<std::vector<double>>(value);
    call(::nc_put_att_double, id_, variable, name.c_str(), NC_DOUBLE, numbers.size(), numbers.data());
  }
}

void NetcdfWriter::end_definitions() {
  call(::nc_enddef, id_);
  // Without a cache a field is on its way to the disk when `write` returns, so that what is left to the end
  // is small. Before nc_enddef netCDF-C would set the cache back.
  for (const int variable : fields_)
    call(::nc_set_var_chunk_cache, id_, variable, size_t{0}, size_t{0}, 0.0f);
}

void NetcdfWriter::write(int variable, std::span<const double> values) {
  call(::nc_put_var_double, id_, variable, values.data());
}

void NetcdfWriter::write_labels(int variable, const std::vector<std::string>& labels) {
  std::vector<const char*> texts;
  for (const std::string& label : labels)
    texts.push_back(label.c_str());
  call(::nc_put_var_string, id_, variable, texts.data());
}

void NetcdfWriter::write(int variable, std::span<const size_t> start, std::span<const size_t> count,
                         std::span<const float> values) {
  require_room(static_cast<int64_t>(values.size_bytes()));
  call(::nc_put_vara_float, id_, variable, start.data(), count.data(), values.data());
}

void NetcdfWriter::commit() {
  require_room(0);
  call(::nc_sync, id_);
  const int id = std::exchange(id_, -1);
  call(::nc_close, id);
  const int descriptor = ::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  if (!synced || ::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with(std::strerror(errno));
  created_ = false;
}

}  // namespace seqvit::data
