/// EXPECT_ERROR(statement, code, words...): the statement throws an Error of this code, on one line, with
/// these words.
#pragma once

#include "support/errors.h"

#define EXPECT_ERROR(statement, code, ...)                                              \
  do {                                                                                  \
    SCOPED_TRACE(#statement);                                                           \
    ::seqvit::expect_error(code, {__VA_ARGS__}, [&] { static_cast<void>(statement); }); \
  } while (false)
