#!/usr/bin/env bash
# Every source file is as .clang-format (version 14) has it. Skipped (77) where clang-format is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."
for format in clang-format-14 clang-format ""; do
  "$format" --version 2>/dev/null | grep -q 'version 14' && break
done
[ -n "$format" ] || { echo "skipped: clang-format 14 is not installed"; exit 77; }
find src tests -name '*.h' -o -name '*.cpp' | sort | xargs "$format" --dry-run -Werror
