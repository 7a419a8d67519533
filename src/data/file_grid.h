/// Reading the grid that a variable of a file stands on.
#pragma once

#include <vector>

#include "data/grid_layout.h"
#include "data/source_file.h"
#include "grid/grid.h"

namespace seqvit::data {

/// Throws Error(data) where a variable is so much larger than its file that nearly all of it was never
/// written: a netCDF-4 header of 10 KB may name 2^60 values, and they would all be read; or one of its
/// chunks, which is decoded whole. Allowed are 4096 bytes a byte of the file, four times what deflate can
/// reach, and 256 MiB.
void check_size(const SourceFile& file, const FileVariable& variable);

/// All values of a coordinate. Throws Error(data) where one is none.
std::vector<double> read_axis(const SourceFile& file, const FileVariable& coordinate);

/// The grid of a variable on `layout`, with the edges of rows or the corners of cells where the file has
/// them. A last column that repeats the first, one turn on, is left out: the grid then has a column less than
/// the variable. Points whose latitudes depend on the row only, and longitudes on the column, are a
/// rectilinear grid, however the file says it. Throws Error(data).
grid::Grid read_grid(const SourceFile& file, const FileVariable& variable, const GridLayout& layout,
                     const FileAxes& axes);

}  // namespace seqvit::data
