#!/usr/bin/env bash
# Installs, builds and tests everything.
#
#   ./test.sh             all quick tests
#   ./test.sh --asan      those of the rank-threads and the attention kernel, under AddressSanitizer and UndefinedBehaviorSanitizer
set -euo pipefail
cd "$(dirname "$0")"
./setup.sh

case "${1:-}" in
  --asan)
    cmake --preset asan -DSEQVIT_RANK_TESTS_ONLY=ON >/dev/null
    cmake --build --preset asan --target comm_test ops_test parallel_test train_test
    # Open MPI and libtorch keep what they allocate at start; detect_leaks would report them, not us.
    ASAN_OPTIONS=detect_leaks=0 ctest --preset asan -L ranks
    ;;
  "")
    cmake --preset dev >/dev/null
    cmake --build --preset dev
    ctest --preset dev
    ;;
  *)
    echo "test.sh: unknown option '$1'; it takes --asan" >&2
    exit 2
    ;;
esac
