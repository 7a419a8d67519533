/// Where broken rules and counts are kept. Any thread.
#pragma once

#include <string>

#include "device/test_device.h"

namespace seqvit::test_device {

void report(const std::string& text);

/// Functions of the program on the stack of this thread, innermost first, " < " between them.
std::string stack_here();

void count_kernel(int device, const char* name);
void count_wait(int device, const std::string& what);
void count_copied(int device, int64_t bytes, bool to_host);

}  // namespace seqvit::test_device
