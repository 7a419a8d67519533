# Headers in which most of a build's time goes, libtorch's, the standard library's, gtest's, are read once for each kind of target instead of
# once for each file. Sources still include what they use: tools/check_all.sh builds without any of this (SEQVIT_PRECOMPILED).
#
# What a compiler does at the end of a file for the templates that inline functions of its headers call is done for each file all the same. So only
# what most files of a kind include stands here: json's takes 1.2 s, that of libtorch's custom_function.h 4 s.
set(SEQVIT_STANDARD_HEADERS
  <algorithm> <array> <chrono> <cmath> <cstdint> <cstring> <filesystem> <fstream> <functional> <limits> <map> <memory> <mutex>
  <numeric> <optional> <set> <span> <sstream> <string> <string_view> <thread> <utility> <vector>
  <fmt/format.h> <fmt/ranges.h>)
set(SEQVIT_TORCH_HEADERS
  <ATen/Context.h> <ATen/Parallel.h> <ATen/TensorOperators.h> <ATen/core/Tensor.h> <ATen/core/grad_mode.h>
  <ATen/ops/empty.h> <ATen/ops/zeros.h> <ATen/ops/zeros_like.h>)

# seqvit_precompiled_kind(KIND LIBRARIES target... HEADERS header...): compiles the headers of a kind. An object without a symbol carries them.
function(seqvit_precompiled_kind KIND)
  cmake_parse_arguments(ARG "" "" "LIBRARIES;HEADERS" ${ARGN})
  add_library(seqvit_precompiled_${KIND} OBJECT EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp")
  target_link_libraries(seqvit_precompiled_${KIND} PRIVATE fmt::fmt ${ARG_LIBRARIES} seqvit_flags)
  target_precompile_headers(seqvit_precompiled_${KIND} PRIVATE ${SEQVIT_STANDARD_HEADERS} ${ARG_HEADERS})
endfunction()

seqvit_precompiled_kind(plain)
seqvit_precompiled_kind(torch LIBRARIES libtorch::libtorch HEADERS ${SEQVIT_TORCH_HEADERS})
seqvit_precompiled_kind(program LIBRARIES libtorch::libtorch CLI11::CLI11 nlohmann_json::nlohmann_json seqvit_lightly_optimised
  HEADERS ${SEQVIT_TORCH_HEADERS} <CLI/CLI.hpp> <nlohmann/json.hpp>)
if(BUILD_TESTING)
  seqvit_precompiled_kind(test LIBRARIES GTest::gtest seqvit_lightly_optimised HEADERS <gtest/gtest.h>)
  seqvit_precompiled_kind(torch_test LIBRARIES libtorch::libtorch GTest::gtest seqvit_lightly_optimised HEADERS ${SEQVIT_TORCH_HEADERS} <gtest/gtest.h>)
endif()

# seqvit_precompiled(TARGET KIND): the target's files see the headers of a kind. Not for files with instruction-set flags of their own.
function(seqvit_precompiled TARGET KIND)
  if(NOT SEQVIT_PRECOMPILED)
    return()
  endif()
  target_precompile_headers(${TARGET} REUSE_FROM seqvit_precompiled_${KIND})
endfunction()
