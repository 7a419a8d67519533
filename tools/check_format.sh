#!/usr/bin/env bash
# Every source file is as .clang-format (version 14) has it. Skipped (77) where clang-format is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang-format >/dev/null || { echo "skipped: clang-format is not installed"; exit 77; }
find src tests -name '*.h' -o -name '*.cpp' | sort | xargs clang-format --dry-run -Werror
