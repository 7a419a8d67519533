#!/usr/bin/env bash
# Every source file is as .clang-format (version 14) has it, and no comment is wider than its lines: it leaves comments
# alone, which it would break in mid-sentence. Skipped (77) where clang-format is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."
for format in clang-format-14 clang-format ""; do
  "$format" --version 2>/dev/null | grep -q 'version 14' && break
done
[ -n "$format" ] || { echo "skipped: clang-format 14 is not installed"; exit 77; }
mapfile -t sources < <(find src tests examples -name '*.h' -o -name '*.cpp' | sort)
"$format" --dry-run -Werror "${sources[@]}"
if LC_ALL=C.UTF-8 grep -HnP '^(?=\s*//).{111}' "${sources[@]}"; then
  echo "check_format.sh: comments of more than 110 columns" >&2
  exit 1
fi
