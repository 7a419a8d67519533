/// EXPECT_ERROR(statement, code, words...): the statement throws an Error of this code, on one line, with
/// these words.
#pragma once

#include <initializer_list>
#include <string>

#include <gtest/gtest.h>

#include "core/error.h"

namespace seqvit {

template <typename Statement>
void expect_error(Statement&& statement, Exit code, std::initializer_list<std::string> words,
                  const char* file, int line) {
  const testing::ScopedTrace trace(file, line, "expected to fail");
  try {
    statement();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    for (const std::string& word : words)
      EXPECT_NE(message.find(word), std::string::npos) << "no '" << word << "' in: " << message;
    return;
  }
  ADD_FAILURE() << "no error was thrown";
}

}  // namespace seqvit

#define EXPECT_ERROR(statement, code, ...) \
  ::seqvit::expect_error([&] { static_cast<void>(statement); }, code, {__VA_ARGS__}, __FILE__, __LINE__)
