/// Which variables of which files a data set uses: names as configured ("t@850") resolved to variables and
/// levels.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/source.h"
#include "data/wanted.h"

namespace seqvit::data {

/// A variable at one level in one file.
struct Pick {
  const Source* source = nullptr;
  int64_t level = 0;
  bool by_level = false;  ///< it was named by its level
};

class Selection {
 public:
  /// Opens every path once and keeps the coordinates of the variables that `options` asks for. Throws
  /// Error(data).
  Selection(const DatasetOptions& options, std::vector<std::string> paths);

  const std::vector<std::string>& paths() const { return paths_; }
  /// Of the paths, when they were opened.
  const std::vector<FileStamp>& stamps() const { return stamps_; }
  FileView open(size_t file) const { return FileView(paths_[file], reading_); }
  const std::string& path(const Source& source) const { return paths_[source.file]; }
  /// The configured names, "t@*" replaced by the levels that there are, or all those of gridded variables
  /// with time; then forcings and diagnostics.
  const std::vector<std::string>& variables() const { return variables_; }
  const std::vector<std::string>& statics() const { return statics_; }
  /// Whether a forcing is computed, as no file has a variable of its name.
  bool computes(const std::string& name) const;
  /// Every file's part of a variable with time, in the order of the files. Throws Error(data) with the
  /// nearest name.
  std::vector<Pick> pick_variable(const std::string& name) const;
  /// The first file's.
  Pick pick_static(const std::string& name) const;
  /// What `name` is in the files, as in DatasetOptions::sources; "" where that is its name.
  std::string source_of(const std::string& name) const;

 private:
  void scan(size_t file);
  Wanted wanted(const std::string& name) const;
  void check_names() const;
  /// Says what data.select names that no file has, once all have been looked at: no error, as a run may meet
  /// files in which the choice has been made.
  void check_selected() const;
  void expand_levels(std::vector<std::string>& names);
  void keep(Source source);
  std::vector<Pick> pick(const std::string& name) const;
  std::vector<std::string> names_of(const Source& source) const;
  [[noreturn]] void fail_unknown(const std::string& name) const;
  [[noreturn]] void fail_without_fields() const;

  FileReading reading_;
  std::set<std::string> dims_;  // of all files
  std::vector<std::string> paths_, variables_, statics_;
  std::vector<std::string> further_;               // forcings and diagnostics, which follow the variables
  bool computes_ = false;                          // insolation is among the forcings
  std::map<std::string, std::string> sources_of_;  // by name
  std::vector<FileStamp> stamps_;
  bool all_ = false;  // no variable was named
  std::vector<std::string> available_;
  std::string why_none_;  // why the first variable that might have been a field is none
  std::vector<Source> sources_;
};

}  // namespace seqvit::data
