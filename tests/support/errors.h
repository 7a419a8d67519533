/// Expecting an Error with its code and with words of its line:
/// EXPECT_ERROR(statement, code, words...) or, around several statements, expect_error.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"

namespace seqvit {

/// Runs `body`, which must throw an Error of `code` whose message is one line and holds all `words`.
inline void expect_error(Exit code, const std::vector<std::string>& words,
                         const std::function<void()>& body) {
  try {
    body();
    FAIL() << "expected an error, found none";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(error.code(), code) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    for (const std::string& word : words)
      EXPECT_NE(text.find(word), std::string::npos) << word << " not in: " << text;
  }
}

}  // namespace seqvit

#define EXPECT_ERROR(statement, code, ...)                                              \
  do {                                                                                  \
    SCOPED_TRACE(#statement);                                                           \
    ::seqvit::expect_error(code, {__VA_ARGS__}, [&] { static_cast<void>(statement); }); \
  } while (false)
