#!/usr/bin/env bash
# Looks for data races: the code that has threads of its own (tests/tsan) under ThreadSanitizer. Arguments go to the test binary.
#
#   tools/tsan.sh
#   tools/tsan.sh --gtest_filter='Loader*'
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset tsan >/dev/null
cmake --build --preset tsan -- -j2
export TSAN_OPTIONS="suppressions=$PWD/tests/tsan/suppressions:second_deadlock_stack=1"
# GCC 12's run-time library wants addresses where an unrandomised process has them.
exec setarch -R build/tsan/tests/tsan/tsan_test "$@"
