#!/usr/bin/env bash
# Installs, builds and tests everything; names the ten slowest tests and what was left out.
#
#   ./test.sh             all tests
#   ./test.sh --quick     without those labelled `long`
#   ./test.sh --asan      those of the data layer, the rank-threads and the attention kernel, under AddressSanitizer and
#                         UndefinedBehaviorSanitizer
set -euo pipefail
cd "$(dirname "$0")"

# run_tests PRESET CTEST_OPTION...: a test that runs N ranks counts as N of the cores (PROCESSORS).
run_tests() {
  local results=$PWD/build/$1/tests.xml failed=0
  ctest --preset "$1" "${@:2}" -j "$(nproc)" --test-output-size-passed 1000000 --output-junit "$results" || failed=1
  tools/test_summary.py "$results"
  return $failed
}

case "${1:-}" in
  --asan)
    ./setup.sh
    cmake --preset asan -DSEQVIT_SANITIZED_TESTS_ONLY=ON >/dev/null
    cmake --build --preset asan --target sanitized_tests
    # Open MPI and libtorch keep what they allocate at start; detect_leaks would report them, not us.
    ASAN_OPTIONS=detect_leaks=0 run_tests asan -L sanitized
    ;;
  "" | --quick)
    ./setup.sh --tests
    cmake --preset dev >/dev/null
    cmake --build --preset dev
    options=()
    [ -z "${1:-}" ] || options=(-LE long)
    run_tests dev "${options[@]}"
    ;;
  *)
    echo "test.sh: unknown option '$1'; it takes --quick or --asan" >&2
    exit 2
    ;;
esac
