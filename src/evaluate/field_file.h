/// What files of fields on the grid of a data set have in common, forecasts as climatologies: places of the
/// grid, and attributes of the source.
///
/// CF-1.10; NetCDF-4, or a Zarr store where the name ends in .zarr. The file gets its name at `commit`.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/file_writer.h"

namespace seqvit::evaluate {

using Attributes = std::map<std::string, data::Attribute>;

/// Names of the grid's dims and coordinates.
struct GridNames {
  const char *latitude = "lat", *longitude = "lon";
};

class FieldFile {
 public:
  /// See data::make_file_writer. Throws Error(data) with path and reason.
  FieldFile(const std::filesystem::path& path, const std::string& what, const data::Dataset& dataset,
            int64_t bytes, GridNames names = {});

  data::FileWriter& writer() { return *writer_; }
  /// The source's attributes over `defaults`, without those that do not hold for another file.
  void put_all(int variable, const Attributes& source, Attributes defaults);
  /// Rows and columns: "lat" and "lon", or "y" and "x" where points have places of their own or none.
  std::vector<int> define_grid_dims();
  /// Latitudes and longitudes, over the dims of the grid.
  void define_places();
  /// float32 over `dims` and then the grid's, a chunk a field; with the source's attributes and, under
  /// `coordinates`, `auxiliary` and what says where its points are.
  int define_field(const data::VariableInfo& info, const std::string& name, std::vector<int> dims,
                   const std::string& auxiliary = "");
  /// Conventions, title, history; title, licence and credits of the source as source_*.
  void put_file_attributes(const std::string& title, const std::string& source, const std::string& command);
  /// After the end of definitions.
  void write_places();

 private:
  const data::Dataset& dataset_;
  GridNames names_;
  std::unique_ptr<data::FileWriter> writer_;
  std::vector<int> grid_dims_, places_;
};

}  // namespace seqvit::evaluate
