/// What every fuzz target shares. A target is one file with LLVMFuzzerTestOneInput: clang's libFuzzer drives
/// it (preset `fuzz`, tools/fuzz.sh), and replay.cpp runs the kept corpus through it under any compiler
/// (ctest `fuzz_*`).
///
/// Whatever the bytes, a target ends in success or in an Error with a documented exit code. Anything else
/// (another exception, a crash, a sanitizer's report, a message of several lines, more than a second of
/// processor time) is a finding: mend its kind and keep the input in tests/fuzz/corpus/TARGET under a name
/// that says what it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace seqvit {

/// Ends the process as a sanitizer would, so that libFuzzer keeps the input.
[[noreturn]] inline void finding(const std::string& what) {
  std::fprintf(stderr, "finding: %s\n", what.c_str());
  std::abort();
}

inline void require(bool holds, const std::string& what) {
  if (!holds) finding(what);
}

/// Runs `body`, which may throw an Error of a user's fault. Exceptions of other types end the process by
/// themselves.
template <typename Body>
void only_errors(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    const std::string_view text = error.what();
    require(error.code() != Exit::bug, std::string(text));
    require(!text.empty() && text.find_first_of("\n\r\x1b") == std::string_view::npos,
            "an error is one line: " + std::string(text));
  }
}

/// Runs `body` and ends the process where it took more than a second of processor time (a busy machine does
/// not count).
template <typename Body>
void within_a_second(const Body& body) {
  const std::clock_t start = std::clock();
  body();
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  require(seconds <= 1.0, "took " + std::to_string(seconds) + " s of processor time");
}

/// Writes a file for the target to read (in TMPDIR, which tools/fuzz.sh puts into memory).
inline void write_input(const std::string& path, std::string_view bytes) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  require(file != nullptr &&
              (bytes.empty() || std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size()) &&
              std::fclose(file) == 0,
          "cannot write " + path);
}

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// The lines of a text, without their ends.
inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return lines;
}

}  // namespace seqvit
