/// What is wrong with the times of files: order, duplicates, gaps.
#pragma once

#include <string>
#include <vector>

#include "data/inspect.h"

namespace seqvit::data {

/// The step between times that are in order: "6h", "1mon" (every month once), "" for a single time,
/// "irregular".
std::string find_step(const std::vector<TimeStamp>& times, Calendar calendar);

/// "40 times with a step of 6h", "1 time", "40 times without a regular step".
std::string describe_times(const std::vector<TimeStamp>& times, Calendar calendar);

/// Problems within one file: times that do not increase.
void check_order(const FileReport& file, std::vector<Problem>& problems);

/// Problems of files with the same variables, which follow one another in time: overlaps, gaps, an irregular
/// step.
void check_sequence(std::vector<const FileReport*> files, std::vector<Problem>& problems);

}  // namespace seqvit::data
