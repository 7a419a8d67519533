#include "data/inspect_values.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/stop.h"

namespace seqvit::data {
namespace {

using Shape = std::vector<int64_t>;

/// What is read of a variable: all of it, but one index along dimensions that data.select names, and one of
/// those that are merged.
struct Box {
  Shape begin, end;

  Box(const FileVariable& variable, const GridLayout& layout) {
    for (size_t d = 0; d < variable.dims.size(); ++d) {
      const auto selected = layout.selected.find(static_cast<int>(d));
      const bool whole = selected == layout.selected.end() && layout.merged != static_cast<int>(d);
      begin.push_back(selected == layout.selected.end() ? 0 : selected->second);
      end.push_back(whole ? variable.dims[d].size : begin.back() + 1);
    }
  }
  size_t dims() const { return begin.size(); }
  int64_t size(size_t d) const { return end[d] - begin[d]; }
  int64_t values() const {
    int64_t count = 1;
    for (size_t d = 0; d < dims(); ++d)
      count *= size(d);
    return count;
  }
};

/// The shape of a piece: whole trailing dims as long as they fit, then a multiple of the chunk, so that a
/// chunk is decoded once, unless chunks are so large that they do not fit.
Shape piece_shape(const FileVariable& variable, const Box& box, int64_t piece_values) {
  Shape shape(box.dims(), 1);
  int64_t values = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    const int64_t size = box.size(d), room = std::max<int64_t>(1, piece_values / values);
    const int64_t chunk = variable.chunk.empty() ? 1 : std::clamp<int64_t>(variable.chunk[d], 1, size);
    const bool chunk_fits = chunk <= std::max<int64_t>(1, 8 * piece_values / values);
    shape[d] = size <= room ? size : chunk_fits ? std::max(chunk, room / chunk * chunk) : room;
    values *= shape[d];
    if (shape[d] < size) break;
  }
  return shape;
}

/// Steps to the next piece in row-major order; false after the last.
bool next_piece(const Box& box, const Shape& piece, Shape& start) {
  for (size_t d = start.size(); d-- > 0;) {
    start[d] += piece[d];
    if (start[d] < box.end[d]) return true;
    start[d] = box.begin[d];
  }
  return false;
}

/// Counts missing values at each point; time has stride 0, and so have dimensions of which one index is read.
class MissingCounter {
 public:
  MissingCounter(const Box& box, const GridLayout& layout) : stride_(box.dims(), 0) {
    int64_t points = 1;
    for (size_t d = stride_.size(); d-- > 0;) {
      if (static_cast<int>(d) == layout.time || box.size(d) == 1) continue;
      stride_[d] = points;
      points *= box.size(d);
    }
    missing_.resize(static_cast<size_t>(points));
  }

  void add(const Shape& start, const Shape& count, const std::vector<double>& values) {
    const size_t last = count.size() - 1;
    Shape place(count.size(), 0);
    for (size_t i = 0; i < values.size(); i += static_cast<size_t>(count[last])) {
      int64_t point = start[last] * stride_[last];
      for (size_t d = 0; d < last; ++d)
        point += (start[d] + place[d]) * stride_[d];
      for (int64_t k = 0; k < count[last]; ++k) {
        if (values[i + static_cast<size_t>(k)] != values[i + static_cast<size_t>(k)])
          ++missing_[point + k * stride_[last]];
      }
      for (size_t d = last; d-- > 0 && ++place[d] == count[d];)
        place[d] = 0;
    }
  }

  void summarise(int64_t steps, ValueSummary& summary) const {
    summary.points = static_cast<int64_t>(missing_.size());
    summary.always_missing = std::count(missing_.begin(), missing_.end(), steps);
    const int64_t never = std::count(missing_.begin(), missing_.end(), 0);
    summary.sometimes_missing = summary.points - summary.always_missing - never;
  }

 private:
  Shape stride_;
  std::vector<int64_t> missing_;
};

/// One piece after another, merged as read_fields merges.
class PieceReader {
 public:
  PieceReader(const SourceFile& file, const FileVariable& variable, const GridLayout& layout)
      : file_(file), variable_(variable), layout_(layout) {}

  void operator()(const Shape& start, const Shape& count, std::vector<double>& values) {
    file_.read(variable_, start, count, std::span(values));
    if (layout_.merged < 0) return;
    Shape place(start);
    more_.resize(values.size());
    while (++place[layout_.merged] < variable_.dims[layout_.merged].size) {
      file_.read(variable_, place, count, std::span(more_));
      for (size_t i = 0; i < values.size(); ++i) {
        if (std::isnan(values[i])) values[i] = more_[i];
      }
    }
  }

 private:
  const SourceFile& file_;
  const FileVariable& variable_;
  const GridLayout& layout_;
  std::vector<double> more_;
};

/// The variable without limits of what is valid; nothing where it has none.
std::optional<FileVariable> without_limits(const FileVariable& variable) {
  if (std::isinf(variable.packing.lowest) && std::isinf(variable.packing.highest)) return std::nullopt;
  FileVariable result = variable;
  result.packing.lowest = -std::numeric_limits<double>::infinity();
  result.packing.highest = std::numeric_limits<double>::infinity();
  return result;
}

int64_t count_numbers(const std::vector<double>& values) {
  return std::ranges::count_if(values, [](double v) { return !std::isnan(v); });
}

/// Infinite values of a piece become missing.
class InfiniteCounter {
 public:
  InfiniteCounter(int time_dim, ValueSummary& summary) : time_dim_(time_dim), summary_(summary) {}

  void take_out(const Shape& start, const Shape& count, std::vector<double>& values) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (!(std::abs(values[i]) > std::numeric_limits<float>::max())) continue;
      values[i] = std::numeric_limits<double>::quiet_NaN();
      ++summary_.infinite;
      note(place_of(static_cast<int64_t>(i), start, count));
    }
  }

 private:
  static Shape place_of(int64_t index, const Shape& start, const Shape& count) {
    Shape place(start);
    for (size_t d = count.size(); d-- > 0; index /= count[d])
      place[d] += index % count[d];
    return place;
  }

  /// Of two the earlier in time is the first, then the one that stands first in the file.
  void note(Shape place) {
    Shape& first = summary_.first_infinite;
    const auto time = [&](const Shape& at) { return time_dim_ < 0 ? 0 : at[time_dim_]; };
    if (first.empty() || std::pair(time(place), place) < std::pair(time(first), first))
      first = std::move(place);
  }

  int time_dim_;
  ValueSummary& summary_;
};

}  // namespace

ValueSummary summarise_values(const SourceFile& file, const FileVariable& variable, const GridLayout& layout,
                              int64_t piece_values) {
  ValueSummary summary;
  const Box box(variable, layout);
  summary.values = box.values();
  if (summary.values == 0) return summary;
  MissingCounter missing(box, layout);
  InfiniteCounter infinite(layout.time, summary);
  FillDetector fills;
  const Shape piece = piece_shape(variable, box, piece_values);
  Shape start = box.begin, count(start.size());
  const std::optional<FileVariable> unlimited = without_limits(variable);
  PieceReader read(file, variable, layout);
  std::optional<PieceReader> read_all;
  if (unlimited) read_all.emplace(file, *unlimited, layout);
  std::vector<double> values;
  do {
    throw_if_stopped();
    size_t size = 1;
    for (size_t d = 0; d < start.size(); ++d) {
      count[d] = std::min(piece[d], box.end[d] - start[d]);
      size *= static_cast<size_t>(count[d]);
    }
    values.resize(size);
    if (read_all) {
      (*read_all)(start, count, values);
      summary.outside += count_numbers(values);
    }
    read(start, count, values);
    if (read_all) summary.outside -= count_numbers(values);
    infinite.take_out(start, count, values);
    const int64_t valid = summary.moments.count();
    summary.moments.add(std::span<const double>(values));
    fills.add(std::span<const double>(values));
    if (summary.moments.count() - valid < static_cast<int64_t>(size)) missing.add(start, count, values);
  } while (next_piece(box, piece, start));
  missing.summarise(layout.time < 0 ? 1 : variable.dims[layout.time].size, summary);
  summary.fill = fills.found(&variable.packing);
  return summary;
}

}  // namespace seqvit::data
